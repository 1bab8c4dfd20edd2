"""The gate's findings about the database: what its own catalogue has and no model knows.

Django's introspection misses other PostgreSQL schemas, second columns of composite keys and materialised views, and
counts partitions twice; so the catalogue itself is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.core import checks
from django.db import connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper

from lethe.answers import EMPTY_REASONS, SHORTEST_REASON, error, owners
from lethe.fields import column_of, field_of
from lethe.graph import Model, all_models, concrete, hops, parents, references
from lethe.policy import Policy
from lethe.registry import Registry

#: Tables that Django and its databases keep for themselves.
THEIRS = {"django_migrations", "spatial_ref_sys", "geometry_columns"}


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key as the database has it."""

    table: str
    columns: tuple[str, ...]
    target: str


@dataclass
class Catalogue:
    """What a database says of itself. A table outside the search path has its schema before its name."""

    tables: set[str] = field(default_factory=set)
    keys: list[ForeignKey] = field(default_factory=list)
    indexes: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    #: A materialised view, and a table that it copies from.
    copies: list[tuple[str, str]] = field(default_factory=list)

    def indexed(self, table: str, columns: tuple[str, ...]) -> bool:
        """Whether some index begins with these columns, in any order."""
        wanted = set(columns)
        return any(set(index[: len(columns)]) == wanted for index in self.indexes.get(table, ()))


def catalogue_findings(using: str, source: Registry) -> list[checks.CheckMessage]:
    """Tables and foreign keys into tables in reach that no model knows; copies; columns without an index."""
    subjects = [policy for policy in source.subjects() if router.allow_migrate_model(using, policy.model)]
    if not subjects:
        return []
    found = read(connections[using])
    by_table = {model._meta.db_table: model for model in all_models()}
    answered: Mapping[str, str] = getattr(settings, "LETHE_TABLES", {})
    owned = owners(source)
    reached = {model._meta.db_table for model in owned}
    reached |= {parent._meta.db_table for model in owned for parent in parents(model)}
    return [
        *_bad_answers(answered),
        *_unknown_keys(found, reached, by_table, answered, source),
        *_copies(found, reached, by_table, answered, source),
        *_unknown_tables(found, by_table, answered),
        *_missing_indexes(found, source),
    ]


def _bad_answers(answered: Mapping[str, str]) -> Iterator[checks.CheckMessage]:
    for name, reason in answered.items():
        if len(reason.strip()) < SHORTEST_REASON or reason.strip().casefold() in EMPTY_REASONS:
            hint = "Say why an erasure need not touch it."
            yield error("E010", f"LETHE_TABLES leaves out {name} for no reason of substance ({reason!r}).", None, hint)


def _unknown_keys(
    found: Catalogue,
    reached: set[str],
    by_table: Mapping[str, Model],
    answered: Mapping[str, str],
    source: Registry,
) -> Iterator[checks.CheckMessage]:
    for key in found.keys:
        if key.target not in reached or key.table in answered:
            continue
        said = f"{key.table} ({', '.join(key.columns)}) refers to {key.target} in the database"
        model = by_table.get(key.table)
        if model is None:
            name = "".join(part.title() for part in key.table.replace(".", "_").split("_"))
            hint = (
                f'class {name}(models.Model) with managed = False, db_table = "{key.table}" and a policy for it; or '
                f'LETHE_TABLES = {{"{key.table}": "why an erasure need not touch it"}}'
            )
            yield error("E020", f"{said}, and no model knows this table.", None, hint)
        elif not _says_so(model, key, source):
            hint = (
                f'{key.columns[0]} = models.ForeignKey(…, db_column="{key.columns[0]}"), or in its policy '
                f'path = by_value("{key.columns[0]}", of="pk")'
            )
            yield error("E021", f"{said}, and {model._meta.label} does not say so.", model, hint)


