"""Running a plan's statements: a cursor of the engine's own on Django's connection.

On PostgreSQL statements go out prepared and pipelined, so a whole erasure costs a handful of round trips; on SQLite
they run one by one in process. Django's ``execute_wrappers`` do not see these statements, so they are counted here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connections

from lethe.sql import Statement

#: What PostgreSQL says where somebody has thrown a connection's prepared statements away.
FORGOTTEN = "26000"


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
        raw = self.connection.connection
        wire = raw.pgconn
        wire.enter_pipeline_mode()
        try:
            sent = self._sent(raw, batch)
            wire.pipeline_sync()
            answers = raw.wait(_conversation(wire))
            wire.exit_pipeline_mode()
        except BaseException:
            # What the server was still going to say nobody would read, so nobody may use the connection again.
            raw.close()
            raise
        return _read(raw, sent, answers)

    def _sent(self, raw: Any, batch: Sequence[tuple[str | Statement, dict[str, Any]]]) -> list[tuple[str, Any]]:
        """Put the statements into the connection's buffer; gives what each answer will be about."""
        from psycopg import pq
        from psycopg.adapt import PyFormat, Transformer

        wire, adapter = raw.pgconn, Transformer(raw)
        known = _names.setdefault(raw, {}) if self._keeps_plans() else None
        sent: list[tuple[str, Any]] = []
        ready: dict[tuple[int, tuple[str, ...]], tuple[Any, ...]] = {}
        if not raw.autocommit and wire.transaction_status == pq.TransactionStatus.IDLE:
            # The driver begins a transaction with its first statement, and these pass it by.
            wire.send_query_params(b"BEGIN", None)
            sent.append(("begin", None))
        for statement, given in batch:
            text, parameters = _bound(statement, given)
            native, names = _numbered(text)
            # Nearly all statements of a batch take the same few values. What is kept with them keeps its id its own.
            key = (id(parameters), names)
            if key not in ready:
                values = adapter.dump_sequence([parameters[name] for name in names], [PyFormat.AUTO] * len(names))
                ready[key] = (parameters, values, *((adapter.types, adapter.formats) if names else (None, None)))
            _, values, types, formats = ready[key]
            if known is None:
                wire.send_query_params(native, values, types, formats)
            else:
                name = known.get((native, types))
                if name is None:
                    name = known[native, types] = b"lethe_%d" % next(_numbers)
                    wire.send_prepare(name, native, types)
                    sent.append(("prepare", (native, types)))
                wire.send_query_prepared(name, values, formats)
            sent.append(("run", None))
        return sent

    def _keeps_plans(self) -> bool:
        """Django switches prepared statements off for the poolers that cannot keep them
        (``DISABLE_SERVER_SIDE_CURSORS``)."""
        return not self.connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


#: The statements that each connection's server has prepared: text and parameter types to name.
_names: WeakKeyDictionary[Any, dict[tuple[bytes, Any], bytes]] = WeakKeyDictionary()
_numbers = count()


def _conversation(wire: Any) -> Iterator[Any]:
    """Send all that waits to be sent, and receive, until the server has come to the sync. Returns one answer each.

    The driver's own pipeline speaks to the server once a statement; this does so once for all of them.
    """
    from psycopg import pq
    from psycopg.waiting import Ready, Wait

    answers: list[Any] = []
    sending = True
    while True:
        ready = yield Wait.RW if sending else Wait.R
        if not ready:
            continue
        if ready & Ready.W:
            sending = bool(wire.flush())
        if ready & Ready.R:
            wire.consume_input()
            quiet = 0
            while quiet < 2 and not wire.is_busy():
                answer = wire.get_result()
                if answer is None:
                    quiet += 1
                elif answer.status == pq.ExecStatus.PIPELINE_SYNC:
                    return answers
                else:
                    quiet = 0
                    answers.append(answer)


def _read(raw: Any, sent: list[tuple[str, Any]], answers: list[Any]) -> list[tuple[int, list[tuple[Any, ...]]]]:
    """Row count and rows of each statement that was run. Raises the first error that the server gave."""
    from psycopg import errors, pq
    from psycopg.adapt import Transformer

    adapter, known = Transformer(raw), _names.get(raw, {})
    failed = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)
    done: list[tuple[int, list[tuple[Any, ...]]]] = []
    error: errors.Error | None = None
    for (what, about), answer in zip(sent, answers, strict=True):
        if answer.status in failed:
            if what == "prepare":
                known.pop(about, None)
            if error is None:
                error = errors.error_from_result(answer, encoding="utf-8")
        elif what == "run":
            rows = []
            if answer.nfields:
                adapter.set_pgresult(answer)
                rows = adapter.load_rows(0, answer.ntuples, tuple)
            done.append((answer.command_tuples or 0, rows))
    if error is not None:
        if getattr(error, "sqlstate", None) == FORGOTTEN:
            known.clear()
        raise error
    return done


@lru_cache(maxsize=512)
def _numbered(text: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement with PostgreSQL's own parameters (``$1``), and the names they stand for."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return re.sub(r"%(?:\((\w+)\)s|%)", number, text).encode(), tuple(names)


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
