from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "clubhouse.accounts"
    label = "accounts"
    verbose_name = "Accounts"
