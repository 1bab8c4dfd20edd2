"""Reading the environment: where data lives, which switches are on. Nothing here imports Django's settings."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

REPOSITORY = Path(__file__).resolve().parents[2]


def flag(name: str, *, default: bool) -> bool:
    """Read a switch from the environment; raises ``ImproperlyConfigured`` on anything but yes/no words."""
    value = os.environ.get(name, "").strip().lower()
    if not value:
        return default
    if value in {"1", "yes", "true", "on"}:
        return True
    if value in {"0", "no", "false", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {value!r}; it must be yes or no.")


def number(name: str, *, default: int) -> int:
    """Read a whole number from the environment; raises ``ImproperlyConfigured`` on anything else."""
    value = os.environ.get(name, "").strip()
    if value and not (value.isascii() and value.isdecimal()):
        raise ImproperlyConfigured(f"{name} is {value!r}; it must be a whole number.")
    return int(value or default)


def database(folder: Path) -> dict[str, Any]:
    """The database of ``DATABASE_URL``, or a SQLite file in the data folder. Never repeats an address it refuses: a
    password may stand in it."""
    try:
        wanted = dj_database_url.parse(os.environ.get("DATABASE_URL") or f"sqlite:///{folder / 'clubhouse.sqlite3'}")
    except ValueError:
        wanted = {"ENGINE": "nothing that can be read"}
    if not wanted["ENGINE"].endswith(("sqlite3", "postgresql")):
        raise ImproperlyConfigured(
            "DATABASE_URL must name SQLite or PostgreSQL: sqlite:///PATH or postgres://USER@HOST/NAME."
        )
    return dict(wanted)


def networks(name: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Read IP networks with commas between them; raises ``ImproperlyConfigured`` on anything else."""
    found = []
    for text in filter(None, (part.strip() for part in os.environ.get(name, "").split(","))):
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError:
            raise ImproperlyConfigured(f"{name} holds {text!r}; it must be a network such as 10.2.0.0/16.") from None
    return found


def periods(name: str) -> dict[str, str]:
    """Read what is kept, and how long, in words: ``nightly backups: 35 days; archives: 7 days``; raises
    ``ImproperlyConfigured`` on anything else."""
    found = {}
    for text in filter(None, (part.strip() for part in os.environ.get(name, "").split(";"))):
        what, _, period = (part.strip() for part in text.partition(":"))
        if not what or not period:
            raise ImproperlyConfigured(f"{name} holds {text!r}; it must say what and how long, as in backups: 35 days.")
        found[what] = period
    return found


def data_folder() -> Path:
    """The folder of database, media and secrets: ``CLUBHOUSE_DATA``, or ``var/`` of the repository."""
    folder = Path(os.environ.get("CLUBHOUSE_DATA") or REPOSITORY / "var").resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {folder} cannot be made ({error.strerror}); name another with CLUBHOUSE_DATA or --data."
        ) from None
    return folder


def secret_key(folder: Path) -> str:
    """The signing key: ``CLUBHOUSE_SECRET_KEY``, or one drawn at the first start and kept in the data folder."""
    if key := os.environ.get("CLUBHOUSE_SECRET_KEY"):
        return key
    path = folder / "secret-key"
    try:
        if not path.exists():
            _draw_secret_key(path)
        key = path.read_text().strip()
    except OSError as error:
        cure = "name another with CLUBHOUSE_DATA or --data"
        raise ImproperlyConfigured(f"The data folder {folder} cannot be used ({error.strerror}); {cure}.") from None
    if not key:
        raise ImproperlyConfigured(f"{path} is empty; delete it and start again.")
    return key


def _draw_secret_key(path: Path) -> None:
    """Put a new key at ``path``, whole or not at all; where another process was quicker, its key stays."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(50))
        # A link appears with its content in it, and unlike a rename it never replaces one that is there.
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def media_storage() -> dict[str, Any]:
    """Where uploaded files are: a folder, or the S3 bucket that ``CLUBHOUSE_S3_BUCKET`` names (row F15).

    Raises ``ImproperlyConfigured`` where the other settings of the bucket contradict each other.
    """
    bucket = os.environ.get("CLUBHOUSE_S3_BUCKET", "").strip()
    if not bucket:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    from botocore.config import Config

    endpoint = os.environ.get("CLUBHOUSE_S3_ENDPOINT", "").strip()
    if endpoint and urlsplit(endpoint).scheme not in {"http", "https"}:
        raise ImproperlyConfigured("CLUBHOUSE_S3_ENDPOINT must be an address such as https://s3.example.com.")
    key, secret = os.environ.get("CLUBHOUSE_S3_KEY", ""), os.environ.get("CLUBHOUSE_S3_SECRET", "")
    if bool(key) != bool(secret):
        raise ImproperlyConfigured("Set CLUBHOUSE_S3_KEY and CLUBHOUSE_S3_SECRET together, or neither.")
    options: dict[str, Any] = {
        "bucket_name": bucket,
        "region_name": os.environ.get("CLUBHOUSE_S3_REGION", "").strip() or "us-east-1",
        # Two uploads never share a key, and an address of a picture is good for minutes only.
        "file_overwrite": False,
        "querystring_expire": 300,
        "client_config": Config(
            signature_version="s3v4",
            # Stores other than Amazon's are seldom reached by a host name of each bucket.
            s3={"addressing_style": "path" if endpoint else "auto"},
            # Well within the time for which a worker holds an effect.
            connect_timeout=5,
            read_timeout=15,
            retries={"total_max_attempts": 2},
        ),
    }
    if endpoint:
        options["endpoint_url"] = endpoint
    if key:
        options |= {"access_key": key, "secret_key": secret}
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def media_origins(storage: dict[str, Any]) -> list[str]:
    """The origins that a page may load pictures from, beside its own."""
    options = storage.get("OPTIONS", {})
    if "bucket_name" not in options:
        return []
    if endpoint := options.get("endpoint_url"):
        parts = urlsplit(endpoint)
        return [f"{parts.scheme}://{parts.netloc}"]
    return [
        f"https://{options['bucket_name']}.s3.amazonaws.com",
        f"https://{options['bucket_name']}.s3.{options['region_name']}.amazonaws.com",
    ]
