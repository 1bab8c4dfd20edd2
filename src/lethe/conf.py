"""The engine's settings that are more than a list: read, with defaults, and refused by the gate where they say nothing.

Each is an attribute of Django's settings. :func:`problems` is what the gate reports as ``lethe.E025``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

#: Seconds for which what is erased may lie in SQLite's files before they are rewritten.
CLEAN_EVERY = 600
#: Seconds after which the search begins: the files of an erasure should be gone by then.
RESIDUE_AFTER = 60


def clean_every() -> float | None:
    """``LETHE_CLEAN_EVERY``: seconds from an erasure to the rewrite of SQLite's files, so that they are rewritten at
    most that often; ``None`` leaves it to ``manage.py lethe clean``."""
    value = getattr(settings, "LETHE_CLEAN_EVERY", CLEAN_EVERY)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
        return value
    raise ImproperlyConfigured(f"LETHE_CLEAN_EVERY is {value!r}; it must be a number of seconds, or None.")


def clean_at() -> datetime.time | None:
    """``LETHE_CLEAN_AT``: the time of day, in the project's time zone, at which PostgreSQL's tables are rewritten after
    erasures; ``None``, the default, leaves it to ``manage.py lethe clean``."""
    value = getattr(settings, "LETHE_CLEAN_AT", None)
    if value is None:
        return None
    try:
        return datetime.datetime.strptime(value, "%H:%M").time()
    except (TypeError, ValueError):
        raise ImproperlyConfigured(
            f'LETHE_CLEAN_AT is {value!r}; it must be a time such as "03:30", or None.'
        ) from None


def outlives() -> dict[str, str]:
    """``LETHE_OUTLIVES``: what keeps former values after a cleaning, to how long it keeps them. Empty unless set."""
    value = getattr(settings, "LETHE_OUTLIVES", {})
    if not isinstance(value, Mapping) or not all(
        isinstance(part, str) and part.strip() for pair in value.items() for part in pair
    ):
        raise ImproperlyConfigured(
            'LETHE_OUTLIVES must say what and how long, both in words: {"nightly backups": "35 days"}.'
        )
    return dict(value)


def residue_after() -> float | None:
    """``LETHE_RESIDUE_AFTER``: seconds from an erasure to the search for what still names the erased; ``None`` for a
    project that does not want it, and where the extra ``residue`` is not installed."""
    if not hasattr(settings, "LETHE_RESIDUE_AFTER"):
        return RESIDUE_AFTER if all(find_spec(name) for name in ("ahocorasick", "cryptography")) else None
    value = settings.LETHE_RESIDUE_AFTER
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value >= 0):
        return value
    raise ImproperlyConfigured(f"LETHE_RESIDUE_AFTER is {value!r}; it must be a number of seconds, or None.")


def residue_key() -> str | None:
    """``LETHE_RESIDUE_KEY``: the secret under which former values wait for the search after an erasure; at least 32
    characters. ``None``, the default, derives one from ``SECRET_KEY``."""
    value = getattr(settings, "LETHE_RESIDUE_KEY", None)
    if value is None or (isinstance(value, str) and len(value) >= 32):
        return value
    # The value is a secret, and is not repeated.
    raise ImproperlyConfigured("LETHE_RESIDUE_KEY must be a text of at least 32 characters, or None.")


_READ: tuple[Callable[[], Any], ...] = (clean_every, clean_at, outlives, residue_after, residue_key)


def problems() -> Iterator[str]:
    """What is wrong with the settings, one sentence each."""
    for read in _READ:
        try:
            read()
        except ImproperlyConfigured as error:
            yield str(error)
