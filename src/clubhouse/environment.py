"""Reading the environment: where data lives, which switches are on. Nothing here imports Django's settings."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

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
        # O_EXCL: when web and worker start together, one draws the key and the other reads it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if key := path.read_text().strip():
            return key
        raise ImproperlyConfigured(f"{path} is empty; delete it and start again.") from None
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {folder} cannot be written ({error.strerror}); name another with CLUBHOUSE_DATA or --data."
        ) from None
    key = secrets.token_urlsafe(50)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    return key
