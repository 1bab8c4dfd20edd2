"""Clean the bytes: after it the database's own files hold nothing of what was erased (row N11).

An erasure leaves former values in free pages, in gaps within pages, in the write-ahead log and in full-text indexes.
They end when the files are rewritten. That is too slow for the erasing transaction and never done in it: the
transaction records one effect, ``bytes.clean``, and many erasures share it.

SQLite is rewritten whole, :func:`lethe.conf.clean_every` seconds after the first erasure that asks for it. PostgreSQL
locks each table while it rewrites it, so there the deployment says when: :func:`lethe.conf.clean_at`, or
``manage.py lethe clean``.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from lethe import cleaning_postgres, cleaning_sqlite, conf
from lethe.cleaned import Cleaned, NotClean, Progress
from lethe.connection import Runner
from lethe.models import Effect
from lethe.sql import Dialect
from lethe.tally import count_done

KIND = "bytes.clean"


def due(vendor: str, now: datetime.datetime) -> datetime.datetime | None:
    """When what is erased now is to be cleaned; ``None`` where that is left to the command line."""
    if vendor == "sqlite":
        seconds = conf.clean_every()
        return None if seconds is None else now + datetime.timedelta(seconds=seconds)
    at = conf.clean_at()
    if at is None:
        return None
    local = timezone.localtime(now, timezone.get_default_timezone())
    wanted = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return wanted if wanted > local else wanted + datetime.timedelta(days=1)


def owed(dialect: Dialect, now: datetime.datetime) -> list[tuple[str, dict[str, Any]]]:
    """The statement that records that bytes wait to be cleaned, unless one that nobody has begun yet waits already."""
    when = due(dialect.connection.vendor, now)
    if when is None:
        return []
    p, kind = dialect.param, dialect.text(KIND)
    given = {
        "due": dialect.moment_value(when),
        "now": dialect.moment_value(now),
        "payload": json.dumps({"using": dialect.connection.alias}),
    }
    at = f"{p('due')}::timestamptz" if dialect.postgres else p("due")
    payload = f"{p('payload')}::jsonb" if dialect.postgres else p("payload")
    # A begun one may have passed what is erased now. On PostgreSQL two erasures at once record one each: the first
    # cleaning settles both.
    return [
        (
            "INSERT INTO lethe_effect (run_id, kind, payload, created_at, next_try_at, attempts, lease, last_error) "
            f"SELECT NULL, {kind}, {payload}, {dialect.now()}, {at}, 0, '', '' WHERE NOT EXISTS (SELECT 1 FROM "
            f"lethe_effect e WHERE e.kind = {kind} AND e.done_at IS NULL AND e.lease = '')",
            given,
        )
    ]


def lasting(using: str) -> list[tuple[str, str]]:
    """What holds former values after an erasure has ended, and until when: for the explanation."""
    if connections[using].vendor == "sqlite":
        what, seconds = "The database's file and its write-ahead log", conf.clean_every()
        until = "" if seconds is None else f"they are rewritten, {_period(seconds)} after the erasure"
    else:
        what, at = "The pages of the database's tables", conf.clean_at()
        until = "" if at is None else f"they are rewritten, each day at {at:%H:%M}"
    known = [(what, until or "somebody runs manage.py lethe clean")]
    for name, period in conf.outlives().items():
        known.append((name, period))
    if len(known) == 1:
        known.append(("Backups, replicas, archives of the log, the server's own log: for how long is not stated", ""))
    return known


def _period(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:g} seconds"
    return f"{seconds / 60:g} minutes" if seconds < 7_200 else f"{seconds / 3600:g} hours"


def owe(using: str) -> None:
    """Record, outside an erasure, that bytes wait to be cleaned: identifiers of an effect were scrubbed."""
    runner = Runner(using)
    runner.run(owed(Dialect(runner.connection), timezone.now()))


def clean(using: str = "default", *, progress: Progress | None = None) -> Cleaned:
    """Rewrite the database's files, now. Settles every cleaning that was owed when it began.

    Raises ``NotClean`` where somebody is in the way, or where a transaction is open on this connection: nothing is
    half done then, it is to be called again.
    """
    connection = connections[using]
    if connection.in_atomic_block:
        raise NotClean("Bytes are cleaned outside of transactions, and one is open here.")
    waiting = Effect.objects.using(using).filter(kind=KIND, done_at=None)
    begun = dict(waiting.order_by("pk").values_list("pk", "created_at"))
    tell = progress or (lambda *_: None)
    with _beside(connection) as own:
        rewrite = cleaning_postgres.rewrite if own.vendor == "postgresql" else cleaning_sqlite.rewrite
        done = rewrite(own, tell)
    now = timezone.now()
    # Whoever holds the lease: a rewrite may take longer than a lease lasts.
    settled = {"done_at": now, "scrubbed_at": now, "payload": {}, "receipt": done.as_receipt()}
    with transaction.atomic(using=using):
        ended = waiting.filter(pk__in=begun).update(**settled, lease="", leased_until=None, last_error="")
        count_done(KIND, *[now - since for since in list(begun.values())[:ended]], using=using)
    return done


@contextmanager
def _beside(connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own, so that what is set for the rewrite ends with it; in memory there is only the one."""
    if cleaning_sqlite.in_memory(connection):
        yield connection
        return
    own = connection.copy()
    try:
        yield own
    finally:
        own.close()
