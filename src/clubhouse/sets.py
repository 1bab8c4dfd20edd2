"""Rows by the thousand in one statement: a set of keys, an insert, an update by key, and the lock on clients.

Django's own ``bulk_create`` and ``__in`` split or refuse long lists on SQLite; these carry any number in one parameter,
so that a service takes the same number of statements for one row and for a hundred thousand.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

from lethe.fields import column_of, field_of


class Keys(models.Expression):
    """A set of integer keys as one parameter: ``filter(pk__in=Keys(ids))``."""

    def __init__(self, ids: Iterable[int]) -> None:
        super().__init__(output_field=models.BigIntegerField())
        self.ids = sorted(set(ids))

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any) -> tuple[str, tuple[Any]]:
        return "(SELECT unnest(%s::bigint[]))", (self.ids,)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str]]:
        return "(SELECT value FROM json_each(%s))", (json.dumps(self.ids),)


def insert_all(rows: Sequence[models.Model], *, using: str) -> list[int]:
    """Insert unsaved instances of one model in one statement and return their keys, ascending.

    No ``save()`` runs and no signal is sent; database triggers see every row. Nothing is done for an empty list.
    """
    if not rows:
        return []
    meta = rows[0]._meta
    connection = connections[using]
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    values = [[field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields] for row in rows]
    source, parameters = _table(values, fields, connection)
    quote = connection.ops.quote_name
    columns = ", ".join(quote(column_of(field)) for field in fields)
    names = ", ".join(f"v.c{index}" for index in range(len(fields)))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(meta.db_table)} ({columns}) SELECT {names} FROM {source} "  # noqa: S608 - names only
            f"RETURNING {quote(column_of(meta.pk))}",
            parameters,
        )
        return sorted(key for (key,) in cursor.fetchall())


def update_each(model: type[models.Model], name: str, values: Mapping[int, Any], *, using: str) -> None:
    """Give each row its own value of the field ``name``, by key, in one statement."""
    if not values:
        return
    connection = connections[using]
    field, key = field_of(model, name), model._meta.pk
    rows = [[pk, field.get_db_prep_save(value, connection)] for pk, value in sorted(values.items())]
    source, parameters = _table(rows, [key, field], connection)
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {quote(column_of(field))} = v.c1 FROM {source} "  # noqa: S608 - names only
            f"WHERE {table}.{quote(column_of(key))} = v.c0",
            parameters,
        )


def hold_clients(ids: Collection[int], *, using: str, skip_locked: bool = False) -> set[int]:
    """Keep these clients from being erased until the transaction ends; return those that are not erased.

    An erasure locks its subjects first of all, so whoever is going to lock sessions or packages takes this lock
    *before* them, and waits here while holding nothing. Who holds sessions already passes ``skip_locked=True``: a
    client under erasure is then left out instead of waited for. SQLite has one writer, so there the read is enough.
    """
    if not ids:
        return set()
    connection = connections[using]
    wanted = sorted(set(ids))
    parameter: str | list[int]
    if connection.vendor != "postgresql":
        chosen, lock, parameter = "id IN (SELECT value FROM json_each(%s))", "", json.dumps(wanted)
    else:
        # KEY SHARE stands only in the way of an erasure (and of a deletion), not of an edit of the profile.
        chosen, parameter = "id = ANY(%s::bigint[])", wanted
        lock = " FOR KEY SHARE SKIP LOCKED" if skip_locked else " FOR KEY SHARE"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM clients_client WHERE {chosen} AND status <> 'deleted' ORDER BY id{lock}",  # noqa: S608
            [parameter],
        )
        return {key for (key,) in cursor.fetchall()}


def _table(
    rows: Sequence[Sequence[Any]], fields: Sequence[models.Field[Any, Any]], connection: BaseDatabaseWrapper
) -> tuple[str, list[Any]]:
    """A table expression ``v(c0, c1, …)`` of the rows, and its parameters."""
    names = [f"c{index}" for index in range(len(fields))]
    if connection.vendor == "postgresql":
        arrays = ", ".join(f"%s::{_array_type(field, connection)}[]" for field in fields)
        return f"unnest({arrays}) AS v({', '.join(names)})", [list(column) for column in zip(*rows, strict=True)]
    columns = ", ".join(f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names))
    return f"(SELECT {columns} FROM json_each(%s)) AS v", [json.dumps([list(row) for row in rows], default=str)]  # noqa: S608


def _array_type(field: models.Field[Any, Any], connection: BaseDatabaseWrapper) -> str:
    # A cast to varchar(n) would cut a value short in silence; the column itself refuses it.
    kind = field.rel_db_type(connection) or ""
    return "text" if kind.startswith("varchar") else kind
