"""Explain the declaration in words: the page a member reads, the page a privacy officer reads, and the docs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.text import capfirst

from lethe.cleaning import lasting
from lethe.plan import Plan
from lethe.policy import Policy


@dataclass(frozen=True)
class Entry:
    """One line of an explanation: whose rows, which fields, what becomes of them and why."""

    model: str
    title: str
    fields: tuple[str, ...]
    what: str
    reason: str = ""
    until: str = ""


@dataclass(frozen=True)
class Explanation:
    """What goes, what is changed, what stays and why, what must be settled first and what is done outside."""

    subject: str
    digest: str
    removed: tuple[Entry, ...]
    changed: tuple[Entry, ...]
    unlinked: tuple[Entry, ...]
    kept: tuple[Entry, ...]
    blockers: tuple[Entry, ...]
    actions: tuple[Entry, ...]
    effects: tuple[Entry, ...]
    outlives: tuple[Entry, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The explanation as plain data."""
        return asdict(self)

    def as_markdown(self) -> str:
        """The explanation as a page."""
        parts = [f"# What becomes of {self.subject} data", ""]
        for title, entries in (
            ("Settled first", self.blockers),
            ("Done first", self.actions),
            ("Deleted", self.removed),
            ("Changed for good", self.changed),
            ("Untied from others", self.unlinked),
            ("Kept, and why", self.kept),
            ("Done outside the database", self.effects),
            ("What outlives the erasure, and how long", self.outlives),
        ):
            if entries:
                parts += [f"## {title}", ""]
                parts += [f"- {_line(entry)}" for entry in entries]
                parts.append("")
        return "\n".join(parts)


def explain(plan: Plan) -> Explanation:
    """Read a plan's policies; no database is asked."""
    policies = plan.policies
    return Explanation(
        subject=str(plan.model._meta.verbose_name),
        digest=plan.digest,
        removed=tuple(_entry(p, (), "deleted", p.rows.reason) for p in policies if p.rows and p.rows.fate == "delete"),
        changed=tuple(entry for p in policies for entry in _changes(p)),
        unlinked=tuple(
            _entry(p, (name, *companions), "cleared where it names the person")
            for p in policies
            for name, companions in p.unlink.items()
        ),
        kept=tuple(entry for p in policies for entry in _kept(p)),
        blockers=tuple(
            Entry(plan.model._meta.label, str(blocker.label), (), "", str(blocker.settle))
            for blocker in plan.policy.blockers
        ),
        actions=tuple(Entry(plan.model._meta.label, str(action.label), (), "") for action in plan.policy.first),
        effects=tuple(
            _entry(p, tuple(column for _, column in item.columns), item.kind) for p in policies for item in p.effects()
        ),
        outlives=tuple(Entry("", title, (), "", until=until) for title, until in lasting(plan.using)),
    )


def _entry(policy: type[Policy], names: Iterable[str], what: str, reason: str = "", until: str = "") -> Entry:
    meta = policy.model._meta
    fields = tuple(str(getattr(meta.get_field(name), "verbose_name", name)) for name in names)
    return Entry(meta.label, capfirst(str(meta.verbose_name_plural)), fields, what, str(reason), str(until))


def _changes(policy: type[Policy]) -> list[Entry]:
    if policy.rows and policy.rows.fate == "delete":
        return []
    grouped: dict[str, list[str]] = {}
    for name, strategy in policy.strategies().items():
        grouped.setdefault(strategy.describe(), []).append(name)
    return [_entry(policy, names, what) for what, names in grouped.items()]


def _kept(policy: type[Policy]) -> list[Entry]:
    grouped: dict[tuple[str, str], list[str]] = {}
    until = policy.rows.until if policy.rows else ""
    ends = policy.kept_until()
    for name, reason in policy.kept().items():
        grouped.setdefault((reason, ends.get(name, until)), []).append(name)
    entries = [_entry(policy, names, "kept", reason, end) for (reason, end), names in grouped.items()]
    if policy.rows and policy.rows.fate == "keep" and not grouped:
        entries.append(_entry(policy, (), "kept", policy.rows.reason, until))
    if policy.rows and policy.rows.fate == "not personal":
        entries.append(_entry(policy, (), "untouched", policy.rows.reason))
    return entries


def _line(entry: Entry) -> str:
    said = f"**{entry.title}**"
    if entry.fields:
        said += f" ({', '.join(entry.fields)})"
    if entry.what:
        said += f": {entry.what}"
    if entry.reason:
        said += f", because {entry.reason}" if entry.what == "kept" else f"; {entry.reason}"
    if entry.until:
        said += f", until {entry.until}"
    return said
