"""The graph of a person's data: which models lead to the subject, and the SQL of each way there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from lethe.exceptions import PolicyError
from lethe.sql import Dialect

Model = type[models.Model]


@dataclass(frozen=True)
class Way:
    """The SQL of a path: where its rows are, and which columns of which tables it reads to find them."""

    where: str
    reads: frozenset[tuple[str, str]]


def concrete(model: Model) -> Model:
    """The model whose table holds the rows: itself, or what a proxy stands for."""
    return model._meta.concrete_model or model


def way(dialect: Dialect, model: Model, path: str, subject: Model, alias: str = "t") -> Way:
    """Render ``path`` from ``model`` to ``subject`` as a condition on ``alias``.

    Raises ``PolicyError`` where the path does not exist or does not end at the subject.
    """
    where, reads = _walk(dialect, concrete(model), path.split("__"), concrete(subject), alias, path, 0)
    return Way(where, frozenset(reads))


def _walk(
    dialect: Dialect, model: Model, parts: list[str], subject: Model, alias: str, path: str, depth: int
) -> tuple[str, set[tuple[str, str]]]:
    if not parts:
        if model is not subject:
            raise PolicyError(f"The path {path!r} ends at {model._meta.label}, not at {subject._meta.label}.")
        return dialect.in_ids(f"{alias}.{dialect.quote(model._meta.pk.column)}"), set()
    here, there, target, steps = _hop(model, parts[0], path)
    reads = {(model._meta.db_table, here)}
    column = f"{alias}.{dialect.quote(here)}"
    if len(parts) == 1 and target is subject and there == subject._meta.pk.column and not steps:
        return dialect.in_ids(column), reads
    inner = f"p{depth}"
    if steps:  # many-to-many: through its own table
        table, left, right = steps
        condition, more = _walk(dialect, target, parts[1:], subject, f"{inner}x", path, depth + 1)
        reads |= {(table, left), (table, right)} | more
        return (
            f"{column} IN (SELECT {inner}.{dialect.quote(left)} FROM {dialect.quote(table)} {inner} "
            f"JOIN {dialect.quote(target._meta.db_table)} {inner}x "
            f"ON {inner}x.{dialect.quote(there)} = {inner}.{dialect.quote(right)} WHERE {condition})",
            reads,
        )
    condition, more = _walk(dialect, target, parts[1:], subject, inner, path, depth + 1)
    reads |= {(target._meta.db_table, there)} | more
    return (
        f"{column} IN (SELECT {inner}.{dialect.quote(there)} FROM {dialect.quote(target._meta.db_table)} {inner} "
        f"WHERE {condition} AND {inner}.{dialect.quote(there)} IS NOT NULL)",
        reads,
    )


def _hop(model: Model, name: str, path: str) -> tuple[str, str, Model, tuple[str, str, str] | None]:
    """One step: column here, column there, model there, and the through table of a many-to-many."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise PolicyError(f"The path {path!r} stops at {model._meta.label}, which has no relation {name!r}.") from None
    if not field.is_relation or field.related_model is None:
        raise PolicyError(f"The path {path!r} stops at {model._meta.label}.{name}, which is not a relation.")
    target = concrete(field.related_model)
    if field.many_to_many:
        forward = not field.auto_created
        relation: Any = field if forward else field.field
        through = relation.remote_field.through
        left = relation.m2m_column_name() if forward else relation.m2m_reverse_name()
        right = relation.m2m_reverse_name() if forward else relation.m2m_column_name()
        return model._meta.pk.column, target._meta.pk.column, target, (through._meta.db_table, left, right)
    if field.auto_created and not field.concrete:
        key: Any = field.field
        return key.target_field.column, key.column, target, None
    forward_key: Any = field
    return forward_key.column, forward_key.target_field.column, target, None


def references(model: Model) -> Iterator[models.Field[Any, Any]]:
    """The foreign keys of ``model`` that are columns of its own table."""
    for field in model._meta.concrete_fields:
        if field.remote_field is not None and field.related_model is not None and field.model is model:
            yield field


def all_models() -> list[Model]:
    """Every concrete model with a table, automatic many-to-many tables included, in a stable order."""
    found = [
        model
        for model in apps.get_models(include_auto_created=True)
        if not model._meta.proxy and not model._meta.abstract and not model._meta.swapped
    ]
    return sorted(found, key=lambda model: model._meta.label)


def referring(targets: Iterable[Model]) -> dict[Model, list[models.Field[Any, Any]]]:
    """Models with a foreign key into ``targets``, and those keys."""
    wanted = {concrete(target) for target in targets}
    found: dict[Model, list[models.Field[Any, Any]]] = {}
    for model in all_models():
        keys = [key for key in references(model) if concrete(key.related_model) in wanted]
        if keys:
            found[model] = keys
    return found


def reach(subject: Model, declared: Iterable[Model], stops: Iterable[Model] = ()) -> list[Model]:
    """Every model in reach: the subject, what the project declared, and whatever refers to any of those, transitively.

    ``stops`` are models whose rows are somebody else's: they are in reach, and what refers to them is not.
    """
    ends = {concrete(model) for model in stops}
    found = {concrete(subject), *(concrete(model) for model in declared)}
    while True:
        more = set(referring(found - ends)) - found
        if not more:
            return sorted(found, key=lambda model: model._meta.label)
        found |= more


def generic_models() -> list[tuple[Model, Any]]:
    """Models that can point at anything, through a generic foreign key, and that key."""
    if not apps.is_installed("django.contrib.contenttypes"):
        return []
    from django.contrib.contenttypes.fields import GenericForeignKey

    return [
        (model, field)
        for model in all_models()
        for field in model._meta.private_fields
        if isinstance(field, GenericForeignKey)
    ]
