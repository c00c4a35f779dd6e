from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "redshop.catalog"
    label = "catalog"
    verbose_name = "Catalogue"
