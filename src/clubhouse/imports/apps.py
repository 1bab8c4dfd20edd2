from django.apps import AppConfig


class ImportsConfig(AppConfig):
    name = "clubhouse.imports"
    label = "imports"
    verbose_name = "Imports"
