from django.apps import AppConfig


class ExperimentsConfig(AppConfig):
    name = "redshop.experiments"
    label = "experiments"
    verbose_name = "Experiments"
