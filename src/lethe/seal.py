"""The seal: the database itself refuses personal data on an erased record, for every program that writes to it.

Triggers are rendered from the plan. On the subject's own table they also draw the subject key of a new row. On
PostgreSQL a row that is inserted for a subject, or pointed at one, first locks it with ``FOR KEY SHARE``: Django's
foreign keys are deferred and take no lock until commit, so without it a row could slip in while the subject is erased.
There is no bypass: what history may still write, the triggers let through by themselves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connections, models
from django.db.utils import DatabaseError

from lethe.exceptions import PolicyError
from lethe.graph import concrete
from lethe.plan import Plan
from lethe.policy import Policy
from lethe.sql import Dialect
from lethe.steps import fields_of

MESSAGE = "lethe: this record is erased and read-only"


@dataclass(frozen=True)
class Trigger:
    """A trigger as it must stand in the database's catalogue."""

    name: str
    table: str
    create: str
    function: str = ""
    body: str = ""


def is_sealed(error: BaseException) -> bool:
    """Whether a database error is the seal's refusal."""
    return isinstance(error, DatabaseError) and MESSAGE in str(error)


def triggers(plan: Plan) -> list[Trigger]:
    """Every trigger of a plan, rendered for its database."""
    connection = connections[plan.using]
    dialect = Dialect(connection, key_type=plan.key_type)
    found = list(_subject_triggers(dialect, plan))
    for policy in plan.policies:
        if policy is not plan.policy or any(policy.unlink):
            found += _dependent_triggers(dialect, plan, policy)
    return found


# --- the subject's own table ------------------------------------------------------------------------------------------
def _subject_triggers(dialect: Dialect, plan: Plan) -> Iterator[Trigger]:
    meta = plan.model._meta
    key = dialect.quote(meta.pk.column)
    strategies = plan.policy.strategies()
    changed = " OR ".join(
        _written(dialect, field, strategies.get(field.name))
        for field in meta.local_concrete_fields
        if not field.primary_key
    )
    yield _refusing(dialect, plan, meta.db_table, "own", "UPDATE", changed, _erased(dialect, plan, f"OLD.{key}"))
    subject, text = dialect.text(plan.subject), dialect.as_text(f"NEW.{key}")
    draw = f"INSERT INTO lethe_subject_key (subject, key, value) VALUES ({subject}, {text}, {dialect.random_hex()})"
    drop = f"DELETE FROM lethe_subject_key WHERE subject = {subject} AND key = {dialect.as_text(f'OLD.{key}')}"
    erased = _erased(dialect, plan, f"NEW.{key}")
    if dialect.postgres:
        yield _postgres(
            dialect,
            meta.db_table,
            "born",
            "AFTER INSERT",
            "",
            f"IF {erased} THEN {_raise()} END IF;\n  {draw} ON CONFLICT DO NOTHING;\n  RETURN NEW;",
        )
        yield _postgres(dialect, meta.db_table, "gone", "AFTER DELETE", "", f"{drop};\n  RETURN OLD;")
    else:
        # After, not before: only then does a row without a key know the one it was given.
        yield _sqlite(dialect, meta.db_table, "own_insert", "AFTER INSERT", erased, _raise_sqlite())
        born = draw.replace("INSERT INTO", "INSERT OR IGNORE INTO", 1)
        yield _sqlite(dialect, meta.db_table, "born", "AFTER INSERT", "", born)
        yield _sqlite(dialect, meta.db_table, "gone", "AFTER DELETE", "", drop)


def _written(dialect: Dialect, field: models.Field[Any, Any], strategy: Any) -> str:
    """The column changes, and not to its erased value (NULL for a column that is kept: clearing more is allowed)."""
    column = dialect.quote(field.column)
    changes = dialect.differs(f"NEW.{column}", f"OLD.{column}")
    if strategy is None:
        return f"({changes} AND NEW.{column} IS NOT NULL)" if field.null else f"({changes})"
    if not strategy.constant:
        return f"({changes})"
    return f"({changes} AND ({strategy.recognise(dialect, field, f'NEW.{column}')}) IS NOT TRUE)"


