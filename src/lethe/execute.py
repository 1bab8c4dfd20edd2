"""Erase: one transaction per batch of subjects, set-based, all or nothing.

The order inside the transaction: lock the subjects in key order; look who is erased already; scan blockers and what was
previewed again; run the project's own actions; run the plan's steps; read again what the plan covers; mark, count, give
receipts. Nothing outside the database is touched: effects are recorded and done after commit by :mod:`lethe.outbox`.
"""

from __future__ import annotations

import datetime
import json
import random
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError, transaction

from lethe import afterwards
from lethe.batch import Batch
from lethe.cleaning import owed
from lethe.connection import FORGOTTEN, Counter, Runner
from lethe.exceptions import Blocked, Changed, LeftOver, LetheError, SubjectNotFound, TryAgain
from lethe.models import receipt_number
from lethe.plan import Plan
from lethe.points import reached
from lethe.preview import (
    Scan,
    batches,
    differences,
    findings_of,
    fingerprint,
    marked_statement,
    read_scan,
    scan_statements,
)
from lethe.sql import Dialect, Statement
from lethe.steps import RECORD

#: How often a batch that met a deadlock, or a lock that did not come, is tried again before the caller hears of it.
TRIES = 8
#: How often it is tried again because a random value was taken.
REDRAWS = 2
#: For how many seconds it is tried again because something outside is just busy with a subject.
PATIENCE = 10.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened. ``receipts`` maps a subject's key to its receipt number and is kept nowhere else."""

    erased: int = 0
    already: int = 0
    receipts: dict[Any, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    refused: dict[Any, LetheError] = field(default_factory=dict)
    statements: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        counts = dict(self.counts)
        for name, count in other.counts.items():
            counts[name] = counts.get(name, 0) + count
        return Outcome(
            erased=self.erased + other.erased,
            already=self.already + other.already,
            receipts=self.receipts | other.receipts,
            counts=counts,
            refused=self.refused | other.refused,
            statements=self.statements + other.statements,
        )


def execute(
    plan: Plan,
    ids: Iterable[Any],
    *,
    by: str,
    reason: str,
    approved: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Erase subjects, batch by batch.

    ``approved`` is the fingerprint of a preview of the same subjects; without it nothing is compared. ``by`` is a role
    or an opaque account key. A subject that cannot be erased is found by halving its batch, is listed in
    ``Outcome.refused``, and does not stop the others; where there is only one, its error is raised.
    """
    parts = batches(ids, plan.using)
    prints = approved.split(".") if approved else []
    whole = Outcome()
    for index, part in enumerate(parts):
        expected = (prints[index] if index < len(prints) else "") if approved else None
        try:
            whole += _patiently(plan, part, by=by, reason=reason, approved=expected)
        except (LetheError, DatabaseError) as error:
            if sum(map(len, parts)) == 1:
                raise
            whole += _halved(plan, part, error, by=by, reason=reason, compare=approved is not None)
        if progress:
            progress(len(part))
    return whole


def _halved(plan: Plan, part: Sequence[Any], error: Exception, *, by: str, reason: str, compare: bool) -> Outcome:
    """Isolate what cannot be erased. A batch that no longer matches its preview is refused as a whole."""
    if isinstance(error, Changed) and compare:
        return Outcome(refused=dict.fromkeys(part, error))
    if len(part) == 1:
        known = error if isinstance(error, LetheError) else LetheError(f"The database refused: {type(error).__name__}.")
        return Outcome(refused={part[0]: known})
    middle, whole = len(part) // 2, Outcome()
    for half in (part[:middle], part[middle:]):
        try:
            whole += _patiently(plan, half, by=by, reason=reason, approved=None)
        except (LetheError, DatabaseError) as inner:
            whole += _halved(plan, half, inner, by=by, reason=reason, compare=False)
    return whole


def _patiently(plan: Plan, part: Sequence[Any], *, by: str, reason: str, approved: str | None) -> Outcome:
    """One transaction, tried again where the database chose it as a deadlock's victim, or an action asks for it."""
    attempt, ends = 0, time.monotonic() + PATIENCE
    while True:
        try:
            with transaction.atomic(using=plan.using, durable=True):
                reached("transaction begun")
                outcome = _transaction(plan, part, by=by, reason=reason, approved=approved)
            reached("transaction committed")
            return outcome
        except IntegrityError:
            # A random value that somebody has already is drawn again; nothing else comes out differently.
            if attempt == REDRAWS or not _draws(plan):
                raise
            attempt += 1
        except TryAgain:
            if time.monotonic() >= ends:
                raise
            time.sleep(random.uniform(0.05, 0.15))  # noqa: S311 (jitter, not a secret)
        except (OperationalError, ProgrammingError) as error:
            if attempt == TRIES - 1 or not _passing(error):
                raise
            time.sleep(random.uniform(0.01, 0.05) * 2**attempt)  # noqa: S311 (jitter, not a secret)
            attempt += 1


def _passing(error: DatabaseError) -> bool:
    """Whether trying again can help: a deadlock, a serialisation failure, a lock that did not come, SQLite's lock, a
    prepared statement that a pooler threw away."""
    state = getattr(error.__cause__, "sqlstate", None)
    return state in {"40P01", "40001", "55P03", FORGOTTEN} or "locked" in str(error)


def _draws(plan: Plan) -> bool:
    """Whether the plan draws random values."""
    return any(strategy.drawn for policy in plan.policies for strategy in policy.strategies().values())


def _transaction(plan: Plan, part: Sequence[Any], *, by: str, reason: str, approved: str | None) -> Outcome:
    runner = Runner(plan.using)
    dialect = Dialect(runner.connection, key_type=plan.key_type)
    live, already, now, scan = _locked(plan, part, runner, dialect, compare=approved is not None)
    reached("subjects locked")
    missing = set(part) - set(live) - set(already)
    if missing:
        raise SubjectNotFound(
            f"{plan.model._meta.label} has no {', '.join(str(key) for key in sorted(missing))}; nothing was changed."
        )
    if not live:
        return Outcome(already=len(already), statements=runner.statements)
    blockers = findings_of(plan, scan, "blocker", frozenset())
    # Who has nothing in the way need not be asked what would be.
    asked = bool(blockers) or approved is not None
    enforced = plan.policy.enforced(live, plan.using) if asked else frozenset()
    if approved is not None:
        changed = differences(plan, approved, fingerprint(plan, part, scan, enforced))
        if changed:
            raise Changed(changed)
    blocking = [replace(finding, blocks=True) for finding in blockers if finding.name in enforced]
    if blocking:
        raise Blocked(blocking)
    reached("blockers compared")

    receipts = {key: receipt_number() for key in live}
    batch = Batch(tuple(live), now, plan.using, uuid.uuid4(), receipts, reason)
    values = afterwards.taken(plan, live)
    counts, acted = _acted(plan, batch, scan)
    given = {
        "ids": dialect.ids_value(live, plan.model._meta.pk),
        "now": dialect.moment_value(now),
        "run": batch.run if runner.postgres else batch.run.hex,
    }
    counts |= _stepped(plan, runner, dialect, given)
    reached("steps run")
    search = afterwards.owed(dialect, plan, batch.run, now, values)
    _recorded(plan, runner, dialect, given, batch, counts, receipts, by=by, reason=reason, search=search)
    reached("marked and recorded")
    return Outcome(
        erased=len(live),
        already=len(already),
        receipts=receipts,
        counts=counts,
        statements=runner.statements + acted,
    )


def _locked(
    plan: Plan, part: Sequence[Any], runner: Runner, dialect: Dialect, *, compare: bool
) -> tuple[list[Any], list[Any], datetime.datetime, Scan]:
    """Lock the subjects first, then scan: each statement of the scan sees what was committed before the lock came."""
    key = plan.model._meta.pk
    given: dict[str, Any] = {"ids": dialect.ids_value(part, key)}
    kinds = scan_statements(plan, steps=compare)
    if runner.postgres:
        # The statements are the same for every erasure, so their plans are made once and not weighed anew each time.
        # "Now" is the moment the lock came, by the database's own clock; what is scanned afterwards is as of then.
        # Where the project asks for a stricter isolation, its snapshot would be older than the lock, and what was
        # committed while the lock was waited for would not be seen.
        _, _, (_, locked), (_, clock) = runner.run(
            [
                ("SET TRANSACTION ISOLATION LEVEL READ COMMITTED", {}),
                ("SET LOCAL plan_cache_mode = force_generic_plan", {}),
                (plan.lock, given),
                ("SELECT clock_timestamp()", {}),
            ]
        )
        now = clock[0][0]
    else:
        # A write of no row takes SQLite's write lock at once, also where the project's transactions begin as readers.
        runner.one("DELETE FROM lethe_erased WHERE 0", {})
        # What is deleted is overwritten at once; what is left in the gaps between goes with the cleaning.
        runner.one("PRAGMA secure_delete = ON", {})
        (_, locked), (_, clock) = runner.run([(plan.lock, given), ("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')", {})])
        now = datetime.datetime.fromisoformat(clock[0][0]).replace(tzinfo=datetime.UTC)
    given["now"] = dialect.moment_value(now)
    answers = runner.run([(marked_statement(plan, dialect), given), *((statement, given) for _, statement in kinds)])
    erased = {row[0] for row in answers[0][1]}
    found = {key.to_python(row[0]): row[0] for row in locked}
    wanted = [one for one in part if one in found]
    as_text = {one: str(found[one]) for one in wanted}
    scan = read_scan(plan, [(kind, rows) for (kind, _), (_, rows) in zip(kinds, answers[1:], strict=True)])
    return (
        [one for one in wanted if as_text[one] not in erased],
        [one for one in wanted if as_text[one] in erased],
        now,
        scan,
    )


def _acted(plan: Plan, batch: Batch, scan: Scan) -> tuple[dict[str, int], int]:
    """Run the project's actions that have something to do, and let it keep the receipts' numbers."""
    from django.db import connections

    counts: dict[str, int] = {}
    counter = Counter()
    with connections[plan.using].execute_wrapper(counter):
        for check in plan.checks:
            if check.action is not None and scan.count("action", check.name):
                done = check.action.run(batch)
                counts |= {f"{check.name}: {name}": n for name, n in (done or {check.name: 0}).items()}
                reached("action done")
        plan.policy.receipted(batch)
    return counts, counter.statements


def _stepped(plan: Plan, runner: Runner, dialect: Dialect, given: dict[str, Any]) -> dict[str, int]:
    """Run all steps, then read again by key what they cover. Raises ``LeftOver`` where anything is left."""
    work: list[tuple[str | Statement, dict[str, Any]]] = []
    writes: list[tuple[int, str]] = []
    locks: set[str] = set()
    for step in plan.steps:
        # Rows that are found in several ways are locked before the first of them, all at once.
        if step.lock and step.lock not in locks:
            locks.add(step.lock)
            work.append((step.lock, given))
        if step.write is not None:
            writes.append((len(work), step.name))
            work.append((step.write, given))
    begins = len(work)
    work += [(statement, given) for statement in plan.left]
    answers = runner.run(work)
    left = {name: n for _, rows in answers[begins:] for name, n in rows if n}
    if left:
        raise LeftOver(left)
    counted = {step.name for step in plan.visible}
    return {name: answers[index][0] for index, name in writes if name in counted and answers[index][0]}


def _recorded(
    plan: Plan,
    runner: Runner,
    dialect: Dialect,
    given: dict[str, Any],
    batch: Batch,
    counts: dict[str, int],
    receipts: dict[Any, str],
    *,
    by: str,
    reason: str,
    search: Sequence[tuple[str, dict[str, Any]]],
) -> None:
    """Mark the subjects erased, drop their keys, write run, receipts and effects: the transaction's last statements."""
    subject = dialect.text(plan.subject)
    key_text = dialect.as_text("i.key")
    p, pg = dialect.param, runner.postgres
    table, uuid_cast, json_cast = dialect.ids_rows(), "::uuid" if pg else "", "::jsonb" if pg else ""
    elements = "jsonb_array_elements_text({0}::jsonb) AS r(value)" if pg else "json_each({0}) AS r"
    values = given | {
        "counts": json.dumps(counts),
        "n": len(receipts),
        "digest": plan.digest,
        "by": by,
        "reason": reason,
        "receipts": json.dumps(list(receipts.values())),
    }
    work: list[tuple[str | Statement, dict[str, Any]]] = [
        (
            "INSERT INTO lethe_run (id, subject, subjects, plan, counts, reason, by, erased_at) VALUES ("
            f"{p('run')}{uuid_cast}, {subject}, {p('n')}, {p('digest')}, {p('counts')}{json_cast}, {p('reason')}, "
            f"{p('by')}, {dialect.now()})",
            values,
        ),
        (
            f"INSERT INTO lethe_receipt (number, run_id) SELECT r.value, {p('run')}{uuid_cast} "
            f"FROM {elements.format(p('receipts'))}",
            values,
        ),
    ]
    if batch.emitted:
        rows = json.dumps([{"kind": kind, "payload": payload} for kind, payload in batch.emitted])
        kind, payload = (
            ("r.value ->> 'kind'", "r.value -> 'payload'")
            if pg
            else ("json_extract(r.value, '$.kind')", "json_extract(r.value, '$.payload')")
        )
        source = f"jsonb_array_elements({p('effects')}::jsonb) AS r(value)" if pg else f"json_each({p('effects')}) AS r"
        work.append(
            (
                f"{RECORD} "
                f"SELECT {p('run')}{uuid_cast}, {kind}, {payload}, {dialect.now()}, {dialect.now()}, 0, '', '' "
                f"FROM {source}",
                values | {"effects": rows},
            )
        )
    work += [
        (
            f"DELETE FROM lethe_subject_key WHERE subject = {subject} AND key IN (SELECT {key_text} FROM {table})",
            values,
        ),
        (f"INSERT INTO lethe_erased (subject, key) SELECT {subject}, {key_text} FROM {table}", values),
        *search,
        *owed(dialect, batch.now),
    ]
    runner.run(work)
