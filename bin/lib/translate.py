"""bin/translate: collect the texts, bring each language's catalogue up to date, say what is missing, compile.

``--check`` writes nothing. Exits with 1 where something is left to do.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import prepare


def main(arguments: list[str]) -> None:
    """Become the tool, in the environment that has Babel; returns only by an error."""
    if unknown := [one for one in arguments if one != "--check"]:
        raise prepare.Refused(f"{unknown[0]!r} is not an option; there is only --check.")
    python = str(prepare.environment("dev"))
    tool = str(Path(__file__).with_name("catalogue.py"))
    os.execve(python, [python, "-W", "ignore", tool, *arguments], prepare.variables())


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except prepare.Refused as error:
        sys.exit(f"bin/translate: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
