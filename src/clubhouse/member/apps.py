from django.apps import AppConfig


class MemberConfig(AppConfig):
    name = "clubhouse.member"
    label = "member"
    verbose_name = "Member app"
