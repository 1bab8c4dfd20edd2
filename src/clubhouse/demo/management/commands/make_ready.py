"""``bin/manage make_ready``: what ``bin/serve`` does to the database before it starts, in one process."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Bring the database up to date and, where it is empty, load the demo business."""

    help = "Bring the database up to date and, where it is empty, load the demo business."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default=settings.SITE_URL, help="where the product answers (CLUBHOUSE_URL)")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        call_command("load_demo", if_empty=True, url=options["url"], stdout=self.stdout)
