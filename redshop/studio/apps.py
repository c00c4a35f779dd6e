from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "redshop.studio"
    label = "studio"
    verbose_name = "Studio"

    def ready(self) -> None:
        from redshop.studio import tasks  # noqa: F401 - its subscriptions
