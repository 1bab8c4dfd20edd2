"""Django's commands, as ``bin/manage`` runs them: what is wrong outside the program is said in one sentence."""

from __future__ import annotations

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import OperationalError


def main(arguments: list[str]) -> int:
    """Run one command; gives the exit code. ``--traceback`` shows where an error came from."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clubhouse.settings")
    try:
        from django.conf import settings

        _ = settings.INSTALLED_APPS
        execute_from_command_line(["bin/manage", *arguments])
    except (ImproperlyConfigured, OperationalError) as error:
        if "--traceback" in arguments:
            raise
        print(f"bin/manage: {_sentence(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _sentence(error: Exception) -> str:
    first = str(error).strip().partition("\n")[0]
    if isinstance(error, OperationalError):
        return f"The database did not answer as it should: {first}. Check DATABASE_URL, and run bin/manage migrate."
    return first


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
