"""What an erasure would do, counted, without writing anything: one fixed number of queries, however many rows.

The preview's fingerprint binds what a person approved to what runs: plan, subjects, and for every step, blocker and
action which rows it counted. :mod:`lethe.execute` takes the same scan again under the lock and refuses by name what
changed in between.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import timezone

from lethe.connection import Runner
from lethe.plan import Plan
from lethe.sql import Dialect, Statement

#: Subjects of one transaction, and of one part of a fingerprint.
BATCH = 500
BATCH_SQLITE = 50


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A blocker that was found, or what an action would touch. One per unit where amounts have one (a currency)."""

    name: str
    label: str
    count: int
    amount: Decimal | None = None
    unit: str = ""
    settle: str = ""
    blocks: bool = False


@dataclass(frozen=True, kw_only=True)
class StepCount:
    """How many rows a step finds."""

    name: str
    title: str
    model: str
    fate: str
    count: int


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What would happen. ``fingerprint`` goes with the confirmation."""

    subject: str
    subjects: int
    already: tuple[Any, ...]
    missing: tuple[Any, ...]
    findings: tuple[Finding, ...]
    actions: tuple[Finding, ...]
    steps: tuple[StepCount, ...]
    fingerprint: str

    @property
    def blocked(self) -> bool:
        """Whether anything must be settled first."""
        return any(finding.blocks for finding in self.findings)


@dataclass(frozen=True)
class Scan:
    """The raw counts: (kind, name, unit) to (count, amount, digest of the keys)."""

    rows: dict[tuple[str, str, str], tuple[int, str, str]]

    def count(self, kind: str, name: str) -> int:
        """Rows counted under a name, over all units."""
        return sum(n for (k, other, _), (n, _, _) in self.rows.items() if (k, other) == (kind, name))

    def parts(self) -> dict[str, list[Any]]:
        """Name to (count, digest), which is what a fingerprint is made of."""
        said: dict[str, list[Any]] = {}
        for (kind, name, unit), (count, amount, keys) in sorted(self.rows.items()):
            if count:
                said[f"{kind}|{name}|{unit}"] = [count, hashlib.sha256(f"{amount}|{keys}".encode()).hexdigest()[:16]]
        return said


def batches(ids: Iterable[Any], using: str) -> list[list[Any]]:
    """Keys in order, in parts of one transaction each. Preview and erasure cut in the same places."""
    from django.db import connections

    size = BATCH if connections[using].vendor == "postgresql" else BATCH_SQLITE
    ordered = sorted(set(ids))
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]


def scan_statements(plan: Plan, *, steps: bool) -> list[tuple[str, Statement]]:
    """The scan as few statements: blockers and actions together, and steps together where they are asked for."""
    found = [("check", statement) for statement in plan.scan_checks]
    return found + [("step", statement) for statement in plan.scan_steps] if steps else found


def read_scan(plan: Plan, answers: Sequence[tuple[str, list[tuple[Any, ...]]]]) -> Scan:
    """Turn the scan's rows into a :class:`Scan`."""
    kinds = {check.name: check.kind for check in plan.checks}
    rows: dict[tuple[str, str, str], tuple[int, str, str]] = {}
    for kind, answered in answers:
        for name, unit, count, amount, keys in answered:
            ordered = ",".join(sorted(str(keys or "").split(","))) if "," in str(keys or "") else str(keys or "")
            rows[kinds[name] if kind == "check" else kind, name, unit or ""] = (count, str(amount or ""), ordered)
    return Scan(rows)


def findings_of(plan: Plan, scan: Scan, kind: str, blocking: frozenset[str]) -> tuple[Finding, ...]:
    """The blockers or actions with rows, in order of declaration."""
    found = []
    for check in plan.checks:
        for (other, name, unit), (count, amount, _) in sorted(scan.rows.items()):
            if (other, name) == (kind, check.name) and check.kind == kind and count:
                found.append(
                    Finding(
                        name=name,
                        label=str(check.label),
                        count=count,
                        amount=Decimal(amount).quantize(Decimal("0.01")) if amount else None,
                        unit=unit,
                        settle=str(check.settle),
                        blocks=kind == "blocker" and name in blocking,
                    )
                )
    return tuple(found)


