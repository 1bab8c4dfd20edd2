from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    name = "clubhouse.webhooks"
    label = "webhooks"
    verbose_name = "Webhooks"
