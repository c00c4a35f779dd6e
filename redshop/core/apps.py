from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "redshop.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        """Subscribe to facts, and look for every app's account of what it holds about people."""
        from django.utils.module_loading import autodiscover_modules

        from redshop.core import checks, tasks  # noqa: F401 - importing tasks subscribes them

        autodiscover_modules("privacy")
        checks.register()
