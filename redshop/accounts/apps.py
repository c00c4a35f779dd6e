from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "redshop.accounts"
    label = "accounts"
    verbose_name = "People"

    def ready(self) -> None:
        from redshop.accounts import tasks  # noqa: F401 - its import subscribes to facts
        from redshop.accounts.api import schema  # noqa: F401 - its import registers the scheme