# --- the tables that point at it --------------------------------------------------------------------------------------
def _dependent_triggers(dialect: Dialect, plan: Plan, policy: type[Policy]) -> list[Trigger]:
    meta = policy.model._meta
    own = [path for path in policy.paths() if _forward(policy.model, path)]
    unlinked = [name for name in policy.unlink if concrete(meta.get_field(name).related_model) is concrete(plan.model)]
    personal = fields_of(policy, policy.strategies()) if policy is not plan.policy else []
    found = []
    for path in [*own, *unlinked]:
        first = meta.get_field(path.split("__")[0])
        column = dialect.quote(first.column)
        holds = [
            f"({strategy.recognise(dialect, field, f'NEW.{dialect.quote(field.column)}')}) IS NOT TRUE"
            for field, strategy in personal
        ]
        # History may be added, and may stay; it may carry nothing personal.
        new_row = f"({' OR '.join(holds)})" if policy.history and holds else ("FALSE" if policy.history else "")
        pointed = f"({dialect.differs(f'NEW.{column}', f'OLD.{column}')} AND NEW.{column} IS NOT NULL)"
        writes = [] if path in unlinked else [_written(dialect, field, strategy) for field, strategy in personal]
        if policy.history:
            pointed = f"({pointed} AND {new_row})" if holds else ""
        update = " OR ".join(part for part in (pointed, *writes) if part)
        if dialect.postgres:
            found.append(_guard_insert(dialect, plan, policy, path, new_row))
        else:
            insert = " AND ".join(part for part in (new_row, _owner_erased(dialect, plan, policy, path)) if part)
            if new_row != "FALSE":
                found.append(
                    _sqlite(dialect, meta.db_table, f"{path}_insert", "BEFORE INSERT", insert, _raise_sqlite())
                )
        if update:
            found.append(_guard_update(dialect, plan, policy, path, update))
    return found


def _guard_insert(dialect: Dialect, plan: Plan, policy: type[Policy], path: str, only: str) -> Trigger:
    """PostgreSQL: lock the owner against a running erasure, then look at its mark in a new snapshot."""
    refuse = f"IF {_owner_erased(dialect, plan, policy, path)}{f' AND {only}' if only else ''} THEN {_raise()} END IF;"
    column = dialect.quote(policy.model._meta.get_field(path.split("__")[0]).column)
    body = (
        f"IF NEW.{column} IS NOT NULL THEN\n  {_owner_lock(dialect, plan, policy, path)};\n  {refuse}\n  END IF;\n"
        "  RETURN NEW;"
    )
    return _postgres(dialect, policy.model._meta.db_table, f"{path}_insert", "BEFORE INSERT", "", body)


def _guard_update(dialect: Dialect, plan: Plan, policy: type[Policy], path: str, when: str) -> Trigger:
    table = policy.model._meta.db_table
    erased = _owner_erased(dialect, plan, policy, path)
    if not dialect.postgres:
        return _sqlite(dialect, table, f"{path}_update", "BEFORE UPDATE", f"({when}) AND {erased}", _raise_sqlite())
    body = f"{_owner_lock(dialect, plan, policy, path)};\n  IF {erased} THEN {_raise()} END IF;\n  RETURN NEW;"
    return _postgres(dialect, table, f"{path}_update", "BEFORE UPDATE", when, body)


def _forward(model: type[models.Model], path: str) -> bool:
    """Whether a path starts at a column of the model's own table, so that a new row can be seen to point."""
    field = model._meta.get_field(path.split("__")[0])
    return bool(field.concrete and not field.many_to_many and field.related_model)


