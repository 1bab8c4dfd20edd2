"""Rewrite PostgreSQL's tables, so that no page, no TOAST value and no statistic keeps what was erased (row N11).

A rewrite keeps every dead row that another snapshot of the database might still see. So each waits, for a bounded time,
until all snapshots are younger than the erasures; what held it up is named, and it is tried again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from lethe.cleaned import Cleaned, NotClean, Progress
from lethe.install import plans
from lethe.models import Effect, SubjectKey

#: Seconds for which older snapshots are waited for, and between two looks.
LONGEST_WAIT, PAUSE = 60.0, 0.2
#: Milliseconds for which a rewrite waits for its lock: whoever comes after it waits behind it. And how often it tries.
LOCK, TRIES = 5_000, 4
#: So that no two cleanings run at once: "lethe", as a number.
ADVISORY = 0x6C65746865

#: Whoever could still see rows that were deleted before the transaction id ``H``; and whoever still writes, in any
#: database of the server: the rewrite's own snapshot goes back to the oldest of them, and what it could see it keeps.
_OLDER = """
SELECT 'a transaction (' || coalesce(nullif(application_name, ''), backend_type, 'unnamed')
    || CASE WHEN datname <> current_database() THEN ', in another database' ELSE '' END || ')'
  FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND (age(backend_xid) > age(%(horizon)s::xid)
    OR ((datname = current_database() OR datname IS NULL) AND age(backend_xmin) > age(%(horizon)s::xid)))
UNION ALL SELECT 'a prepared transaction' FROM pg_prepared_xacts WHERE age(transaction) > age(%(horizon)s::xid)
UNION ALL SELECT 'a replication slot' FROM pg_replication_slots
  WHERE age(xmin) > age(%(horizon)s::xid)
    OR (catalog_xmin IS NOT NULL AND %(catalogue)s AND age(catalog_xmin) > age(%(horizon)s::xid))
"""

#: The account may rewrite what is the database owner's, and may write all of memory to disk.
_MAY = """
SELECT r.rolsuper OR pg_has_role(d.datdba, 'MEMBER'),
  r.rolsuper OR EXISTS (SELECT 1 FROM pg_roles c WHERE c.rolname = 'pg_checkpoint' AND pg_has_role(c.oid, 'MEMBER'))
FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()
"""


def rewrite(connection: BaseDatabaseWrapper, tell: Progress) -> Cleaned:
    """Rewrite every table of every plan, then the statistics about them; then write it all to disk."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY])
        if not cursor.fetchone()[0]:
            raise NotClean("Another cleaning is running.")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(f"SET lock_timeout = {LOCK}")
        cursor.execute(_MAY)
        owner, checkpoint = cursor.fetchone()
        tables = list(_tables(connection, cursor))
        catalogue = [("pg_statistic", True), ("pg_statistic_ext_data", True)] if owner else []
        stages = len(tables) + len(catalogue) + bool(checkpoint)
        before = _size(cursor, tables)
        _wait_for_older(cursor, catalogue=False)
        for number, (name, plain) in enumerate(tables, 1):
            tell(name, number, stages)
            _rewritten(cursor, connection.ops.quote_name(name), "FULL, ANALYZE", plain=plain)
        if owner:
            # The statistics were taken anew just now; what they were before goes with this.
            _wait_for_older(cursor, catalogue=True)
        for number, (name, plain) in enumerate(catalogue, len(tables) + 1):
            tell(name, number, stages)
            _rewritten(cursor, name, "FULL", plain=plain)
        if checkpoint:
            tell("checkpoint", stages, stages)
            cursor.execute("CHECKPOINT")
        refused = [name for name, may in (("VACUUM FULL pg_statistic", owner), ("CHECKPOINT", checkpoint)) if not may]
        return Cleaned(rewritten=len(tables), before=before, after=_size(cursor, tables), not_allowed=tuple(refused))


def _tables(connection: BaseDatabaseWrapper, cursor: Any) -> Iterator[tuple[str, bool]]:
    """The tables that hold something of a subject, and whether each has a file of its own (a partitioned one has not).

    The engine's own are among them: waiting effects hold identifiers until they are done.
    """
    names = {
        policy.model._meta.db_table
        for plan in plans(connection.alias)
        for policy in plan.policies
        if policy.rows is None or policy.rows.fate != "not personal"
    }
    for name in sorted(names | {Effect._meta.db_table, SubjectKey._meta.db_table}):
        cursor.execute("SELECT relkind FROM pg_class WHERE oid = to_regclass(%s)", [connection.ops.quote_name(name)])
        kind = (cursor.fetchone() or ("",))[0]
        if kind in ("r", "p"):
            yield name, kind == "r"


def _rewritten(cursor: Any, quoted: str, options: str, *, plain: bool) -> None:
    """Rewrite one table, and look whether it was: without the right to, PostgreSQL only warns."""
    before = _file(cursor, quoted)
    for attempt in range(1, TRIES + 1):
        try:
            cursor.execute(f"VACUUM ({options}) {quoted}")
            break
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != "55P03":
                raise
            if attempt == TRIES:
                raise NotClean(
                    f"{quoted} is in use all the while, so that it cannot be locked and rewritten."
                ) from None
            time.sleep(PAUSE * attempt)
    if plain and _file(cursor, quoted) == before:
        raise NotClean(f"{quoted} was not rewritten: the database account that cleans must own the table.")


def _file(cursor: Any, quoted: str) -> Any:
    cursor.execute("SELECT pg_relation_filenode(to_regclass(%s))", [quoted])
    return cursor.fetchone()[0]


def _size(cursor: Any, tables: list[tuple[str, bool]]) -> int:
    cursor.execute(
        "SELECT coalesce(sum(pg_total_relation_size(to_regclass(quote_ident(name)))), 0) "
        "FROM unnest(%s::text[]) AS t(name)",
        [[name for name, _ in tables]],
    )
    return int(cursor.fetchone()[0])


def _wait_for_older(cursor: Any, *, catalogue: bool) -> None:
    """Wait until nobody can see what was deleted before now. ``catalogue``: in the database's own catalogue too, which
    logical replication reads as it was."""
    cursor.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::xid::text")
    given = {"horizon": cursor.fetchone()[0], "catalogue": catalogue}
    deadline = time.monotonic() + LONGEST_WAIT
    while True:
        cursor.execute(_OLDER, given)
        older = sorted({name for (name,) in cursor.fetchall()})
        if not older:
            return
        if time.monotonic() > deadline:
            raise NotClean(f"Still open, and older than the erasures: {', '.join(older)}.")
        time.sleep(PAUSE)
