"""A ready policy for ``django-auditlog``: call :func:`install` in an ``erasure.py`` of the project.

Audits about the subject's rows go, since they hold old and new values; where the subject's account was the actor on
somebody else's rows, the actor and the traces of the request are cleared.

What it cannot find: audits of rows that were deleted before the erasure, since nothing that exists leads to them. Keep
free text out of the audits of such models (``auditlog.register(Note, exclude_fields=["text"])``), or swap in an entry
that says whose it is.
"""

from __future__ import annotations

from typing import Any

from auditlog.models import LogEntry
from auditlog.registry import auditlog

from lethe.contrib import add, ways
from lethe.graph import Model
from lethe.policy import delete_rows
from lethe.registry import Registry, registry

#: What an audit says of the request, beside who made it.
TRACES = ("actor_email", "remote_addr", "remote_port", "additional_data")


def models() -> list[Model]:
    """What is answered for here."""
    return [LogEntry]


def install(to: Registry = registry) -> None:
    """Register the policy once every ``erasure.py`` is read."""
    to.when_read(_install)


def _install(source: Registry) -> None:
    body: dict[str, Any] = {
        "by_key": ("content_type", "object_pk"),
        # Only models that are audited are looked for.
        "by_key_models": staticmethod(lambda: auditlog.get_models()),
        "rows": delete_rows(),
    }
    if ways(LogEntry, "actor", source):
        names = {field.name for field in LogEntry._meta.concrete_fields}
        body["unlink"] = {"actor": tuple(name for name in TRACES if name in names)}
    add(source, LogEntry, **body)
