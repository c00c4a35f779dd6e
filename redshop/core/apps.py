from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "redshop.core"
    label = "core"
    verbose_name = "Core"
