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

from lethe.fields import column_of, field_of, reference_of
from lethe.graph import Hop, concrete, hops, to_child
from lethe.plan import Plan
from lethe.policy import Policy
from lethe.sql import Dialect, kind_of
from lethe.steps import fields_of
from lethe.strategies import Strategy
from lethe.ways import type_names

#: A session keeps the plan of a function's query. One made while a table was small reads the whole table ever after:
#: a bulk load in a session that saw the table empty would take time with the square of its rows. Where a table has no
#: index that helps (the content types), such a plan looks so costly that it would be compiled to machine code at every
#: call, which takes half a second.
INDEXED = "SET enable_seqscan = off SET jit = off"

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
        if policy.rows is None or policy.rows.fate != "not personal":
            found += _dependent_triggers(dialect, plan, policy)
            found += _generic_triggers(dialect, plan, policy)
    return found


# --- the subject's own table ------------------------------------------------------------------------------------------
def _subject_triggers(dialect: Dialect, plan: Plan) -> Iterator[Trigger]:
    meta = plan.model._meta
    key = dialect.column(meta.pk)
    strategies = plan.policy.strategies()
    changed = " OR ".join(
        _written(dialect, field, strategies.get(field.name))
        for field in meta.local_concrete_fields
        if not field.primary_key and not field.generated
    )
    yield _refusing(dialect, plan, meta.db_table, "own", "UPDATE", changed, _erased(dialect, plan, Keys(f"OLD.{key}")))
    subject, text = dialect.text(plan.subject), dialect.as_text(f"NEW.{key}")
    draw = f"INSERT INTO lethe_subject_key (subject, key, value) VALUES ({subject}, {text}, {dialect.random_hex()})"
    drop = f"DELETE FROM lethe_subject_key WHERE subject = {subject} AND key = {dialect.as_text(f'OLD.{key}')}"
    erased = _erased(dialect, plan, Keys(f"NEW.{key}"))
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


def _written(dialect: Dialect, field: models.Field[Any, Any], strategy: Strategy | None) -> str:
    """The column changes, and not to its erased value (NULL for a column that is kept: clearing more is allowed)."""
    column = dialect.column(field)
    if strategy is not None:
        return strategy.tampers(dialect, field, f"NEW.{column}", f"OLD.{column}")
    changes = dialect.differs(f"NEW.{column}", f"OLD.{column}")
    return f"({changes} AND NEW.{column} IS NOT NULL)" if field.null else f"({changes})"


# --- the tables that point at it --------------------------------------------------------------------------------------
def _dependent_triggers(dialect: Dialect, plan: Plan, policy: type[Policy]) -> list[Trigger]:
    meta = policy.model._meta
    personal = fields_of(policy, policy.strategies()) if policy is not plan.policy else []
    holds = [
        f"({strategy.recognise(dialect, field, f'NEW.{dialect.column(field)}')}) IS NOT TRUE"
        for field, strategy in personal
    ]
    # History may be added, and may stay; it may carry nothing personal.
    new_row = f"({' OR '.join(holds)})" if policy.history and holds else ("FALSE" if policy.history else "")
    found, owners = [], _owners(dialect, plan, policy)
    # A row that names several subjects locks all of them at once and in order: whichever trigger comes first.
    together = Keys(", ".join(dict.fromkeys(owner.keys.expression for owner in owners if not owner.keys.source)))
    for owner in owners:
        pointed = f"(({' OR '.join(owner.moved(dialect))}) AND {owner.given})"
        writes = [_written(dialect, field, strategy) for field, strategy in personal] if owner.whole else []
        if policy.history:
            pointed = f"({pointed} AND {new_row})" if holds else ""
        # The other table of a parent's row has no key of its own that could be pointed elsewhere.
        parts = [*(() if owner.parent else (pointed,)), *writes]
        update = " OR ".join(part for part in parts if part)
        erased = _erased(dialect, plan, owner.keys)
        if owner.parent:
            pass
        elif dialect.postgres:
            lock = _lock(dialect, plan, owner.keys if owner.keys.source else together)
            found.append(_guard_insert(dialect, meta.db_table, owner, lock, erased, new_row))
        elif new_row != "FALSE":
            when = " AND ".join(part for part in (new_row, erased) if part)
            found.append(
                _sqlite(dialect, meta.db_table, f"{owner.name}_insert", "BEFORE INSERT", when, _raise_sqlite())
            )
        if update:
            found.append(_guard_update(dialect, plan, meta.db_table, owner, erased, update))
    return found