def _says_so(model: Model, key: ForeignKey, source: Registry) -> bool:
    columns = set(key.columns)
    if any(here.column in columns for reference in references(model) for here, _ in reference.related_fields):
        return True
    policy = source.get(model)
    if policy is None:
        return False
    if policy.rows is not None and policy.rows.fate == "not personal":
        return True
    return any(getattr(model._meta.get_field(value.field), "column", "") in columns for value in policy.values())


def _copies(
    found: Catalogue,
    reached: set[str],
    by_table: Mapping[str, Model],
    answered: Mapping[str, str],
    source: Registry,
) -> Iterator[checks.CheckMessage]:
    for view in sorted({view for view, table in found.copies if table in reached}):
        model = by_table.get(view)
        if view in answered or (model is not None and source.get(model) is not None):
            continue
        tables = ", ".join(sorted(table for other, table in found.copies if other == view and table in reached))
        hint = f'LETHE_TABLES = {{"{view}": "what refreshes it, and how soon"}}, or drop it.'
        said = f"The materialised view {view} keeps a copy of {tables}, which no erasure reaches."
        yield error("E023", said, None, hint)


def _unknown_tables(
    found: Catalogue, by_table: Mapping[str, Model], answered: Mapping[str, str]
) -> Iterator[checks.CheckMessage]:
    referring = {key.table for key in found.keys}
    for table in sorted(found.tables - set(by_table) - set(answered) - THEIRS - referring):
        yield checks.Warning(
            f"The table {table} belongs to no model; a copy of somebody in it would outlive an erasure.",
            hint=f'Drop it, or LETHE_TABLES = {{"{table}": "why an erasure need not touch it"}}',
            id="lethe.W003",
        )


def _missing_indexes(found: Catalogue, source: Registry) -> Iterator[checks.CheckMessage]:
    for policy in source:
        if policy.rows is not None and policy.rows.fate == "not personal":
            continue
        table = policy.model._meta.db_table
        for columns in sorted(set(_searched(policy))):
            if table in found.tables and not found.indexed(table, columns):
                listed = ", ".join(f'"{column}"' for column in columns)
                yield checks.Warning(
                    f"{table} ({', '.join(columns)}) leads to the subject and has no index in the database.",
                    hint=f'CREATE INDEX ON "{table}" ({listed}); or db_index=True and a migration.',
                    obj=policy.model,
                    id="lethe.W021",
                )


def _searched(policy: type[Policy]) -> Iterator[tuple[str, ...]]:
    """The columns of the policy's own table by which its rows are searched."""
    for path in [*policy.paths(), *policy.unlink]:
        declared = policy.model._meta.get_field(path.split("__")[0])
        if (
            concrete(declared.model) is concrete(policy.model)
            and not declared.many_to_many
            and not declared.auto_created
        ):
            yield hops(policy.model, path)[0].here
    for value in policy.values():
        if value.keys:
            continue
        column = field_of(policy.model, value.field)
        if not isinstance(column, models.CharField | models.TextField):
            yield (column_of(column),)


# --- reading ----------------------------------------------------------------------------------------------------------
def read(connection: BaseDatabaseWrapper) -> Catalogue:
    """Read the catalogue of a database."""
    return _read_postgres(connection) if connection.vendor == "postgresql" else _read_sqlite(connection)


