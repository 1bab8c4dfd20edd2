"""Settings of the engine's own tests: a shop that knows nothing of the clubhouse, which cannot be imported here."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class _NotInstalled(MetaPathFinder):
    """Keeps the application away, installed or not: the engine and its tests stand alone."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        if fullname.partition(".")[0] == "clubhouse":
            raise ModuleNotFoundError("The engine's tests run without clubhouse.", name=fullname)


sys.meta_path.insert(0, _NotInstalled())

FOLDER = Path(tempfile.mkdtemp(prefix="lethe-tests-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)

SECRET_KEY = "only for tests"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.Account"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "lethe",
    "tests.lethe.apps.shop",
    "tests.lethe.apps.people",
    "tests.lethe.apps.shapes",
]
# The tests' apps have no migrations, and what they refer to must be made together with them.
MIGRATION_MODULES = {"contenttypes": None, "auth": None}
MEDIA_ROOT = FOLDER / "media"
# Tests of the search that follows an erasure switch it on.
LETHE_RESIDUE_AFTER = None
LETHE_SUBJECTS = ["shop.Customer", "people.Account", "people.Member", "shapes.Patient"]


def _sqlite(name: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(FOLDER / f"{name}.sqlite3"),
        # A file, not memory: tests of concurrency open a second connection.
        "TEST": {"NAME": str(FOLDER / f"test-{name}.sqlite3")},
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;",
        },
    }


def _default() -> dict[str, Any]:
    address = os.environ.get("DATABASE_URL", "")
    if not address:
        return _sqlite("default")
    parts = urlsplit(address)
    if not parts.scheme.startswith("postgres"):
        raise ValueError("DATABASE_URL must name a PostgreSQL database, or be empty for SQLite.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "TEST": {"NAME": "lethe_tests"},
    }


# A worker that a test starts as a process of its own is told which database the tests run on.
DATABASES = {"default": _default(), "other": _sqlite("other")}
if "LETHE_TEST_DATABASE" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["LETHE_TEST_DATABASE"]
