"""The SQL that differs between SQLite and PostgreSQL, in one place.

Statements are rendered once, when a plan is compiled, with named parameters: ``ids`` (the subjects' keys) and ``now``
(the moment that decides what is upcoming), and whatever constants the project's own querysets bring along.
"""

from __future__ import annotations

import datetime
import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from lethe.exceptions import PolicyError
from lethe.fields import column_of


@dataclass(frozen=True)
class Statement:
    """A rendered statement: its text, and the constants it always takes."""

    text: str
    constants: tuple[tuple[str, Any], ...] = ()

    def parameters(self, given: dict[str, Any]) -> dict[str, Any]:
        """The statement's constants together with what the caller gives."""
        return {**dict(self.constants), **given} if self.constants else given


#: So many SELECTs are joined to one statement on SQLite. It opens a table in memory for each time a statement names the
#: subjects, all of them at once, and past some twenty that costs more than all the rest. PostgreSQL is the other way
#: round: there each statement has a price, whatever is in it.
TOGETHER = 2

#: The largest prime whose square SQLite's integers hold.
PRIME = 2_147_483_647

#: Stands for "now" while a project's queryset is compiled, and is swapped for the parameter afterwards.
MOMENT = datetime.datetime(9876, 5, 4, 3, 2, 1, tzinfo=datetime.UTC)
MOMENT_DATE = MOMENT.date()


def kind_of(field: models.Field[Any, Any]) -> str:
    """What a column holds, as far as comparing goes: text, whole numbers, or the type that Django names. A foreign key
    holds what it points at."""
    while field.remote_field is not None and (target := getattr(field, "target_field", None)) is not None:
        field = target
    if isinstance(field, models.CharField | models.TextField):
        return "text"
    if isinstance(field, models.IntegerField | models.AutoField):
        return "whole"
    return str(field.get_internal_type())


