from django.apps import AppConfig


class ScheduleConfig(AppConfig):
    name = "clubhouse.schedule"
    label = "schedule"
    verbose_name = "Schedule"
