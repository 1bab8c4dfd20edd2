"""bin/manage: Django's commands in the project's environment."""

from __future__ import annotations

import os
import sys

import prepare


def main(arguments: list[str]) -> None:
    """Become the command; returns only by an error."""
    arguments = prepare.take_data(arguments)
    python = str(prepare.environment())
    os.execve(python, [python, "-m", "clubhouse", *arguments], prepare.variables())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except prepare.Refused as error:
        sys.exit(f"bin/manage: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
