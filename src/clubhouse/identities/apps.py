from django.apps import AppConfig


class IdentitiesConfig(AppConfig):
    name = "clubhouse.identities"
    label = "identities"
    verbose_name = "Identities"
