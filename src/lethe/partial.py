"""Strategies that leave a part of the value: enough for the figures, too little for the person.

The new value follows from the old one, so a second run changes nothing. After the erasure the seal lets such a value
only be emptied: another year or another area would be something new about the person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lethe.sql import kind_of
from lethe.strategies import Strategy

if TYPE_CHECKING:
    from django.db import models

    from lethe.sql import Dialect

_DATES = ("DateField", "DateTimeField")


class _Partial(Strategy):
    """Base: every row keeps a part of its own value."""

    constant = False

    def tampers(self, dialect: Dialect, field: models.Field[Any, Any], new: str, old: str) -> str:
        emptied = f"{new} IS NULL" + (f" OR {new} = ''" if kind_of(field) == "text" else "")
        return f"({dialect.differs(new, old)} AND NOT ({emptied}))"


def _prefix_problem(field: models.Field[Any, Any], length: int) -> str | None:
    """Why a text column cannot keep so many characters of each value."""
    if kind_of(field) != "text":
        return f"a part of a text was asked for, and the column is a {field.get_internal_type()}."
    if length < 1:
        return "the number of characters that stay must be at least 1; clear the field to leave none."
    if field.max_length and length >= field.max_length:
        return f"it keeps {length} characters, and the column holds no more than {field.max_length}: nothing would go."
    if field.choices:
        return "a part of a value is not one of the field's choices."
    if field.unique:
        return "parts of different values can be the same, and the column is unique."
    return None


@dataclass(frozen=True)
class Generalise(_Partial):
    """A date becomes the first day of its year; a text, such as a postcode, its area: the first ``prefix`` characters,
    without blanks around them. ``Generalise()`` for dates and times (in UTC), ``Generalise(3)`` for text."""

    prefix: int | None = None

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        column = f"{row}.{dialect.column(field)}"
        if self.prefix is not None:
            return f"rtrim(substr(ltrim({column}), 1, {self.prefix}))"
        return dialect.first_of_year(column, with_time=field.get_internal_type() == "DateTimeField")

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        if self.prefix is not None:
            return f"({column} IS NULL OR length({column}) <= {self.prefix})"
        first = dialect.first_of_year(column, with_time=field.get_internal_type() == "DateTimeField")
        return dialect.same(column, first)

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        kind = field.get_internal_type()
        if self.prefix is not None:
            return _prefix_problem(field, self.prefix)
        if kind not in _DATES:
            return f"only a date has a year, and the column is a {kind}. For text, say how much stays: Generalise(3)."
        # The stubs know the last two as arguments of a field and not as what it holds.
        dated = field.unique_for_date or field.unique_for_year  # type: ignore[attr-defined]
        if field.unique or dated:
            return "the first day of a year is the same for many, and the column is unique."
        return None

    def describe(self) -> str:
        if self.prefix is not None:
            return f"generalised to its area, the first {self.prefix} characters"
        return "generalised to its year"


@dataclass(frozen=True)
class Truncate(_Partial):
    """A text keeps its first ``length`` characters, as they are."""

    length: int

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return f"substr({row}.{dialect.column(field)}, 1, {self.length})"

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        return f"({column} IS NULL OR length({column}) <= {self.length})"

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        return _prefix_problem(field, self.length)

    def describe(self) -> str:
        return f"cut to its first {self.length} characters"


@dataclass(frozen=True, init=False)
class ScrubKeys(_Partial):
    """Takes keys out of a JSON column and leaves the rest: ``ScrubKeys("contact.email", "notes")``.

    A key that is not there is gone already. Where a key leads through a list, the list goes as a whole, and where the
    column holds a list it is emptied: nothing in it could be told apart.
    """

    keys: tuple[str, ...]

    def __init__(self, *keys: str) -> None:
        object.__setattr__(self, "keys", keys)

    @property
    def paths(self) -> tuple[tuple[str, ...], ...]:
        """Each key as its way through the objects."""
        return tuple(tuple(key.split(".")) for key in self.keys)

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return dialect.json_without(f"{row}.{dialect.column(field)}", self.paths)

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        return f"(({dialect.json_holds(column, self.paths)}) IS NOT TRUE)"

    def tampers(self, dialect: Dialect, field: models.Field[Any, Any], new: str, old: str) -> str:
        # SQLite keeps JSON as text, and who saves an unchanged value writes it with other blanks.
        changes = dialect.differs(dialect.json_plain(new), dialect.json_plain(old))
        empty = ", ".join(dialect.json_plain(dialect.json_literal(text)) for text in ("{}", "[]"))
        return f"({changes} AND NOT ({new} IS NULL OR {dialect.json_plain(new)} IN ({empty})))"

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        if field.get_internal_type() != "JSONField":
            return f"keys are in JSON columns, and the column is a {field.get_internal_type()}."
        if not self.keys or not all(isinstance(key, str) and all(key.split(".")) for key in self.keys):
            return 'name the keys, with dots between those that lie within others: ScrubKeys("contact.email").'
        if any('"' in key for key in self.keys):
            return "a key with a quotation mark in it cannot be named; clear the field."
        if field.unique:
            return "what is left can be the same for many, and the column is unique."
        return None

    def texts(self, value: Any) -> Iterator[str]:
        """Every text that stands at the keys of a value, or in a list on the way to one."""
        if isinstance(value, list):
            yield from _texts(value)
        for path in self.paths:
            at = value
            for key in path:
                if isinstance(at, list):
                    break
                at = at.get(key) if isinstance(at, dict) else None
            if not isinstance(value, list):
                yield from _texts(at)

    def describe(self) -> str:
        return f"freed of the keys {', '.join(self.keys)}"


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, its keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)
