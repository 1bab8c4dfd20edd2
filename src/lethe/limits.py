"""What a column cannot take is refused when the declaration is checked, not when somebody is erased."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from lethe.exceptions import PolicyError
from lethe.fields import field_of
from lethe.files import DeleteFile
from lethe.graph import concrete
from lethe.logic import Verdict, decide
from lethe.policy import Policy
from lethe.strategies import EMPTY, Empty, Replace, Strategy


def refused_columns(policy: type[Policy]) -> Iterator[tuple[str, str]]:
    """Field name and reason, for every field that cannot take its strategy."""
    emptied = {companion: EMPTY for companions in policy.unlink.values() for companion in companions}
    answered = policy.strategies() | emptied
    if policy.rows is not None and policy.rows.fate == "delete":
        # Nothing is written into a row that goes; a file of it goes too, and must be one.
        answered = {name: strategy for name, strategy in answered.items() if isinstance(strategy, DeleteFile)}
    for name, strategy in answered.items():
        try:
            field = policy.model._meta.get_field(name)
        except FieldDoesNotExist:
            continue  # a finding of its own
        if not isinstance(field, models.Field) or not field.concrete:
            continue
        if getattr(field, "generated", False):
            yield name, "it is generated from other columns; answer for those."
        elif field.primary_key:
            yield name, "it is the key of the row, which others refer to."
        elif problem := strategy.problem(field):
            yield name, problem


def refused_constraints(policy: type[Policy]) -> Iterator[tuple[str, str, str]]:
    """Constraint, kind ("unique" or "check") and reason, for every constraint that erased rows certainly break."""
    if policy.rows is not None and policy.rows.fate != "keep":
        return
    known = dict(_known(policy))
    meta = policy.model._meta
    for constraint in _constraints(meta):
        if isinstance(constraint, models.CheckConstraint):
            if decide(constraint.condition, known) is Verdict.FALSE:
                yield constraint.name, "check", "an erased row breaks it"
        elif isinstance(constraint, models.UniqueConstraint):
            names = set(constraint.fields) or set(_fields_in(constraint.expressions))
            if constraint.condition is not None and decide(constraint.condition, known) is Verdict.FALSE:
                continue
            nulls = constraint.nulls_distinct is not False
            if reason := _collision(policy, names, known, nulls_distinct=nulls):
                yield constraint.name, "unique", reason
    for together in meta.unique_together:
        if reason := _collision(policy, set(together), known, nulls_distinct=True):
            yield f"unique_together {tuple(together)}", "unique", reason


def _constraints(meta: Any) -> list[Any]:
    above = [constraint for parent in meta.all_parents for constraint in parent._meta.constraints]
    return [*meta.constraints, *above]


def _collision(policy: type[Policy], names: set[str], known: dict[str, Any], *, nulls_distinct: bool) -> str:
    """Why two erased rows can end with the same values in ``names``; empty where something keeps them apart."""
    strategies = policy.strategies()
    constant = sorted(name for name in names if known.get(name) is not None)
    if not constant:
        return ""
    for name in names - set(constant):
        field = field_of(policy.model, name)
        if name in known and nulls_distinct:  # NULL, which is like no other
            return ""
        if name in strategies and strategies[name].drawn:
            return ""
        if name not in strategies and (field.unique or field.primary_key):
            return ""
    return f"two erased rows have the same {' and '.join(constant)}"


def _known(policy: type[Policy]) -> Iterator[tuple[str, Any]]:
    """The values that an erased row certainly has."""
    strategies: dict[str, Strategy] = policy.strategies()
    for name, strategy in strategies.items():
        try:
            field = field_of(policy.model, name)
            if isinstance(strategy, Replace):
                yield name, strategy.constant_value
            elif isinstance(strategy, Empty):
                yield name, strategy.value(field)
        except (FieldDoesNotExist, PolicyError):
            continue


def _fields_in(expressions: Iterable[Any]) -> Iterator[str]:
    for expression in expressions:
        if isinstance(expression, models.F):
            yield expression.name  # type: ignore[attr-defined]  # the stubs do not say that F has a name
        elif hasattr(expression, "get_source_expressions"):
            yield from _fields_in(expression.get_source_expressions())


def moved_targets(policy: type[Policy], source: Iterable[type[Policy]]) -> Iterator[tuple[type[Policy], str, str]]:
    """Kept rows that refer by ``to_field`` to a column that this policy changes: (policy, field, column)."""
    if policy.rows is not None and policy.rows.fate != "keep":
        return
    for other in source:
        if other.rows is not None and other.rows.fate == "delete":
            continue
        for field in other.model._meta.concrete_fields:
            target = getattr(field, "target_field", None) if field.remote_field is not None else None
            if target is None or target.name not in policy.strategies() or field.name in other.unlink:
                continue
            if concrete(target.model) is concrete(policy.model) and field.name not in other.strategies():
                yield other, field.name, target.name
