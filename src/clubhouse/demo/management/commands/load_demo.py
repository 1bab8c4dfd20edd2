"""``bin/manage load_demo``: a business to try the product with."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from clubhouse.accounts.models import Business
from clubhouse.demo import services, sign_ins


class Command(BaseCommand):
    """Load the demo business into an empty database."""

    help = "Load a demo business, with clubs, clients and eleven weeks of sessions, into an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", default=settings.SITE_URL, help="where the product answers (CLUBHOUSE_URL)")
        parser.add_argument("--seed", type=int, default=1, help="another number gives other people")
        parser.add_argument(
            "--if-empty",
            action="store_true",
            help="do nothing where there is a business already, except to let sign-ins.json point at --url",
        )
        parser.add_argument(
            "--new-passwords", action="store_true", help="give the demo's sign-ins new passwords, and write them down"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_passwords"]:
            try:
                services.renew_passwords(url=options["url"])
            except Business.DoesNotExist:
                raise CommandError("There is no demo business here; load one with load_demo.") from None
            self.stdout.write(f"The new sign-ins are in {sign_ins.place()}.")
        elif not Business.objects.exists():
            world = services.load(url=options["url"], seed=options["seed"])
            self.stdout.write(
                f"Loaded {world.business.name}: {len(world.clients)} clients, {len(world.sessions)} sessions. "
                f"The sign-ins are in {sign_ins.place()}."
            )
        elif options["if_empty"]:
            sign_ins.move(options["url"])
        else:
            raise CommandError("There is a business in this database already; name an empty one with --data DIR.")
