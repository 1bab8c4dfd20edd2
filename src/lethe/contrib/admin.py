"""A ready policy for Django's admin log: call :func:`install` in an ``erasure.py`` of the project.

Entries about the person's rows go: ``object_repr`` and ``change_message`` say what the rows were called. What the
person did to other rows stays where their account stays, and goes with it where it goes.

What it cannot find: entries about rows that were deleted before the erasure, since nothing that exists leads to them.
Keep names out of ``__str__``, and they hold none.
"""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import LogEntry

from lethe.contrib import add, ways
from lethe.graph import Model, concrete
from lethe.policy import delete_rows
from lethe.registry import Registry, registry


def models() -> list[Model]:
    """What is answered for here."""
    return [LogEntry]


def install(to: Registry = registry) -> None:
    """Register the policy once every ``erasure.py`` is read."""
    to.when_read(_install)


def _install(source: Registry) -> None:
    account = source.get(concrete(LogEntry._meta.get_field("user").related_model))
    stays = account is not None and (account.subject or (account.rows is not None and account.rows.fate == "keep"))
    body: dict[str, Any] = {"by_key": ("content_type", "object_id"), "rows": delete_rows()}
    if stays:
        body["keep"] = {"user": "what was done to other rows stays in the log, by an account that names nobody"}
    elif account is not None:
        body["path"] = ways(LogEntry, "user", source)
    add(source, LogEntry, **body)
