from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "redshop.accounts"
    label = "accounts"
    verbose_name = "People"
