from django.apps import AppConfig


class AuditsConfig(AppConfig):
    name = "clubhouse.audits"
    label = "audits"
    verbose_name = "Audits"