@dataclass(frozen=True)
class Keys:
    """SQL of subjects' keys: an expression, and where it is read from (nothing, for a column of the row itself)."""

    expression: str
    source: str = ""

    def select(self, expression: str = "") -> str:
        """What stands inside ``IN (...)``."""
        wanted = expression or self.expression
        return f"SELECT {wanted} FROM {self.source}" if self.source else wanted


@dataclass(frozen=True)
class _Owner:
    """Whose a row is, seen from the row itself: SQL of the subjects' keys, and the columns that say so."""

    name: str
    columns: tuple[str, ...]
    keys: Keys
    whole: bool = True
    parent: bool = False

    @property
    def given(self) -> str:
        """The row names someone."""
        return " AND ".join(f"NEW.{column} IS NOT NULL" for column in self.columns)

    def moved(self, dialect: Dialect) -> list[str]:
        """The row names someone else than before."""
        return [dialect.differs(f"NEW.{column}", f"OLD.{column}") for column in self.columns]


def _owners(dialect: Dialect, plan: Plan, policy: type[Policy]) -> list[_Owner]:
    """Every way in which a row of the policy's table names a subject by columns of its own."""
    model, subject = policy.model, plan.policy
    found: list[_Owner] = []
    for path in policy.paths():
        first, steps = model._meta.get_field(path.split("__")[0]), hops(model, path)
        parent = first.auto_created and getattr(first, "parent_link", False)
        if first.many_to_many or (first.auto_created and not first.concrete and not parent):
            continue  # a reverse relation: the other row points here, and its own trigger sees it
        found.append(_Owner(path, _names(dialect, steps[0]), _keys(dialect, plan, steps), parent=parent))
    for value in policy.values():
        if value.of != "pk" or value.keys:
            continue
        field = field_of(model, value.field)
        if kind_of(field) == kind_of(plan.model._meta.pk):
            column = dialect.column(field)
            found.append(_Owner(f"{value}_{plan.model._meta.model_name}", (column,), Keys(f"NEW.{column}")))
    for name in policy.unlink:
        target = concrete(reference_of(model, name).related_model)
        if target is concrete(plan.model):
            steps = hops(model, name)
        elif target in subject.model._meta.all_parents:
            steps = hops(model, f"{name}__{to_child(target, plan.model)}")
        else:
            continue
        found.append(_Owner(name, _names(dialect, steps[0]), _keys(dialect, plan, steps), whole=False))
    return found


def _names(dialect: Dialect, step: Hop) -> tuple[str, ...]:
    return tuple(dialect.quote(column) for column in step.here)


def _keys(dialect: Dialect, plan: Plan, steps: list[Hop]) -> Keys:
    """The keys of the subjects that the new row belongs to: a column of it, or what several steps lead to."""
    quote, key = dialect.quote, column_of(plan.model._meta.pk)
    source, where, before = "", "", "NEW"
    for index, step in enumerate(steps):
        here = [f"{before}.{quote(column)}" for column in step.here]
        if index + 1 == len(steps) and step.there == (key,) and not step.table:
            return Keys(here[0], f"{source}{where}" if source else "")
        joins = [(step.target._meta.db_table, f"g{index}", step.there)]
        if step.table:
            joins.insert(0, (step.table, f"m{index}", step.left))
        for table, alias, columns in joins:
            condition = _equal(dialect, alias, columns, here)
            if source:
                source += f" JOIN {quote(table)} {alias} ON {condition}"
            else:
                source, where = f"{quote(table)} {alias}", f" WHERE {condition}"
            before, here = alias, [f"{alias}.{quote(column)}" for column in step.right]
    return Keys(f"{before}.{quote(key)}", f"{source}{where}")


