from django.apps import AppConfig


class EmbedConfig(AppConfig):
    name = "clubhouse.embed"
    label = "embed"
    verbose_name = "Embed"
