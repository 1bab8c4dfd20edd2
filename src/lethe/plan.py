"""Compile policies into a plan: an immutable value that every later stage reads.

A plan is rendered for one database. Its steps are ordered so that no step removes what a later one needs to find its
rows: emits first, then rows farthest from the subject, the subject itself last. Its digest follows the declaration, not
the SQL, so the same policy has the same digest on every database.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connections, models
from django.db.models.functions import Cast, Concat
from django.utils import translation

from lethe.exceptions import NotRegistered, PolicyError
from lethe.graph import concrete
from lethe.policy import Action, Blocker, Policy
from lethe.registry import Registry, registry
from lethe.scope import scoped
from lethe.sql import MOMENT, Dialect, Statement, kind_of
from lethe.steps import Step, lock_statement, own_values, steps_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Check:
    """A blocker or an action, with its rows counted for all subjects in one query."""

    name: str
    label: StrOrPromise
    kind: str
    count: Statement
    settle: StrOrPromise = ""
    action: Action | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an erasure of one kind of subject does, ready to run on one database."""

    model: type[models.Model]
    using: str
    key_type: str
    digest: str
    lock: str
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    #: The statements that count for the checks, for the visible steps, and what the steps have left.
    scan_checks: tuple[Statement, ...] = field(repr=False)
    scan_steps: tuple[Statement, ...] = field(repr=False)
    left: tuple[str, ...] = field(repr=False)
    #: The statements that read what the subjects' own rows say of them.
    own_values: tuple[str, ...] = field(repr=False)
    policies: tuple[type[Policy], ...] = field(repr=False)

    @property
    def subject(self) -> str:
        """The subject's label, lower case, as the engine's tables hold it."""
        return self.model._meta.label_lower

    @property
    def policy(self) -> type[Policy]:
        """The subject's own policy."""
        return next(policy for policy in self.policies if policy.subject)

    @property
    def visible(self) -> tuple[Step, ...]:
        """The steps that people are shown."""
        return tuple(step for step in self.steps if step.counted)


def compile_plan(subject: type[models.Model], using: str = "default", source: Registry | None = None) -> Plan:
    """Compile the plan for ``subject`` on the database ``using``.

    Raises ``NotRegistered`` where the model is no subject and ``PolicyError`` where a policy cannot be carried out.
    """
    source, subject = registry if source is None else source, concrete(subject)
    policy = source.get(subject)
    if policy is None or not policy.subject:
        raise NotRegistered(
            f"{subject._meta.label} is not a subject. Register a policy with subject = True for it in an erasure.py."
        )
    connection = connections[using]
    dialect = Dialect(connection, key_type=subject._meta.pk.rel_db_type(connection) or "")
    policies = scoped(policy, source)
    policy = next(p for p in policies if p.subject)
    ranks = _ranks(policies)
    steps = [step for p in policies for step in steps_of(dialect, p, policy, policies, ranks[p.model])]
    # The words as they were written: whoever compiles it first reads some language, and the digest is for all.
    with translation.override(None):
        declared = json.dumps([declaration(p) for p in _stable(policies)], sort_keys=True, default=str)
    digest = hashlib.sha256(declared.encode()).hexdigest()
    ordered = _ordered(steps)
    checks = (
        *(_check(dialect, subject, "blocker", blocker) for blocker in policy.blockers),
        *(_check(dialect, subject, "action", action) for action in policy.first),
    )
    constants = {name: value for check in checks for name, value in check.count.constants}
    return Plan(
        model=subject,
        using=using,
        key_type=dialect.key_type,
        digest=digest,
        lock=lock_statement(dialect, policy, policies),
        steps=ordered,
        checks=checks,
        scan_checks=tuple(
            Statement(text, tuple((name, value) for name, value in constants.items() if dialect.param(name) in text))
            for text in dialect.joined([f"SELECT * FROM ({check.count.text}) x" for check in checks])
        ),
        scan_steps=tuple(
            map(Statement, dialect.joined([f"SELECT * FROM ({step.count}) x" for step in ordered if step.counted]))
        ),
        left=tuple(
            dialect.joined(
                [f"SELECT {dialect.text(step.name)} AS name, ({step.left}) AS n" for step in ordered if step.left]
            )
        ),
        own_values=tuple(own_values(dialect, policy, policies)),
        policies=policies,
    )


@lru_cache(maxsize=32)
def plan_for(subject: type[models.Model], using: str = "default") -> Plan:
    """The compiled plan, once per process."""
    return compile_plan(subject, using)


