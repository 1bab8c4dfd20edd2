"""Language and time zone of whoever reads."""

from django.apps import AppConfig


class LocalisationConfig(AppConfig):
    name = "clubhouse.localisation"
    label = "localisation"

    def ready(self) -> None:
        """A sign-in takes the account's choice along, so that no page has to ask for it."""
        from django.contrib.auth.signals import user_logged_in

        from clubhouse.localisation.services import take_along

        user_logged_in.connect(take_along, dispatch_uid="localisation.take_along")