def preview(plan: Plan, ids: Sequence[Any], *, now: datetime.datetime | None = None) -> Preview:
    """Count what an erasure of these subjects would do. The same few statements for each :data:`BATCH` of subjects,
    whatever the number of rows (on PostgreSQL four); nothing is written."""
    runner = Runner(plan.using)
    dialect = Dialect(runner.connection, key_type=plan.key_type)
    moment = now or timezone.now()
    totals: dict[tuple[str, str, str], tuple[int, str, str]] = {}
    prints, present, marked, blocking = [], [], [], frozenset[str]()
    for part in batches(ids, plan.using):
        given = {"ids": dialect.ids_value(part, plan.model._meta.pk), "now": dialect.moment_value(moment)}
        kinds = scan_statements(plan, steps=True)
        answers = runner.run(
            [
                (existing_statement(plan, dialect), given),
                (marked_statement(plan, dialect), given),
                *((statement, given) for _, statement in kinds),
            ]
        )
        alive = [_python(plan, row[0]) for row in answers[0][1]]
        erased = {row[0] for row in answers[1][1]}
        marked += [key for key in alive if _text(plan, key) in erased]
        present += [key for key in alive if _text(plan, key) not in erased]
        scan = read_scan(plan, [(kind, rows) for (kind, _), (_, rows) in zip(kinds, answers[2:], strict=True)])
        enforced = plan.policy.enforced(part, plan.using)
        blocking |= enforced
        prints.append(fingerprint(plan, part, scan, enforced))
        for key, (count, amount, keys) in scan.rows.items():
            before = totals.get(key, (0, "", ""))
            added = str(Decimal(before[1] or 0) + Decimal(amount)) if amount else before[1]
            totals[key] = (before[0] + count, added, keys)
    whole = Scan(totals)
    known = set(present) | set(marked)
    return Preview(
        subject=plan.subject,
        subjects=len(present),
        already=tuple(marked),
        missing=tuple(sorted(set(ids) - known)),
        findings=findings_of(plan, whole, "blocker", blocking),
        actions=findings_of(plan, whole, "action", blocking),
        steps=tuple(
            StepCount(name=s.name, title=str(s.title), model=s.model, fate=s.fate, count=whole.count("step", s.name))
            for s in plan.visible
        ),
        fingerprint=".".join(prints),
    )


def existing_statement(plan: Plan, dialect: Dialect) -> str:
    """Which of the subjects exist."""
    key = dialect.column(plan.model._meta.pk)
    return f"SELECT t.{key} FROM {dialect.quote(plan.model._meta.db_table)} t WHERE {dialect.in_ids('t.' + key)}"


def marked_statement(plan: Plan, dialect: Dialect) -> str:
    """Which of the subjects are erased already."""
    return (
        f"SELECT e.key FROM lethe_erased e WHERE e.subject = {dialect.text(plan.subject)} "
        f"AND e.key IN (SELECT {dialect.as_text('i.key')} FROM {dialect.ids_rows()})"
    )


def _text(plan: Plan, key: Any) -> str:
    return key.hex if plan.model._meta.pk.get_internal_type() == "UUIDField" and _sqlite(plan) else str(key)


def _python(plan: Plan, key: Any) -> Any:
    """A key as Python code knows it (SQLite hands a UUID over as text)."""
    return plan.model._meta.pk.to_python(key)


def _sqlite(plan: Plan) -> bool:
    from django.db import connections

    return connections[plan.using].vendor == "sqlite"


# --- fingerprints -----------------------------------------------------------------------------------------------------
def fingerprint(plan: Plan, ids: Sequence[Any], scan: Scan, enforced: frozenset[str]) -> str:
    """A scan as a short text that a form can carry: digests and counts, no values."""
    said = {
        "plan": plan.digest[:32],
        "subjects": hashlib.sha256(json.dumps([str(key) for key in ids]).encode()).hexdigest()[:32],
        "enforced": sorted(enforced),
        "parts": scan.parts(),
    }
    packed = zlib.compress(json.dumps(said, sort_keys=True, separators=(",", ":")).encode(), 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def differences(plan: Plan, approved: str, found: str) -> dict[str, tuple[int, int]]:
    """What differs between two fingerprints: name to (then, now). Equal counts of other rows differ too."""
    if approved == found:
        return {}
    then, current = _unpacked(approved), _unpacked(found)
    if then is None or current is None:
        return {"the confirmation": (0, 0)}
    changed: dict[str, tuple[int, int]] = {}
    titles = {f"step|{step.name}|": str(step.title) for step in plan.visible}
    titles |= {f"{check.kind}|{check.name}|": str(check.label) for check in plan.checks}
    for key in sorted({*then["parts"], *current["parts"]}):
        old, new = then["parts"].get(key, [0, ""]), current["parts"].get(key, [0, ""])
        if old != new:
            kind, name, _ = key.split("|", 2)
            title = titles.get(f"{kind}|{name}|", name)
            changed.setdefault(title, (old[0], new[0]))
    for part, title in (("plan", "the policy"), ("subjects", "the subjects"), ("enforced", "what must be settled")):
        if then[part] != current[part]:
            changed[title] = (0, 0)
    return changed


def _unpacked(text: str) -> dict[str, Any] | None:
    try:
        return dict(json.loads(zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))))
    except (ValueError, binascii.Error, zlib.error):
        return None
