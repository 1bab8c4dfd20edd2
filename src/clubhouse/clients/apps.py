from django.apps import AppConfig


class ClientsConfig(AppConfig):
    name = "clubhouse.clients"
    label = "clients"
    verbose_name = "Clients"