@dataclass
class Dialect:
    """Renders SQL for one connection's vendor."""

    connection: BaseDatabaseWrapper
    key_type: str = ""
    _serial: int = field(default=0, repr=False)

    @property
    def postgres(self) -> bool:
        """Whether this is PostgreSQL; else it is SQLite."""
        return self.connection.vendor == "postgresql"

    # --- names, parameters, literals -----------------------------------------------------------------------------
    def quote(self, name: str) -> str:
        """A table or column name, quoted."""
        return self.connection.ops.quote_name(name).replace("%", "%%" if self.postgres else "%")

    def column(self, field: models.Field[Any, Any]) -> str:
        """The column of a field, quoted. Raises ``PolicyError`` where it has none."""
        return self.quote(column_of(field))

    def param(self, name: str) -> str:
        """A named parameter."""
        return f"%({name})s" if self.postgres else f":{name}"

    def now(self) -> str:
        """The moment that was decided when the subjects were locked."""
        return f"{self.param('now')}::timestamptz" if self.postgres else self.param("now")

    def text(self, value: str) -> str:
        """A text literal."""
        quoted = "'" + value.replace("'", "''") + "'"
        return quoted.replace("%", "%%") if self.postgres else quoted

    def literal(self, value: Any, for_field: models.Field[Any, Any]) -> str:
        """``value`` as the column of ``for_field`` stores it."""
        if value is None:
            return "NULL"
        if for_field.get_internal_type() == "JSONField":
            return self.text(json.dumps(value)) + ("::jsonb" if self.postgres else "")
        prepared = for_field.get_db_prep_save(value, self.connection)
        if isinstance(prepared, str):
            return self.text(prepared)
        if isinstance(prepared, bool):
            return str(prepared).upper() if self.postgres else str(int(prepared))
        if isinstance(prepared, int | float):
            return str(prepared)
        if self.postgres:
            from psycopg import sql

            return str(sql.Literal(prepared).as_string()).replace("%", "%%")
        if isinstance(prepared, bytes | memoryview):
            return f"x'{bytes(prepared).hex()}'"
        return self.text(str(prepared))

    # --- comparisons ----------------------------------------------------------------------------------------------
    def same(self, left: str, right: str) -> str:
        """Equality in which NULL equals NULL."""
        return f"{left} IS NOT DISTINCT FROM {right}" if self.postgres else f"{left} IS {right}"

    def differs(self, left: str, right: str) -> str:
        """Inequality in which NULL equals NULL."""
        return f"{left} IS DISTINCT FROM {right}" if self.postgres else f"{left} IS NOT {right}"

    def in_ids(self, column: str) -> str:
        """``column`` is one of the subjects' keys: one parameter, however many there are."""
        if self.postgres:
            return f"{column} = ANY({self.param('ids')}::{self.key_type}[])"
        return f"{column} IN (SELECT value FROM json_each({self.param('ids')}))"

    def ids_rows(self) -> str:
        """A table expression ``i(key)`` of the subjects' keys."""
        if self.postgres:
            return f"unnest({self.param('ids')}::{self.key_type}[]) AS i(key)"
        return f"(SELECT value AS key FROM json_each({self.param('ids')})) AS i"

    def as_text(self, column: str, of: models.Field[Any, Any] | None = None) -> str:
        """A key as other tables write it when they refer to it by value (with the dashes of a UUID)."""
        if self.postgres:
            return f"{column}::text"
        if of is not None and kind_of(of) == "UUIDField":
            parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            return "(" + " || '-' || ".join(f"substr({column}, {start}, {size})" for start, size in parts) + ")"
        return f"CAST({column} AS TEXT)"

    def key_from(self, column: str, held: models.Field[Any, Any], key: models.Field[Any, Any]) -> str:
        """The other way round: a generic key, which may be text, as a key of the type of ``key``; NULL if none."""
        if kind_of(held) == kind_of(key):
            return column
        if not self.postgres:
            return f"replace({column}, '-', '')" if kind_of(key) == "UUIDField" else column
        shapes = {"whole": r"^[0-9]{1,18}$", "UUIDField": r"^[0-9A-Fa-f-]{32,36}$"}
        if kind_of(key) not in shapes:
            return f"({column})::{self.key_type}"
        return f"(CASE WHEN {column} ~ '{shapes[kind_of(key)]}' THEN ({column})::{self.key_type} END)"

    def matches_hex_local_part(self, column: str) -> str:
        """An address of 32 hexadecimal digits at some domain."""
        if self.postgres:
            return f"{column} ~ '^[0-9a-f]{{32}}@'"
        return f"({column} GLOB '{'[0-9a-f]' * 32}@*')"

    # --- values that the database draws -----------------------------------------------------------------------------
    def random_hex(self) -> str:
        """128 random bits as 32 hexadecimal digits, drawn per row."""
        if self.postgres:
            return "replace(gen_random_uuid()::text, '-', '')"
        return "lower(hex(randomblob(16)))"

    def random_digits(self, digits: int) -> str:
        """So many random digits as text, drawn per row; the first is never a zero."""
        low, span = 10 ** (digits - 1), 9 * 10 ** (digits - 1)
        if self.postgres:
            return f"(({low} + floor(random() * {span}))::bigint)::text"
        return f"CAST({low} + abs(random() % {span}) AS TEXT)"

    def json_object(self, pairs: Sequence[tuple[str, str]]) -> str:
        """A JSON object of literal keys and SQL values."""
        inner = ", ".join(f"{self.text(key)}, {value}" for key, value in pairs)
        return f"jsonb_build_object({inner})" if self.postgres else f"json_object({inner})"

    def json_text(self, column: str, keys: Sequence[str]) -> str:
        """The text of a value inside a JSON column."""
        if self.postgres:
            return f"jsonb_extract_path_text({column}, {', '.join(self.text(key) for key in keys)})"
        path = "$" + "".join(f'."{key}"' for key in keys)
        return f"CAST(json_extract({column}, {self.text(path)}) AS TEXT)"

    def json_path(self, keys: Sequence[str]) -> str:
        """The way to a key inside a JSON column, as this database writes it."""
        if self.postgres:
            return f"ARRAY[{', '.join(self.text(key) for key in keys)}]::text[]"
        return self.text("$" + "".join(f'."{key}"' for key in keys))

    def json_literal(self, text: str) -> str:
        """A JSON value as a literal."""
        return self.text(text) + ("::jsonb" if self.postgres else "")

    def json_plain(self, value: str) -> str:
        """JSON that can be compared: SQLite keeps it as text, with whatever blanks it was written with."""
        return value if self.postgres else f"json({value})"

    def _json_kind(self, column: str, keys: Sequence[str] = ()) -> str:
        """What a value inside a JSON column is (``object``, ``array``…); NULL where there is none."""
        if self.postgres:
            return f"jsonb_typeof({column} #> {self.json_path(keys)})" if keys else f"jsonb_typeof({column})"
        return f"json_type({column}, {self.json_path(keys)})" if keys else f"json_type({column})"

    def json_without(self, column: str, paths: Sequence[Sequence[str]]) -> str:
        """A JSON column without some keys. A list on the way to a key goes whole, as does a list at the top."""
        removed = []
        for keys in paths:
            lists = "".join(
                f" WHEN {self._json_kind(column, keys[:size])} = 'array' THEN {self.json_path(keys[:size])}"
                for size in range(1, len(keys))
            )
            removed.append(f"CASE{lists} ELSE {self.json_path(keys)} END" if lists else self.json_path(keys))
        if self.postgres:
            rest = column + "".join(f" #- ({path})" for path in removed)
        else:
            rest = f"json_remove({', '.join([column, *removed])})"
        empty = self.json_literal("[]")
        return f"(CASE {self._json_kind(column)} WHEN 'object' THEN {rest} WHEN 'array' THEN {empty} ELSE {column} END)"

    def json_holds(self, column: str, paths: Sequence[Sequence[str]]) -> str:
        """Whether a JSON column holds one of some keys, or a list in which they could be."""
        filled = f"{column} <> '[]'::jsonb" if self.postgres else f"json_array_length({column}) > 0"
        said = [f"({self._json_kind(column)} = 'array' AND {filled})"]
        for keys in paths:
            said += [f"{self._json_kind(column, keys[:size])} = 'array'" for size in range(1, len(keys))]
            said.append(f"{self._json_kind(column, keys)} IS NOT NULL")
        return " OR ".join(said)

    def first_of_year(self, column: str, *, with_time: bool) -> str:
        """The first day, or in UTC the first moment, of a date's year."""
        if not self.postgres:
            return f"(substr({column}, 1, 4) || '-01-01{' 00:00:00' if with_time else ''}')"
        if with_time:
            return f"(date_trunc('year', {column} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')"
        return f"date_trunc('year', {column}::timestamp)::date"

    # --- counting -------------------------------------------------------------------------------------------------
    def row_key(self, alias: str, fields: Sequence[models.Field[Any, Any]]) -> str:
        """A row's key as one value: its column, or the columns of a composite key as text."""
        columns = [f"{alias}.{self.column(field)}" for field in fields]
        return columns[0] if len(columns) == 1 else " || '|' || ".join(f"CAST({column} AS TEXT)" for column in columns)

    def key_summary(self, expression: str, *, whole: bool) -> str:
        """Aggregate that changes when another set of rows is counted: the fingerprint's part of a step.

        The sum of a hash of each key: rows come in no order, and no set of keys is carried over the wire. ``whole``
        says that keys are whole numbers. SQLite has no hash function: numbers are squared twice in a prime field, text
        is handed over for Python to hash.
        """
        if self.postgres:
            return f"sum(hashtextextended(({expression})::text, 0)::numeric)::text"
        if not whole:
            return f"coalesce(group_concat({expression}), '')"
        once = f"(abs({expression} % {PRIME}) + 12345) % {PRIME} * (abs({expression} % {PRIME}) + 12345) % {PRIME}"
        return f"coalesce(CAST(sum(({once} + 1) * ({once} + 1) % {PRIME}) AS TEXT), '')"

    def money(self, expression: str) -> str:
        """A sum as text, so that both databases hand over exact decimals."""
        return f"{expression}::text" if self.postgres else f"CAST(round({expression}, 4) AS TEXT)"

    def joined(self, selects: Sequence[str]) -> list[str]:
        """SELECTs with the same columns as the few statements that this database runs fastest."""
        size = max(len(selects), 1) if self.postgres else TOGETHER
        return [" UNION ALL ".join(selects[start : start + size]) for start in range(0, len(selects), size)]

    # --- the project's own querysets ------------------------------------------------------------------------------
    def from_queryset(self, queryset: models.QuerySet[Any]) -> Statement:
        """Render a queryset with its constants as named parameters and :data:`MOMENT` as "now".

        Raises ``PolicyError`` where the queryset is sliced or certainly empty, which cannot be counted for everyone.
        """
        if queryset.query.is_sliced:
            raise PolicyError(f"The queryset of {queryset.model._meta.label} must not be sliced.")
        compiler = queryset.order_by().using(self.connection.alias).query.get_compiler(connection=self.connection)
        try:
            text, params = compiler.as_sql()
        except EmptyResultSet:
            raise PolicyError(
                f"The queryset of {queryset.model._meta.label} is certainly empty, so it says nothing of anyone."
            ) from None
        constants: dict[str, Any] = {}
        pieces = re.split(r"%(s|%)", text)
        rendered, index = [pieces[0]], 0
        for sign, tail in zip(pieces[1::2], pieces[2::2], strict=True):
            if sign == "%":
                rendered.append("%%" if self.postgres else "%")
            else:
                rendered.append(self._constant(params[index], constants))
                index += 1
            rendered.append(tail)
        return Statement("".join(rendered), tuple(constants.items()))

    def _constant(self, value: Any, constants: dict[str, Any]) -> str:
        moments = {str(MOMENT), str(MOMENT.replace(tzinfo=None)), MOMENT, MOMENT.replace(tzinfo=None)}
        if isinstance(value, datetime.datetime | str) and value in moments:
            return self.now()
        if value in (MOMENT_DATE, str(MOMENT_DATE)):
            return f"({self.now()} AT TIME ZONE 'UTC')::date" if self.postgres else f"date({self.now()})"
        if "9876-05" in str(value):
            raise PolicyError("A queryset of a blocker or action must compare with now itself, not with now moved.")
        self._serial += 1
        name = f"c{self._serial}"
        constants[name] = value
        return self.param(name)

    # --- values handed over -----------------------------------------------------------------------------------------
    def ids_value(self, ids: Sequence[Any], key: models.Field[Any, Any]) -> Any:
        """The subjects' keys as the ``ids`` parameter wants them."""
        prepared = [key.get_db_prep_value(value, self.connection) for value in ids]
        if self.postgres:
            # An array as text: every statement takes it, and the driver need not look at each element each time.
            return "{" + ",".join(_element(value) for value in prepared) + "}"
        return json.dumps([value.hex if isinstance(value, uuid.UUID) else value for value in prepared])

    def moment_value(self, now: datetime.datetime) -> Any:
        """ "Now" as the ``now`` parameter wants it."""
        return now if self.postgres else str(now.astimezone(datetime.UTC).replace(tzinfo=None))


def _element(value: Any) -> str:
    """A value as an element of a PostgreSQL array that is written as text."""
    if isinstance(value, int | uuid.UUID):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
