from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "clubhouse.support"
    label = "support"
    verbose_name = "Support"