def _owners(dialect: Dialect, plan: Plan, policy: type[Policy], path: str) -> str:
    """SQL of the subject that the new row belongs to: a column of the row, or a subquery of several steps.

    Along the way ``value`` is SQL for what the column ``have`` of ``model`` holds in the row that was reached.
    """
    model, value, have = concrete(policy.model), "", ""

    def column(name: str, alias: str) -> str:
        if not value:
            return f"NEW.{dialect.quote(name)}"
        if name == have:
            return value
        table, there = dialect.quote(model._meta.db_table), dialect.quote(have)
        return f"(SELECT {alias}.{dialect.quote(name)} FROM {table} {alias} WHERE {alias}.{there} = {value})"

    for index, part in enumerate(path.split("__")):
        field = model._meta.get_field(part)
        if field.concrete and not field.many_to_many:
            value, have = column(field.column, f"g{index}"), field.target_field.column
        elif field.one_to_one:
            key = field.field
            value, have = column(key.target_field.column, f"g{index}"), key.column
        else:
            raise PolicyError(f"The seal cannot follow {path!r} of {policy.model._meta.label} past {part!r}.")
        model = concrete(field.related_model)
    return column(plan.model._meta.pk.column, "g")


def _owner_erased(dialect: Dialect, plan: Plan, policy: type[Policy], path: str) -> str:
    return _erased(dialect, plan, _owners(dialect, plan, policy, path))


def _owner_lock(dialect: Dialect, plan: Plan, policy: type[Policy], path: str) -> str:
    meta = plan.model._meta
    owner = _owners(dialect, plan, policy, path)
    table, key = dialect.quote(meta.db_table), dialect.quote(meta.pk.column)
    return f"PERFORM 1 FROM {table} s WHERE s.{key} = {owner} FOR KEY SHARE"


def _erased(dialect: Dialect, plan: Plan, key: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM lethe_erased e WHERE e.subject = {dialect.text(plan.subject)} "
        f"AND e.key = {dialect.as_text(key)})"
    )


# --- rendering --------------------------------------------------------------------------------------------------------
def _raise() -> str:
    return f"RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'check_violation';"


def _raise_sqlite() -> str:
    return f"SELECT RAISE(ABORT, '{MESSAGE}')"


def _refusing(dialect: Dialect, plan: Plan, table: str, suffix: str, event: str, when: str, erased: str) -> Trigger:
    if not dialect.postgres:
        return _sqlite(dialect, table, suffix, f"BEFORE {event}", f"({when}) AND {erased}", _raise_sqlite())
    body = f"IF {erased} THEN {_raise()} END IF;\n  RETURN NEW;"
    return _postgres(dialect, table, suffix, f"BEFORE {event}", when, body)


def _name(table: str, suffix: str) -> str:
    """A name that says which table and why, within the 63 characters that PostgreSQL keeps."""
    name = f"lethe_{table}_{suffix}"
    return name if len(name) <= 60 else f"{name[:50]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _postgres(dialect: Dialect, table: str, suffix: str, event: str, when: str, body: str) -> Trigger:
    name, when = _name(table, suffix), when.replace("%%", "%")
    # The function's text carries the trigger's condition too, so that comparing the one compares both.
    mark = hashlib.sha256(f"{event} {when}".encode()).hexdigest()[:16]
    body = f"\n-- {mark}\nBEGIN\n  {body}\nEND\n".replace("%%", "%")
    function = (
        f"CREATE OR REPLACE FUNCTION {dialect.quote(name)}() RETURNS trigger LANGUAGE plpgsql AS $lethe${body}$lethe$"
    )
    condition = f"WHEN ({when}) " if when else ""
    create = (
        f"CREATE TRIGGER {dialect.quote(name)} {event} ON {dialect.quote(table)} FOR EACH ROW {condition}"
        f"EXECUTE FUNCTION {dialect.quote(name)}()"
    )
    return Trigger(name, table, create, function, body)


def _sqlite(dialect: Dialect, table: str, suffix: str, event: str, when: str, action: str) -> Trigger:
    name = _name(table, suffix)
    condition = f"WHEN {when} " if when else ""
    where = f"{event} ON {dialect.quote(table)} FOR EACH ROW"
    create = f"CREATE TRIGGER {dialect.quote(name)} {where} {condition}BEGIN {action}; END"
    return Trigger(name, table, create)
