from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "clubhouse.reports"
    label = "reports"
    verbose_name = "Reports"
