"""Emptying the tables after a test that commits.

Django's ``flush`` empties every table and then sends ``post_migrate``, at which the seal is taken down and built again:
half a second a test. Here only the tables that hold something are emptied, and what ``migrate`` put there stays.
"""

from __future__ import annotations

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import TransactionTestCase

#: Written by ``migrate``, once, and by no test.
OF_MIGRATE = {"django_content_type", "auth_permission", "django_migrations", "django_site"}


def empty(connection: BaseDatabaseWrapper) -> None:
    """Delete every row of every table of Django's models, past all triggers and foreign keys."""
    quote = connection.ops.quote_name
    tables = [
        name
        for name in connection.introspection.django_table_names(only_existing=True, include_views=False)
        if name not in OF_MIGRATE
    ]
    if not tables:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in tables)
        )
        filled = [name for (name,) in cursor.fetchall()]
    if not filled:
        return
    names = [quote(name) for name in filled]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Not DELETE: plans that the session made for small tables would go on to be used on their dead rows.
            cursor.execute(f"TRUNCATE {', '.join(names)} CASCADE")
            return
        with connection.constraint_checks_disabled(), transaction.atomic(using=connection.alias):
            for name in names:
                cursor.execute(f"DELETE FROM {name}")


def install() -> None:
    """Let tests that commit be cleaned up this way."""

    def _fixture_teardown(self: TransactionTestCase) -> None:
        for alias in self._databases_names(include_mirrors=False):
            empty(connections[alias])

    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[method-assign]