#: The name of the relation with this oid as the search path wants it, and the user's own relations.
_NAMED = "CASE WHEN pg_table_is_visible({0}.oid) THEN {0}.relname ELSE {0}n.nspname || '.' || {0}.relname END"
_OURS = (
    "{0}n.nspname !~ '^pg_' AND {0}n.nspname <> 'information_schema' AND NOT EXISTS (SELECT 1 FROM pg_depend x "
    "WHERE x.classid = 'pg_class'::regclass AND x.objid = {0}.oid AND x.deptype = 'e')"
)
_POSTGRES = {
    # Partitions are their parent's; what they refer to, the parent refers to.
    "tables": (
        f"SELECT {_NAMED.format('c')} FROM pg_class c JOIN pg_namespace cn ON cn.oid = c.relnamespace "
        f"WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND {_OURS.format('c')}"
    ),
    "keys": (
        f"SELECT {_NAMED.format('c')}, ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY u(n, i) "
        f"JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n ORDER BY u.i), {_NAMED.format('t')} "
        "FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace "
        "JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace "
        f"WHERE k.contype = 'f' AND k.conparentid = 0 AND {_OURS.format('c')}"
    ),
    "indexes": (
        f"SELECT {_NAMED.format('c')}, ARRAY(SELECT a.attname::text FROM unnest(x.indkey) WITH ORDINALITY u(n, i) "
        "JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.n ORDER BY u.i) "
        "FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace cn ON cn.oid = c.relnamespace "
        f"WHERE x.indisvalid AND x.indpred IS NULL AND x.indkey[0] <> 0 AND {_OURS.format('c')}"
    ),
    # By way of views, too: a view depends on tables by its rule.
    "copies": (
        "WITH RECURSIVE uses AS (SELECT v.oid AS view, d.refobjid AS used FROM pg_class v "
        "JOIN pg_rewrite r ON r.ev_class = v.oid JOIN pg_depend d ON d.objid = r.oid AND d.classid = "
        "'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid "
        "WHERE v.relkind IN ('v', 'm')), whole AS (SELECT view, used FROM uses UNION "
        "SELECT w.view, u.used FROM whole w JOIN uses u ON u.view = w.used) "
        f"SELECT DISTINCT {_NAMED.format('c')}, {_NAMED.format('t')} FROM whole w JOIN pg_class c ON c.oid = w.view "
        "JOIN pg_namespace cn ON cn.oid = c.relnamespace JOIN pg_class t ON t.oid = w.used "
        f"JOIN pg_namespace tn ON tn.oid = t.relnamespace WHERE c.relkind = 'm' AND {_OURS.format('c')}"
    ),
}


def _read_postgres(connection: BaseDatabaseWrapper) -> Catalogue:
    found = Catalogue()
    with connection.cursor() as cursor:
        cursor.execute(_POSTGRES["tables"])
        found.tables = {name for (name,) in cursor.fetchall()}
        cursor.execute(_POSTGRES["keys"])
        found.keys = [ForeignKey(table, tuple(columns), target) for table, columns, target in cursor.fetchall()]
        cursor.execute(_POSTGRES["indexes"])
        for table, columns in cursor.fetchall():
            found.indexes.setdefault(table, set()).add(tuple(columns))
        cursor.execute(_POSTGRES["copies"])
        found.copies = list(cursor.fetchall())
    return found


def _read_sqlite(connection: BaseDatabaseWrapper) -> Catalogue:
    found = Catalogue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        found.tables = {name for (name,) in cursor.fetchall()}
        named = {name.lower(): name for name in found.tables}
        cursor.execute(
            'SELECT m.name, k.id, k."from", k."table" FROM sqlite_master m, pragma_foreign_key_list(m.name) k '
            "WHERE m.type = 'table' ORDER BY m.name, k.id, k.seq"
        )
        columns: dict[tuple[str, int, str], list[str]] = {}
        for table, number, column, target in cursor.fetchall():
            columns.setdefault((table, number, named.get(target.lower(), target)), []).append(column)
        found.keys = [ForeignKey(table, tuple(names), target) for (table, _, target), names in columns.items()]
        cursor.execute(
            "SELECT m.name, l.name, i.name "
            "FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i "
            "WHERE m.type = 'table' AND NOT l.partial ORDER BY m.name, l.name, i.seqno"
        )
        indexes: dict[tuple[str, str], list[str]] = {}
        for table, index, column in cursor.fetchall():
            indexes.setdefault((table, index), []).append(column)
        for (table, _), names in indexes.items():
            found.indexes.setdefault(table, set()).add(tuple(names))
        # A whole-number key is the table's own order and has no index beside it.
        cursor.execute(
            "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c "
            "WHERE m.type = 'table' AND c.pk = 1"
        )
        for table, column in cursor.fetchall():
            found.indexes.setdefault(table, set()).add((column,))
    return found
