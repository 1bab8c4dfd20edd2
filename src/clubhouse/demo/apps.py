from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "clubhouse.demo"
    label = "demo"
    verbose_name = "Demo"
