from django.apps import AppConfig


class MessagingConfig(AppConfig):
    name = "clubhouse.messages"
    label = "messaging"
    verbose_name = "Messages"
