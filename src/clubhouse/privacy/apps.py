from django.apps import AppConfig


class PrivacyConfig(AppConfig):
    name = "clubhouse.privacy"
    label = "privacy"
    verbose_name = "Privacy"
