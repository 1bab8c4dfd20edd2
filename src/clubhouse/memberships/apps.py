from django.apps import AppConfig


class MembershipsConfig(AppConfig):
    name = "clubhouse.memberships"
    label = "memberships"
    verbose_name = "Memberships"
