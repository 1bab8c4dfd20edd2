"""``bin/manage make_operator EMAIL``: a sign-in for whoever runs the deployment."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email

from clubhouse.support.operators import make_operator


class Command(BaseCommand):
    """Make an operator's account, or give it a new password."""

    help = "Make an operator's account, who answers support requests, or give it a new password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address to sign in with")

    def handle(self, *args: Any, **options: Any) -> None:
        password = self._password()
        try:
            validate_email(options["email"])
            validate_password(password)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        make_operator(options["email"], password)
        self.stdout.write("The operator can sign in under /operator/.")

    def _password(self) -> str:
        """From the keyboard, unseen; from a pipe, its first line. Never an argument: others can read those."""
        if sys.stdin.isatty():
            return getpass.getpass("Password: ")
        return sys.stdin.readline().rstrip("\n")
