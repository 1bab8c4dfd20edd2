"""The gate: a model or a field without an answer is an error, and nothing is erased while there is one.

What it finds is in :mod:`lethe.answers` (the declaration) and :mod:`lethe.catalogue` (the database); here it meets
Django and the erasure.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections

from lethe.answers import findings
from lethe.catalogue import catalogue_findings
from lethe.registry import registry


def check_declaration(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Django's entry: every finding of the declaration, for every subject."""
    return findings(registry)


def check_seal(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Django's entry for database checks: the triggers that stand against those that must.

    A warning, because ``migrate`` stops at errors and it is ``migrate`` that mends it; the gate does refuse to erase.
    """
    from lethe.install import problems

    return [
        checks.Warning(
            f"The seal is broken on {using!r}: {problem}.",
            hint="Run manage.py lethe seal (a migrate does it too).",
            obj=using,
            id="lethe.W020",
        )
        for using in databases or ()
        if _has_tables(using)
        for problem in problems(using)
    ]


def check_catalogue(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Django's entry for database checks: tables and keys that no model knows.

    Looked at only where no migration waits: until then the tables are not what the models say, and an error here would
    keep ``migrate`` from mending it.
    """
    return [
        finding
        for using in databases or ()
        if _has_tables(using) and not _migrations_wait(using)
        for finding in catalogue_findings(using, registry)
    ]


def everything(using: str) -> list[checks.CheckMessage]:
    """All findings, those that need the database too: what ``lethe check`` shows."""
    return [*findings(registry), *check_seal([using]), *check_catalogue([using])]


def said(one: checks.CheckMessage) -> dict[str, Any]:
    """A finding as plain data."""
    label = getattr(getattr(one.obj, "_meta", None), "label", None)
    return {"id": one.id, "error": one.is_serious(), "model": label, "message": str(one.msg), "hint": str(one.hint)}


def _migrations_wait(using: str) -> bool:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[using])
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


#: Seconds for which a seal that was seen in place is taken to stand: a migration may drop it under a running server.
SEAL_TRUSTED = 60.0


def gaps(using: str) -> list[str]:
    """Everything that keeps an erasure from running, in words. Models do not change while a process runs, so the
    declaration is read once; the seal is looked at again every :data:`SEAL_TRUSTED` seconds."""
    now = time.monotonic()
    if "" not in _passed:
        found = [str(message.msg) for message in findings(registry) if message.level >= checks.ERROR]
        if found:
            return found
        _passed[""] = now
    if now - _passed.get(using, -SEAL_TRUSTED) >= SEAL_TRUSTED:
        from lethe.install import problems

        broken = problems(using)
        if broken:
            return [f"the seal is broken: {problem}" for problem in broken]
        unknown = [message for message in catalogue_findings(using, registry) if message.level >= checks.ERROR]
        if unknown:
            return [str(message.msg) for message in unknown]
        _passed[using] = now
    return []


_passed: dict[str, float] = {}


def forget() -> None:
    """Look at everything again with the next erasure, as a new process does."""
    _passed.clear()


def _has_tables(using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        return "lethe_erased" in connection.introspection.table_names(cursor)
