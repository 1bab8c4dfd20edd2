"""Wiring: find every app's declaration and effects, register the checks, keep the triggers in step with migrations."""

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.module_loading import autodiscover_modules


class LetheConfig(AppConfig):
    name = "lethe"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from lethe.checks import check_catalogue, check_declaration, check_seal
        from lethe.install import after_migrate, before_migrate
        from lethe.registry import registry

        autodiscover_modules("erasure")
        registry.all_read()
        autodiscover_modules("effects")
        checks.register(check_declaration, "lethe")
        checks.register(check_seal, checks.Tags.database)
        checks.register(check_catalogue, checks.Tags.database)
        pre_migrate.connect(before_migrate, sender=self, dispatch_uid="lethe")
        post_migrate.connect(after_migrate, sender=self, dispatch_uid="lethe")
