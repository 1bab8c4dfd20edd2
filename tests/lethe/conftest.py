"""Fixtures of the engine's tests. They run with settings of their own::

    pytest --ds=tests.lethe.settings tests/lethe

and with DATABASE_URL on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, connections

from lethe import checks
from lethe.install import install
from lethe.plan import plan_for

LEGACY = (
    "CREATE TABLE legacy_memo (id {serial}, pid {uuid}, memo text NOT NULL)",
    "CREATE INDEX legacy_memo_pid ON legacy_memo (pid)",
    'CREATE VIEW patient_view AS SELECT key AS patient, "Full Name" AS name FROM "Patient Table"',
)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """The tests' databases, with the table and the view that Django does not make."""
    with django_db_blocker.unblock():
        for one in connections.all():
            if not apps.is_installed("tests.lethe.apps.shapes"):
                continue  # a project of its own
            postgres = one.vendor == "postgresql"
            words = {
                "serial": "bigserial PRIMARY KEY" if postgres else "integer PRIMARY KEY AUTOINCREMENT",
                "uuid": "uuid" if postgres else "char(32)",
            }
            with one.cursor() as cursor:
                for statement in LEGACY:
                    cursor.execute(statement.format(**words))
            install(one.alias)


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    """Nothing that one test saw is trusted by the next."""
    checks.forget()
    yield
    checks.forget()
    plan_for.cache_clear()


@pytest.fixture
def postgres() -> bool:
    """Whether the default database is PostgreSQL."""
    return connection.vendor == "postgresql"


@pytest.fixture
def snapshot() -> Callable[..., dict[str, list[tuple[Any, ...]]]]:
    """Every row of every table, by table, the engine's own left out."""

    def take() -> dict[str, list[tuple[Any, ...]]]:
        found = {}
        for model in apps.get_models(include_auto_created=True):
            meta = model._meta
            if meta.proxy or meta.app_label == "lethe" or meta.db_table == "patient_view":
                continue
            columns = ", ".join(connection.ops.quote_name(field.column) for field in meta.local_concrete_fields)
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {columns} FROM {connection.ops.quote_name(meta.db_table)}")
                found[meta.db_table] = sorted(cursor.fetchall(), key=repr)
        return found

    return take
