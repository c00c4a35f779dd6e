from django.apps import AppConfig


class ConversionConfig(AppConfig):
    name = "redshop.conversion"
    label = "conversion"
    verbose_name = "Conversion"

    def ready(self) -> None:
        from redshop.conversion import tasks  # noqa: F401 - subscribes to the outbox
