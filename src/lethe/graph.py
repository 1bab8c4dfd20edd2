"""The graph of a person's data: which models lead to the subject, and the SQL of each way there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from lethe.exceptions import PolicyError
from lethe.sql import Dialect

Model = type[models.Model]
Columns = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Way:
    """The SQL of a path: where its rows are, and which columns it reads to find them: ``own`` ones of the row itself,
    and those of the rows that it goes ``through``."""

    where: str
    own: Columns
    through: Columns = frozenset()


@dataclass(frozen=True)
class Hop:
    """One step of a path: columns here, columns there, the model there; a many-to-many has a table between."""

    here: tuple[str, ...]
    there: tuple[str, ...]
    target: Model
    table: str = ""
    left: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    single: bool = True


def concrete(model: Model) -> Model:
    """The model whose table holds the rows: itself, or what a proxy stands for."""
    return model._meta.concrete_model or model


def way(dialect: Dialect, model: Model, path: str, subject: Model, alias: str = "t") -> Way:
    """Render ``path`` from ``model`` to ``subject`` as a condition on ``alias``.

    Raises ``PolicyError`` where the path does not exist or does not end at the subject.
    """
    where, own, through = _walk(dialect, concrete(model), path.split("__"), concrete(subject), alias, path, 0)
    return Way(where, frozenset(own), frozenset(through))


def hops(model: Model, path: str) -> list[Hop]:
    """The steps of a path. Raises ``PolicyError`` where there is no such path."""
    here, found, parts = concrete(model), [], path.split("__")
    while parts:
        parts = _direct(here, parts)
        found.append(hop(here, parts[0], path))
        here, parts = found[-1].target, parts[1:]
    return found


def end_of(model: Model, path: str) -> Model:
    """The model at which a path ends. Raises ``PolicyError`` where there is no such path."""
    return hops(model, path)[-1].target


def _direct(model: Model, parts: list[str]) -> list[str]:
    """The same path by way of the parent's table, where its first step is inherited from a parent with a table."""
    try:
        owner = concrete(model._meta.get_field(parts[0]).model)
    except FieldDoesNotExist:
        return parts
    links, below = [], model
    for above in model._meta.get_base_chain(owner) if owner is not model else ():
        link = below._meta.parents.get(above)
        links += [link.name] if link is not None else []
        below = above
    return [*links, *parts]


def _walk(
    dialect: Dialect, model: Model, parts: list[str], subject: Model, alias: str, path: str, depth: int
) -> tuple[str, set[tuple[str, str]], set[tuple[str, str]]]:
    if not parts:
        if model is not subject:
            raise PolicyError(f"The path {path!r} ends at {model._meta.label}, not at {subject._meta.label}.")
        return dialect.in_ids(f"{alias}.{dialect.column(model._meta.pk)}"), set(), set()
    parts = _direct(model, parts)
    step = hop(model, parts[0], path)
    own = {(model._meta.db_table, column) for column in step.here}
    if len(parts) == 1 and step.target is subject and step.there == (subject._meta.pk.column,) and not step.table:
        return dialect.in_ids(f"{alias}.{dialect.quote(step.here[0])}"), own, set()
    inner, table = f"p{depth}", dialect.quote(step.target._meta.db_table)
    here = _row(dialect, alias, step.here)
    if step.table:  # many-to-many: by way of its own table
        beyond = f"{inner}x"
        condition, near, far = _walk(dialect, step.target, parts[1:], subject, beyond, path, depth + 1)
        between = {(step.table, column) for column in (*step.left, *step.right)}
        joined = " AND ".join(
            f"{beyond}.{dialect.quote(a)} = {inner}.{dialect.quote(b)}"
            for a, b in zip(step.there, step.right, strict=True)
        )
        return (
            f"{here} IN (SELECT {_row(dialect, inner, step.left, bare=True)} FROM {dialect.quote(step.table)} {inner} "
            f"JOIN {table} {beyond} ON {joined} WHERE {condition})",
            own,
            between | near | far,
        )
    condition, near, far = _walk(dialect, step.target, parts[1:], subject, inner, path, depth + 1)
    there = {(step.target._meta.db_table, column) for column in step.there}
    given = "".join(f" AND {inner}.{dialect.quote(column)} IS NOT NULL" for column in step.there)
    chosen = _row(dialect, inner, step.there, bare=True)
    return f"{here} IN (SELECT {chosen} FROM {table} {inner} WHERE {condition}{given})", own, there | near | far


def _row(dialect: Dialect, alias: str, columns: tuple[str, ...], *, bare: bool = False) -> str:
    names = ", ".join(f"{alias}.{dialect.quote(column)}" for column in columns)
    return names if bare or len(columns) == 1 else f"({names})"


