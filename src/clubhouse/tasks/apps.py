from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "clubhouse.tasks"
    label = "tasks"
    verbose_name = "Tasks"
