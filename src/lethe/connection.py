"""Running a plan's statements: a cursor of the engine's own on Django's connection.

On PostgreSQL statements go out prepared and pipelined, so a whole erasure costs a handful of round trips; on SQLite
they run one by one in process. Django's ``execute_wrappers`` do not see these statements, so they are counted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.db import connections

from lethe.sql import Statement

#: Server-side plans are kept from the first use: the texts are few and the same for every erasure.
PREPARE_AT_ONCE = 0


class Runner:
    """Sends statements over Django's connection ``using``, inside the transaction that Django opened."""

    def __init__(self, using: str) -> None:
        self.connection = connections[using]
        self.connection.ensure_connection()
        self.statements = 0

    @property
    def postgres(self) -> bool:
        """Whether this is PostgreSQL."""
        return self.connection.vendor == "postgresql"

    def run(self, batch: Sequence[tuple[str | Statement, dict[str, Any]]]) -> list[tuple[int, list[tuple[Any, ...]]]]:
        """Run statements in order; returns (row count, rows) of each. Database errors are Django's own."""
        self.statements += len(batch)
        with self.connection.wrap_database_errors:
            return self._pipelined(batch) if self.postgres else self._in_process(batch)

    def one(self, statement: str | Statement, given: dict[str, Any]) -> tuple[int, list[tuple[Any, ...]]]:
        """Run a single statement."""
        return self.run([(statement, given)])[0]

    def _in_process(
        self, batch: Sequence[tuple[str | Statement, dict[str, Any]]]
    ) -> list[tuple[int, list[tuple[Any, ...]]]]:
        raw, done = self.connection.connection, []
        for statement, given in batch:
            text, parameters = _bound(statement, given)
            cursor = raw.execute(text, parameters)
            done.append((cursor.rowcount, cursor.fetchall() if cursor.description else []))
        return done

    def _pipelined(
        self, batch: Sequence[tuple[str | Statement, dict[str, Any]]]
    ) -> list[tuple[int, list[tuple[Any, ...]]]]:
        import psycopg

        raw = self.connection.connection
        with self._prepared(raw), raw.pipeline():
            cursors = []
            for statement, given in batch:
                text, parameters = _bound(statement, given)
                native, names = _numbered(text)
                # The server's own parameter signs: the driver does not read through the text again each time.
                cursor = psycopg.RawCursor(raw)
                cursor.execute(native, [parameters[name] for name in names], prepare=True)
                cursors.append(cursor)
        return [(cursor.rowcount, cursor.fetchall() if cursor.pgresult.nfields else []) for cursor in cursors]

    @contextmanager
    def _prepared(self, raw: Any) -> Iterator[None]:
        threshold = raw.prepare_threshold
        # Django switches prepared statements off for the poolers that cannot keep them; with one of those in between
        # (``DISABLE_SERVER_SIDE_CURSORS`` says so) it stays off here too.
        if not self.connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            raw.prepare_threshold = PREPARE_AT_ONCE
        try:
            yield
        finally:
            raw.prepare_threshold = threshold


@lru_cache(maxsize=512)
def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement with PostgreSQL's own parameters (``$1``), and the names they stand for."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return re.sub(r"%(?:\((\w+)\)s|%)", number, text), tuple(names)


def _bound(statement: str | Statement, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if isinstance(statement, Statement):
        return statement.text, statement.parameters(given)
    return statement, given


class Counter:
    """An ``execute_wrapper`` that counts the statements of a project's own actions."""

    def __init__(self) -> None:
        self.statements = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        self.statements += 1
        return execute(sql, params, many, context)
