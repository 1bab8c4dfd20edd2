"""Rewrite SQLite's file and empty its log, so that no gap in a page keeps what was erased (row N11)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper

from lethe.cleaned import Cleaned, NotClean, Progress

#: Milliseconds that a checkpoint may keep writers waiting for a reader who is still open.
PATIENCE = 1_000


def rewrite(connection: BaseDatabaseWrapper, tell: Progress) -> Cleaned:
    """Merge full-text indexes, VACUUM, and empty the write-ahead log."""
    with connection.cursor() as cursor:
        before = _size(connection)
        tables = _full_text(cursor)
        stages = [f"full-text index {name}" for name in tables] + ["the database file", "the write-ahead log"]
        try:
            # A checkpoint keeps writers waiting as long as it waits for readers.
            cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
            # Before anything is rewritten: with a reader open the log could not be emptied, and would grow by the size
            # of the whole database with each try.
            _empty_log(connection, cursor)
            for number, name in enumerate(tables, 1):
                tell(stages[number - 1], number, len(stages))
                quoted = connection.ops.quote_name(name)
                cursor.execute(f"INSERT INTO {quoted} ({quoted}) VALUES ('optimize')")
            tell(stages[-2], len(stages) - 1, len(stages))
            cursor.execute("VACUUM")
            tell(stages[-1], len(stages), len(stages))
            _empty_log(connection, cursor)
        except OperationalError as error:
            raise NotClean(_cause(error)) from None
    return Cleaned(rewritten=1, before=before, after=_size(connection))


def _full_text(cursor: Any) -> list[str]:
    """The full-text tables: they keep the words of rows that are gone until they are merged."""
    cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%'")
    found = [(name, " ".join(sql.lower().split())) for name, sql in cursor.fetchall()]
    return sorted(name for name, sql in found if any(f"using {kind}" in sql for kind in ("fts3", "fts4", "fts5")))


def in_memory(connection: BaseDatabaseWrapper) -> bool:
    """Whether this is a SQLite database without a file."""
    return isinstance(connection, DatabaseWrapper) and connection.is_in_memory_db()


def _empty_log(connection: BaseDatabaseWrapper, cursor: Any) -> None:
    """Carry the write-ahead log over into the file and cut it off. Raises ``NotClean`` where a reader is in the way."""
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    busy, _, _ = cursor.fetchone()
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    if busy or (not in_memory(connection) and log.exists() and log.stat().st_size):
        raise NotClean("Somebody has been reading from the database all the while, which keeps its log from emptying.")


def _size(connection: BaseDatabaseWrapper) -> int:
    if in_memory(connection):
        return 0
    name = str(connection.settings_dict["NAME"])
    return sum(part.stat().st_size for part in (Path(name), Path(f"{name}-wal")) if part.exists())


def _cause(error: DatabaseError) -> str:
    said = str(error).lower()
    if "locked" in said or "busy" in said:
        return "Somebody else is writing to the database, or reads it in one long transaction."
    if "full" in said:
        return "No room: a rewrite needs as much free room again as the database is large."
    return f"The database refused to rewrite its file ({type(error).__name__})."