def declaration(policy: type[Policy]) -> dict[str, Any]:
    """What a policy says, as plain data: the digest is made of it."""
    return {
        "model": policy.model._meta.label,
        "subject": policy.subject,
        "paths": list(policy.paths()),
        "values": [repr(value) for value in policy.values()],
        "by_key": list(policy.by_key or ()),
        "by_key_models": sorted(model._meta.label for model in policy.by_key_models())
        if policy.by_key_models
        else None,
        "rows": [policy.rows.fate, policy.rows.reason, policy.rows.until] if policy.rows else [],
        "change": {name: repr(strategy) for name, strategy in policy.strategies().items()},
        "keep": policy.kept(),
        **({"keep_until": ends} if (ends := policy.kept_until()) else {}),
        "unlink": {name: list(companions) for name, companions in policy.unlink.items()},
        "history": policy.history,
        "emits": [repr(item) for item in policy.emits],
        "blockers": [_said(blocker) for blocker in policy.blockers],
        "first": [_said(action) for action in policy.first],
    }


def _said(declared: Blocker | Action) -> list[StrOrPromise]:
    """A blocker or an action without its code, which has no stable text."""
    path = declared.path if isinstance(declared.path, str) else ", ".join(declared.path)
    return [declared.name, declared.label, path, declared.amount, declared.unit]


def _stable(policies: Iterable[type[Policy]]) -> list[type[Policy]]:
    return sorted(policies, key=lambda policy: policy.model._meta.label)


def _check(dialect: Dialect, subject: type[models.Model], kind: str, declared: Blocker | Action) -> Check:
    """Render a blocker or an action as one row per unit: name, unit, count, amount, keys."""
    answered = declared.rows(MOMENT)
    paths = (declared.path,) if isinstance(declared.path, str) else declared.path
    querysets = answered if isinstance(answered, tuple) else (answered,) * len(paths)
    parts: list[str] = []
    constants: dict[str, Any] = {}
    key = querysets[0].model._meta.pk_fields
    whole = len(key) == 1 and kind_of(key[0]) == "whole"
    for queryset, path in zip(querysets, paths, strict=True):
        values: dict[str, Any] = {
            "lethe_subject": models.F("pk" if path == "pk" else f"{path}__pk"),
            "lethe_key": models.F("pk") if len(key) == 1 else _composite(key),
        }
        if declared.amount:
            values["lethe_amount"] = models.F(declared.amount)
        if declared.unit:
            values["lethe_unit"] = models.F(declared.unit)
        rendered = dialect.from_queryset(queryset.annotate(**values).values(*values))
        constants.update(rendered.constants)
        parts.append(f"SELECT * FROM ({rendered.text}) s WHERE {dialect.in_ids('s.lethe_subject')}")
    amount = dialect.money("sum(u.lethe_amount)") if declared.amount else "''"
    unit, grouped = ("u.lethe_unit", " GROUP BY u.lethe_unit") if declared.unit else ("''", "")
    text = (
        f"SELECT {dialect.text(declared.name)} AS name, {unit} AS unit, count(*) AS n, {amount} AS amount, "
        f"{dialect.key_summary('u.lethe_key', whole=whole)} AS keys FROM ({' UNION ALL '.join(parts)}) u{grouped}"
    )
    return Check(
        name=declared.name,
        label=declared.label,
        kind=kind,
        count=Statement(text, tuple(constants.items())),
        settle=getattr(declared, "settle", ""),
        action=declared if isinstance(declared, Action) else None,
    )


def _composite(key: Sequence[models.Field[Any, Any]]) -> Concat:
    parts = [Cast(models.F(field.attname), models.TextField()) for field in key]
    separated: list[Any] = [parts[0]]
    for part in parts[1:]:
        separated += [models.Value("|"), part]
    return Concat(*separated, output_field=models.TextField())


def _ranks(policies: tuple[type[Policy], ...]) -> dict[type[models.Model], int]:
    """How far each model is from the end of its foreign keys; children rank above their parents. Cycles end at once."""
    within = {concrete(policy.model) for policy in policies}
    ranks: dict[type[models.Model], int] = {}

    def rank(model: type[models.Model], trail: frozenset[type[models.Model]]) -> int:
        if model not in ranks:
            parents = {
                concrete(key.related_model)
                for key in model._meta.concrete_fields
                if key.remote_field is not None and key.related_model is not None
            }
            ranks[model] = 1 + max(
                (rank(parent, trail | {model}) for parent in (parents & within) - trail - {model}), default=0
            )
        return ranks[model]

    return {policy.model: rank(concrete(policy.model), frozenset()) for policy in policies}


def _ordered(steps: list[Step]) -> tuple[Step, ...]:
    """Order steps so that each runs while it can still find its rows; among the free ones, children first.

    Raises ``PolicyError`` where two steps each take away what the other needs.
    """
    waiting = sorted(steps, key=lambda step: (step.fate != "emit", step.fate == "subject", -step.rank, step.name))
    done: list[Step] = []
    while waiting:
        for step in waiting:
            if not any(other.needs_before(step) for other in waiting):
                waiting.remove(step)
                done.append(step)
                break
        else:
            names = ", ".join(step.name for step in waiting)
            raise PolicyError(f"These steps each take away what another needs to find its rows: {names}.")
    return tuple(done)