def hop(model: Model, name: str, path: str) -> Hop:
    """One step of a path. Raises ``PolicyError`` where ``name`` is no relation that rows can be followed along."""
    try:
        field: Any = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise PolicyError(f"The path {path!r} stops at {model._meta.label}, which has no relation {name!r}.") from None
    related = getattr(field, "related_model", None)
    if not field.is_relation or related is None or hasattr(field, "object_id_field_name"):
        raise PolicyError(f"The path {path!r} stops at {model._meta.label}.{name}, which is not a relation.")
    target = concrete(related)
    if field.many_to_many:
        forward = not field.auto_created
        relation: Any = field if forward else field.field
        through = relation.remote_field.through
        near, far = relation.m2m_field_name(), relation.m2m_reverse_field_name()
        left, right = (through._meta.get_field(n) for n in ((near, far) if forward else (far, near)))
        return Hop(
            _columns(left.foreign_related_fields),
            _columns(right.foreign_related_fields),
            target,
            through._meta.db_table,
            _columns(left.local_related_fields),
            _columns(right.local_related_fields),
            single=False,
        )
    if field.auto_created and not field.concrete:
        key: Any = field.field
        there, here = key.local_related_fields, key.foreign_related_fields
        return Hop(_columns(here), _columns(there), target, single=bool(field.one_to_one))
    return Hop(_columns(field.local_related_fields), _columns(field.foreign_related_fields), target)


def _columns(fields: Iterable[Any]) -> tuple[str, ...]:
    return tuple(field.column for field in fields)


def references(model: Model) -> Iterator[models.ForeignObject[Any, Any]]:
    """The foreign keys of ``model`` that are columns of its own table, those of several columns included."""
    for field in model._meta.local_fields:
        if isinstance(field, models.ForeignObject):
            yield field


def all_models(known: Apps = apps) -> list[Model]:
    """Every concrete model with a table, automatic many-to-many tables included, in a stable order."""
    found = [
        model
        for model in known.get_models(include_auto_created=True)
        if not model._meta.proxy and not model._meta.abstract and not model._meta.swapped
    ]
    return sorted(found, key=lambda model: model._meta.label)


def referring(targets: Iterable[Model], known: Apps = apps) -> dict[Model, list[models.ForeignObject[Any, Any]]]:
    """Models with a foreign key into ``targets``, and those keys."""
    wanted = {concrete(target) for target in targets}
    found: dict[Model, list[models.ForeignObject[Any, Any]]] = {}
    for model in all_models(known):
        keys = [key for key in references(model) if concrete(key.related_model) in wanted]
        if keys:
            found[model] = keys
    return found


def declarer(model: Model) -> Model | None:
    """The model that declares the many-to-many whose automatic table this is."""
    owner: Any = model._meta.auto_created  # False, or that model; the stubs know of False and True
    return owner or None


def parents(model: Model) -> list[Model]:
    """The models whose tables hold the rest of the same row: multi-table inheritance, nearest first."""
    return [concrete(parent) for parent in model._meta.all_parents]


def to_child(model: Model, child: Model) -> str:
    """The path from a parent's row to the child's row that completes it."""
    links, below = [], concrete(child)
    for above in below._meta.get_base_chain(model):
        link = below._meta.parents.get(above)
        if link is not None and link.remote_field is not None:
            links.append(str(link.remote_field.name))
        below = concrete(above)
    return "__".join(reversed(links))


def reach(subject: Model, declared: Iterable[Model], stops: Iterable[Model] = ()) -> list[Model]:
    """Every model in reach: the subject, what the project declared, the other tables of the same rows, and whatever
    refers to any of those, transitively.

    ``stops`` are models whose rows are somebody else's: they are in reach, and what refers to them is not.
    """
    ends = {concrete(model) for model in stops}
    found = {concrete(subject), *(concrete(model) for model in declared)}
    known = subject._meta.apps
    while True:
        rows = found - ends
        more = (set(referring(rows, known)) | {parent for model in rows for parent in parents(model)}) - found
        if not more:
            return sorted(found, key=lambda model: model._meta.label)
        found |= more


def generic_models(known: Apps = apps) -> list[tuple[Model, Any]]:
    """Models that can point at anything, through a generic foreign key, and that key."""
    if not apps.is_installed("django.contrib.contenttypes"):
        return []
    from django.contrib.contenttypes.fields import GenericForeignKey

    return [
        (model, field)
        for model in all_models(known)
        for field in model._meta.private_fields
        if isinstance(field, GenericForeignKey)
    ]