def _equal(dialect: Dialect, alias: str, columns: tuple[str, ...], others: list[str]) -> str:
    return " AND ".join(
        f"{alias}.{dialect.quote(column)} = {other}" for column, other in zip(columns, others, strict=True)
    )


def _guard_insert(dialect: Dialect, table: str, owner: _Owner, lock: str, erased: str, only: str) -> Trigger:
    """PostgreSQL: lock the owner against a running erasure, then look at its mark in a new snapshot."""
    refuse = f"IF {erased}{f' AND {only}' if only else ''} THEN {_raise()} END IF;"
    body = f"IF {owner.given} THEN\n  {lock};\n  {refuse}\n  END IF;\n  RETURN NEW;"
    return _postgres(dialect, table, f"{owner.name}_insert", "BEFORE INSERT", "", body)


def _guard_update(dialect: Dialect, plan: Plan, table: str, owner: _Owner, erased: str, when: str) -> Trigger:
    if not dialect.postgres:
        return _sqlite(
            dialect, table, f"{owner.name}_update", "BEFORE UPDATE", f"({when}) AND {erased}", _raise_sqlite()
        )
    body = f"{_lock(dialect, plan, owner.keys)};\n  IF {erased} THEN {_raise()} END IF;\n  RETURN NEW;"
    return _postgres(dialect, table, f"{owner.name}_update", "BEFORE UPDATE", when, body)


def _lock(dialect: Dialect, plan: Plan, keys: Keys) -> str:
    meta = plan.model._meta
    key = f"s.{dialect.column(meta.pk)}"
    return (
        f"PERFORM 1 FROM {dialect.quote(meta.db_table)} s WHERE {key} IN ({keys.select()}) ORDER BY {key} FOR KEY SHARE"
    )


# --- tables that can point at anything --------------------------------------------------------------------------------
def _generic_triggers(dialect: Dialect, plan: Plan, policy: type[Policy]) -> list[Trigger]:
    """No new row may point at an erased subject by a generic key. (At its kept rows it may: history goes on.)"""
    if not policy.by_key or policy.history:
        return []
    meta, key = policy.model._meta, plan.model._meta.pk
    type_field, key_field = (field_of(policy.model, name) for name in policy.by_key)
    if kind_of(key_field) not in {"text", kind_of(key)}:
        return []
    names = ", ".join(dialect.text(name) for name in type_names(plan.model))
    about = (
        f"NEW.{dialect.column(type_field)} IN (SELECT c.id FROM django_content_type c "
        f"WHERE c.app_label || '.' || c.model IN ({names}))"
    )
    named = Keys(dialect.key_from(f"NEW.{dialect.column(key_field)}", key_field, key))
    name = f"key_{plan.model._meta.model_name}_insert"
    if not dialect.postgres:
        when = f"{about} AND {_erased(dialect, plan, named)}"
        return [
            _sqlite(
                dialect,
                meta.db_table,
                f"key_{plan.model._meta.model_name}_insert",
                "BEFORE INSERT",
                when,
                _raise_sqlite(),
            )
        ]
    refuse = f"IF {_erased(dialect, plan, named)} THEN {_raise()} END IF;"
    body = f"IF {about} THEN\n  {_lock(dialect, plan, named)};\n  {refuse}\n  END IF;\n  RETURN NEW;"
    return [_postgres(dialect, meta.db_table, name, "BEFORE INSERT", "", body)]


def _erased(dialect: Dialect, plan: Plan, keys: Keys) -> str:
    return (
        f"EXISTS (SELECT 1 FROM lethe_erased e WHERE e.subject = {dialect.text(plan.subject)} "
        f"AND e.key IN ({keys.select(dialect.as_text(keys.expression))}))"
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
    mark = hashlib.sha256(f"{event} {when} {INDEXED}".encode()).hexdigest()[:16]
    body = f"\n-- {mark}\nBEGIN\n  {body}\nEND\n".replace("%%", "%")
    function = (
        f"CREATE OR REPLACE FUNCTION {dialect.quote(name)}() RETURNS trigger LANGUAGE plpgsql {INDEXED} "
        f"AS $lethe${body}$lethe$"
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
