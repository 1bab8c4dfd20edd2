"""What the database itself says and does, on both."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper


def constraints_hold() -> bool:
    """Whether every foreign key of every table holds, by the database's own check."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_key_check")
            return not cursor.fetchall()
        # Deferred keys are checked at once, and each is validated against every row, as if it were new.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(
            "SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'f' AND connamespace = 'public'::regnamespace"
        )
        for table, name, definition in cursor.fetchall():
            body = definition.replace(" DEFERRABLE", "").replace(" INITIALLY DEFERRED", "")
            cursor.execute("SAVEPOINT again")
            cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "again_{name[:50]}" {body} NOT VALID')
            cursor.execute(f'ALTER TABLE {table} VALIDATE CONSTRAINT "again_{name[:50]}"')
            cursor.execute("ROLLBACK TO SAVEPOINT again")
    return True


@contextmanager
def rewriting_trigger(table: str, column: str, *, fails_for: int | None = None) -> Iterator[None]:
    """A trigger of the project's that puts the old value back, or that refuses to change one row."""
    quoted = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {quoted} WHERE id = %s", [fails_for])
        name = (cursor.fetchone() or ("",))[0]
    if connection.vendor == "sqlite":
        if fails_for is None:
            action = f"UPDATE {quoted} SET {column} = OLD.{column} WHERE rowid = NEW.rowid"
            create = f"CREATE TRIGGER rewrites AFTER UPDATE ON {quoted} WHEN OLD.{column} <> '' BEGIN {action}; END"
        else:
            raising = f"SELECT RAISE(ABORT, 'refused: {name}')"
            create = f"CREATE TRIGGER rewrites BEFORE UPDATE ON {quoted} WHEN OLD.id = {fails_for} BEGIN {raising}; END"
        statements, drop = [create], ["DROP TRIGGER rewrites"]
    else:
        body = (
            f"NEW.{column} = OLD.{column}; RETURN NEW;"
            if fails_for is None
            else f"IF OLD.id = {fails_for} THEN RAISE EXCEPTION 'refused: {name}'; END IF; RETURN NEW;"
        )
        statements = [
            f"CREATE FUNCTION rewrites() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
            f"CREATE TRIGGER rewrites BEFORE UPDATE ON {quoted} FOR EACH ROW EXECUTE FUNCTION rewrites()",
        ]
        drop = [f"DROP TRIGGER rewrites ON {quoted}", "DROP FUNCTION rewrites()"]
    yield from _standing(statements, drop)


@contextmanager
def resurrecting_trigger(table: str) -> Iterator[None]:
    """A trigger of the project's that inserts a deleted row again."""
    quoted = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    old = ", ".join(f"OLD.{column}" for column in columns)
    insert = f"INSERT INTO {quoted} ({', '.join(columns)}) VALUES ({old})"
    if connection.vendor == "sqlite":
        statements = [f"CREATE TRIGGER comes_back AFTER DELETE ON {quoted} BEGIN {insert}; END"]
        drop = ["DROP TRIGGER comes_back"]
    else:
        statements = [
            f"CREATE FUNCTION comes_back() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert}; RETURN OLD; END $$",
            f"CREATE TRIGGER comes_back AFTER DELETE ON {quoted} FOR EACH ROW EXECUTE FUNCTION comes_back()",
        ]
        drop = [f"DROP TRIGGER comes_back ON {quoted}", "DROP FUNCTION comes_back()"]
    yield from _standing(statements, drop)


def _standing(statements: list[str], drop: list[str]) -> Iterator[None]:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            for statement in drop:
                cursor.execute(statement)


def raw_bytes(connection: BaseDatabaseWrapper) -> bytes:
    """The raw bytes of the database's own files: page gaps, free pages and, on SQLite, the write-ahead log."""
    if connection.vendor == "sqlite":
        name = str(connection.settings_dict["NAME"])
        parts = [Path(name), Path(f"{name}-wal"), Path(f"{name}-journal")]
        return b"".join(part.read_bytes() for part in parts if part.exists())
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c "
            "WHERE c.relkind IN ('r', 'i', 't', 'm') AND pg_relation_filepath(c.oid) IS NOT NULL"
        )
        return b"".join(bytes(content) for (content,) in cursor.fetchall())
