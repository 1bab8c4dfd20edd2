from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "clubhouse.api"
    label = "api"
    verbose_name = "API"
