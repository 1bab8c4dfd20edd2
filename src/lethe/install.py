"""Put the seal's triggers into the database, take them out, and compare what is there with what must be.

Triggers are dropped before migrations and rebuilt after: SQLite remakes a table when a column changes and its triggers
vanish in silence, and a trigger that reads a table under migration makes that migration fail half-way.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, router, transaction

from lethe.exceptions import LetheError
from lethe.plan import Plan, compile_plan
from lethe.registry import registry
from lethe.seal import Trigger, triggers
from lethe.sql import Dialect

PREFIX = "lethe\\_%"

#: PostgreSQL keeps a trigger's condition apart from its function and rewords it, so what it made of each is noted.
_NOTED = """
DO $$ DECLARE t record; BEGIN
  FOR t IN SELECT oid, tgname, tgrelid::regclass AS made_on FROM pg_trigger
    WHERE NOT tgisinternal AND tgparentid = 0 AND tgname LIKE 'lethe\\_%'
  LOOP
    EXECUTE format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, t.made_on, md5(pg_get_triggerdef(t.oid)));
  END LOOP;
END $$
"""


def expected(using: str) -> list[Trigger]:
    """Every trigger that belongs into the database: of all subjects that live there, on every table that is one (a view
    takes no triggers)."""
    tables = _tables(using)
    return [trigger for plan in plans(using) for trigger in triggers(plan) if trigger.table in tables]


def plans(using: str) -> list[Plan]:
    """The plans of all subjects whose tables are in this database, compiled afresh."""
    tables = _tables(using)
    return [
        compile_plan(policy.model, using)
        for policy in registry.subjects()
        if policy.model._meta.db_table in tables and router.allow_migrate_model(using, policy.model)
    ]


def _tables(using: str) -> set[str]:
    connection = connections[using]
    with connection.cursor() as cursor:
        return set(connection.introspection.table_names(cursor))


def drop(using: str) -> int:
    """Drop every trigger of the engine; returns how many there were."""
    connection = connections[using]
    quote = connection.ops.quote_name
    with transaction.atomic(using=using), connection.cursor() as cursor:
        found = _installed(using)
        for name, (table, _) in found.items():
            if connection.vendor == "postgresql":
                cursor.execute(f"DROP TRIGGER {quote(name)} ON {quote(table)}")
                cursor.execute(f"DROP FUNCTION IF EXISTS {quote(name)}()")
            else:
                cursor.execute(f"DROP TRIGGER {quote(name)}")
    return len(found)


def install(using: str) -> int:
    """Build every trigger anew and draw keys for subjects that have none; returns how many triggers stand."""
    connection = connections[using]
    with transaction.atomic(using=using):
        drop(using)
        with connection.cursor() as cursor:
            # Half-way through the migrations of a project, tables are missing; the next migrate builds the rest.
            wanted = expected(using)
            for trigger in wanted:
                if trigger.function:
                    cursor.execute(trigger.function)
                cursor.execute(trigger.create)
            if connection.vendor == "postgresql":
                cursor.execute(_NOTED)
            for plan in plans(using):
                cursor.execute(_missing_keys(plan))
    return len(wanted)


def _missing_keys(plan: Plan) -> str:
    dialect = Dialect(connections[plan.using], key_type=plan.key_type)
    key = dialect.as_text(f"t.{dialect.column(plan.model._meta.pk)}")
    subject = f"'{plan.subject}'"
    return (
        f"INSERT INTO lethe_subject_key (subject, key, value) SELECT {subject}, {key}, {dialect.random_hex()} "
        f"FROM {dialect.quote(plan.model._meta.db_table)} t WHERE NOT EXISTS (SELECT 1 FROM lethe_subject_key k "
        f"WHERE k.subject = {subject} AND k.key = {key}) AND NOT EXISTS (SELECT 1 FROM lethe_erased e "
        f"WHERE e.subject = {subject} AND e.key = {key})"
    )


def problems(using: str) -> list[str]:
    """What is missing, stale, switched off or unknown, in words; empty where the seal stands as it must."""
    try:
        wanted = {trigger.name: trigger for trigger in expected(using)}
    except LetheError as error:
        return [str(error)]
    found = _installed(using)
    said = [f"trigger {name} on {wanted[name].table} is missing" for name in sorted(set(wanted) - set(found))]
    said += [f"trigger {name} is not the engine's any more" for name in sorted(set(found) - set(wanted))]
    for name in sorted(set(wanted) & set(found)):
        text = found[name][1]
        if text is None:
            said.append(f"trigger {name} is switched off")
        elif text != (wanted[name].body or wanted[name].create):
            said.append(f"trigger {name} is stale")
    return said


def _installed(using: str) -> dict[str, tuple[str, str | None]]:
    """Name to (table, text): the text of the function on PostgreSQL, of the trigger on SQLite; None if switched off,
    and empty where the trigger itself is not what was made."""
    connection = connections[using]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, c.relname, CASE WHEN t.tgenabled = 'D' THEN NULL "
                "WHEN md5(pg_get_triggerdef(t.oid)) = obj_description(t.oid, 'pg_trigger') THEN p.prosrc "
                "ELSE '' END FROM pg_trigger t "
                "JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid "
                "JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND n.nspname = ANY(current_schemas(false)) "
                "AND t.tgname LIKE %s",
                [PREFIX],
            )
        else:
            cursor.execute(
                "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s ESCAPE '\\'",
                [PREFIX],
            )
        return {name: (table, text) for name, table, text in cursor.fetchall()}


def before_migrate(*, using: str, **_: Any) -> None:
    """Receiver of ``pre_migrate``."""
    drop(using)


def after_migrate(*, using: str, **_: Any) -> None:
    """Receiver of ``post_migrate``: only where the engine's own tables exist there."""
    if {"lethe_erased", "lethe_subject_key"} <= _tables(using):
        install(using)
