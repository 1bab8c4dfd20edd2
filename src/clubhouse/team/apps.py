from django.apps import AppConfig


class TeamConfig(AppConfig):
    name = "clubhouse.team"
    label = "team"
    verbose_name = "Team"
