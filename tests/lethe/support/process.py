"""``manage.py lethe …`` as a process of its own, on the tests' database."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from django.db import connection

ROOT = Path(__file__).resolve().parents[3]


def command(*arguments: str) -> list[str]:
    """The command line."""
    return [sys.executable, "-W", "ignore", "-m", "django", "lethe", *arguments]


def environment() -> dict[str, str]:
    """The environment in which it finds this project and this database."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.lethe.settings",
        "LETHE_TEST_DATABASE": str(connection.settings_dict["NAME"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*arguments),
        env=environment(),
        cwd=ROOT,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
