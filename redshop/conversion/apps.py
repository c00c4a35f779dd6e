from django.apps import AppConfig


class ConversionConfig(AppConfig):
    name = "redshop.conversion"
    label = "conversion"
    verbose_name = "Conversion"
