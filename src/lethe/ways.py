"""How the rows of a policy are found: by the subject's key, along relations, by value, or by a generic key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from lethe.exceptions import PolicyError
from lethe.fields import column_of, field_of
from lethe.graph import Way, concrete, hop, to_child, way
from lethe.policy import ByValue, Policy
from lethe.sql import Dialect, kind_of


def ways_of(
    dialect: Dialect,
    policy: type[Policy],
    subject: type[Policy],
    policies: Sequence[type[Policy]] = (),
    alias: str = "t",
) -> list[tuple[str, Way]]:
    """Every way to the rows of the policy's model, each with its name; the subject's own has none."""
    if policy is subject:
        key = policy.model._meta.pk
        column = f"{alias}.{dialect.column(key)}"
        return [("", Way(dialect.in_ids(column), frozenset({(policy.model._meta.db_table, column_of(key))})))]
    found = [(path, way(dialect, policy.model, path, subject.model, alias)) for path in policy.paths()]
    found += [(str(value), by_value(dialect, policy, value, subject, alias)) for value in policy.values()]
    if policy.by_key:
        found.append(("key", by_key(dialect, policy, subject, policies, alias)))
    return found


def rows_of(
    dialect: Dialect,
    field: models.ForeignObject[Any, Any],
    policy: type[Policy],
    subject: type[Policy],
    policies: Sequence[type[Policy]],
) -> list[Way]:
    """Rows of the policy's model whose foreign key ``field`` names the subject, or a row that is the subject's.

    Raises ``PolicyError`` where no row that the key can name is ever the subject's.
    """
    model, target = policy.model, concrete(field.related_model)
    own_table = concrete(subject.model)
    if target is own_table:
        return [way(dialect, model, field.name, own_table)]
    if target in subject.model._meta.all_parents:
        return [way(dialect, model, f"{field.name}__{to_child(target, own_table)}", own_table)]
    step = hop(model, field.name, field.name)
    own = frozenset((model._meta.db_table, column) for column in step.here)
    there = frozenset((target._meta.db_table, column) for column in step.there)
    left, right = (
        ", ".join(f"{alias}.{dialect.quote(column)}" for column in columns)
        for alias, columns in (("t", step.here), ("k", step.there))
    )
    left = left if len(step.here) == 1 else f"({left})"
    table = dialect.quote(target._meta.db_table)
    given = "".join(f" AND k.{dialect.quote(column)} IS NOT NULL" for column in step.there)
    found = [
        Way(
            f"{left} IN (SELECT {right} FROM {table} k WHERE {found.where}{given})",
            own,
            found.own | found.through | there,
        )
        for other in policies
        if concrete(other.model) is target
        for _, found in ways_of(dialect, other, subject, policies, "k")
    ]
    if not found:
        said = f"{model._meta.label} unlinks {field.name}, a reference to {target._meta.label}"
        raise PolicyError(f"{said}, which has no policy with a path.")
    return found


def by_value(dialect: Dialect, policy: type[Policy], value: ByValue, subject: type[Policy], alias: str) -> Way:
    """Rows whose column, or key inside a JSON column, holds what a column of the subject holds; or rows that refer to
    such a row."""
    return _by_value(dialect, policy.model, value, subject, alias)


def _by_value(dialect: Dialect, holder: type[models.Model], value: ByValue, subject: type[Policy], alias: str) -> Way:
    meta, model = holder._meta, concrete(subject.model)
    if value.keys and _is_relation(holder, value.field):
        step = hop(holder, value.field, value.column)
        if step.table:
            raise PolicyError(f"{meta.label}: by_value({value.column!r}) goes along a many-to-many; go by its table.")
        inner = f"{alias}v"
        further = _by_value(dialect, step.target, replace(value, column="__".join(value.keys)), subject, inner)
        here, there = (
            ", ".join(f"{name}.{dialect.quote(column)}" for column in columns)
            for name, columns in ((alias, step.here), (inner, step.there))
        )
        here = here if len(step.here) == 1 else f"({here})"
        given = "".join(f" AND {inner}.{dialect.quote(column)} IS NOT NULL" for column in step.there)
        beyond = step.target._meta.db_table
        return Way(
            f"{here} IN (SELECT {there} FROM {dialect.quote(beyond)} {inner} WHERE {further.where}{given})",
            frozenset((meta.db_table, column) for column in step.here),
            further.own | further.through | {(beyond, column) for column in step.there},
        )
    field = _field(holder, value.field)
    of = model._meta.pk if value.of == "pk" else _field(model, value.of)
    column = f"{alias}.{dialect.column(field)}"
    own = frozenset({(meta.db_table, column_of(field))})
    if value.of == "pk" and kind_of(field) == kind_of(of) and not value.keys:
        return Way(dialect.in_ids(column), own)
    if value.keys:
        column = dialect.json_text(column, value.keys)
    owner = concrete(of.model)
    found = (
        Way(dialect.in_ids(f"v.{dialect.column(owner._meta.pk)}"), frozenset())
        if owner is model
        else way(dialect, owner, to_child(owner, model), model, "v")
    )
    theirs = f"v.{dialect.column(of)}"
    given = f"{theirs} IS NOT NULL"
    if kind_of(field) != kind_of(of) or value.keys:
        theirs = dialect.as_text(theirs, of)
        column = column if value.keys else dialect.as_text(column, field)
    if kind_of(of) == "text":
        given += f" AND {theirs} <> ''"
        if value.fold:
            column, theirs = f"lower({column})", f"lower({theirs})"
    return Way(
        f"{column} IN (SELECT {theirs} FROM {dialect.quote(owner._meta.db_table)} v WHERE {found.where} AND {given})",
        own,
        found.own | found.through | {(owner._meta.db_table, column_of(of))},
    )


def _is_relation(model: type[models.Model], name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).is_relation)
    except FieldDoesNotExist:
        return False


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    try:
        return field_of(model, name)
    except FieldDoesNotExist:
        said = f"{model._meta.label} has no field {name!r}, by whose value rows were to be found."
        raise PolicyError(said) from None


def by_key(
    dialect: Dialect, policy: type[Policy], subject: type[Policy], policies: Sequence[type[Policy]], alias: str
) -> Way:
    """Rows that point by value, as audits do, at the subject or at any row that is the subject's."""
    assert policy.by_key is not None
    meta = policy.model._meta
    type_field, key_field = (_field(policy.model, name) for name in policy.by_key)
    wanted = {concrete(model) for model in policy.by_key_models()} if policy.by_key_models else None
    own = frozenset((meta.db_table, column_of(field)) for field in (type_field, key_field))
    parts: list[str] = []
    through: set[tuple[str, str]] = set()
    for other in policies:
        model = other.model._meta
        if other.by_key or (wanted is not None and concrete(other.model) not in wanted):
            continue
        if len(model.pk_fields) > 1 or kind_of(key_field) not in {"text", kind_of(model.pk)}:
            continue  # a key of this type cannot name such a row
        key = f"k.{dialect.column(model.pk)}"
        if kind_of(key_field) == "text":
            key = dialect.as_text(key, model.pk)
        # A generic key may name a row by a proxy of its model, or, where a child has its parent's key, by either.
        names = ", ".join(dialect.text(name) for name in type_names(other.model))
        for _, found in ways_of(dialect, other, subject, policies, "k"):
            parts.append(
                f"SELECT c.id, {key} FROM {dialect.quote(model.db_table)} k "
                f"JOIN django_content_type c ON c.app_label || '.' || c.model IN ({names}) WHERE {found.where}"
            )
            through |= {(model.db_table, column_of(model.pk)), *found.own, *found.through}
    left, right = dialect.column(type_field), dialect.column(key_field)
    if not parts:
        return Way("1 = 0", own)
    return Way(f"({alias}.{left}, {alias}.{right}) IN ({' UNION ALL '.join(parts)})", own, frozenset(through))


def type_names(model: type[models.Model]) -> list[str]:
    """The labels of a model and of its proxies, as their content types have them."""
    proxies = [
        other for other in model._meta.apps.get_models() if other._meta.proxy and concrete(other) is concrete(model)
    ]
    return sorted({one._meta.label_lower for one in (concrete(model), *proxies)})
