from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "clubhouse.billing"
    label = "billing"
    verbose_name = "Billing"
