"""What a field becomes when its subject is erased.

A strategy is a value: it renders the SQL expression that writes the erased value, the SQL predicate that recognises it
(for the check before commit and for the seal), and the words that explain it. Set-based: the database draws random
values itself, one per row.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.core.exceptions import FieldDoesNotExist, ValidationError

from lethe.exceptions import PolicyError
from lethe.fields import field_of, reference_of
from lethe.sql import kind_of

if TYPE_CHECKING:
    from django.db import models

    from lethe.emits import Emit
    from lethe.sql import Dialect


class Strategy(ABC):
    """Base of all strategies; one of a project's own says ``expression`` and ``describe``.

    They compare and hash by value, so that a plan's digest follows them.
    """

    #: Whether every erased row gets the same value (so the seal can demand exactly it).
    constant = True
    #: Whether the new value is drawn at random: no two rows get the same, and none can be told from a real one.
    drawn = False

    @abstractmethod
    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        """SQL for the new value; ``row`` is the alias of the row that is updated."""

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        """SQL predicate that is true where ``column`` holds an erased value."""
        return dialect.same(column, self.expression(dialect, field, ""))

    def tampers(self, dialect: Dialect, field: models.Field[Any, Any], new: str, old: str) -> str:
        """SQL predicate of the seal: ``new`` differs from ``old`` and is not what an erased row may come to hold."""
        changes = dialect.differs(new, old)
        if self.drawn:
            return f"({changes})"
        return f"({changes} AND ({self.recognise(dialect, field, new)}) IS NOT TRUE)"

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        """Why ``field`` cannot take this strategy, or ``None``."""
        return None

    def effect(self, field: models.Field[Any, Any]) -> Emit | None:
        """What is to be done outside the database for each row, if anything."""
        return None

    @abstractmethod
    def describe(self) -> str:
        """How the explanation says it."""


@dataclass(frozen=True)
class Empty(Strategy):
    """NULL where the column allows it and does not forbid it by habit, else the type's empty value."""

    def value(self, field: models.Field[Any, Any]) -> Any:
        """The empty value of ``field``: ``None``, or what its type counts as empty."""
        kind = field.get_internal_type()
        if field.null:
            return None
        if kind == "JSONField":
            default = field.get_default()
            return [] if isinstance(default, list) else {}
        if kind == "BooleanField":
            return False
        if kind == "BinaryField":
            return b""
        if getattr(field, "empty_strings_allowed", False):
            return ""
        raise PolicyError(
            f"{field.model._meta.label}.{field.name} cannot be cleared: it is a {kind} that allows neither NULL nor an "
            "empty string. Use replace, or allow NULL."
        )

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return dialect.literal(self.value(field), field)

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        try:
            value = self.value(field)
        except PolicyError as error:
            return str(error)
        return None if value is None else _constant_problem(value, field, blank=True)

    def describe(self) -> str:
        return "cleared"


EMPTY = Empty()


def _constant_problem(value: Any, field: models.Field[Any, Any], *, blank: bool = False) -> str | None:
    """Why a column cannot hold the same ``value`` in every erased row."""
    limit = getattr(field, "max_length", None)
    if isinstance(value, str) and limit and len(value) > limit:
        return f"{value!r} is longer than the column's {limit} characters."
    try:
        field.get_prep_value(value)
    except (TypeError, ValueError, ValidationError):
        return f"{value!r} does not fit a {field.get_internal_type()}."
    if field.choices and value not in {choice for choice, _ in field.flatchoices} and not (blank and field.blank):
        return f"{value!r} is not one of the field's choices."
    if field.unique:
        return "a constant does not fit a unique column; use a random strategy, or allow NULL and clear it."
    return None


@dataclass(frozen=True)
class Replace(Strategy):
    """The same constant for everyone."""

    constant_value: Any

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return dialect.literal(self.constant_value, field)

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        if self.constant_value is None:
            return None if field.null else "NULL does not fit: the column is NOT NULL."
        return _constant_problem(self.constant_value, field)

    def describe(self) -> str:
        return f"replaced by “{self.constant_value}”" if self.constant_value != "" else "emptied"


def _text_problem(field: models.Field[Any, Any], needed: int, what: str) -> str | None:
    """Why a column cannot hold random text of so many characters."""
    if kind_of(field) != "text":
        return f"{what} is text, and the column is a {field.get_internal_type()}."
    if field.max_length and field.max_length < needed:
        return f"{what} needs {needed} characters, and the column holds {field.max_length}."
    if field.choices:
        return f"{what} is not one of the field's choices."
    return None


#: A domain that no mail ever reaches (RFC 2606).
RESERVED = "erased.invalid"


@dataclass(frozen=True)
class RandomEmail(Strategy):
    """A random, unique address. ``domain`` is a literal domain, or a lookup path to a column that holds one."""

    domain: str = RESERVED
    constant = False
    drawn = True

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return f"({dialect.random_hex()} || '@' || {self._domain(dialect, field, row)})"

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        # 32 hexadecimal digits and an at sign: the domain may be set anew later, the shape stays.
        return dialect.matches_hex_local_part(column)

    def _domain(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        if "__" not in self.domain:
            return dialect.text(self.domain)
        relation, _, column = self.domain.partition("__")
        foreign_key = reference_of(field.model, relation)
        related = foreign_key.related_model
        found = (
            f"(SELECT d.{dialect.column(field_of(related, column))} FROM {dialect.quote(related._meta.db_table)} d "
            f"WHERE d.{dialect.column(foreign_key.target_field)} = {row}.{dialect.column(foreign_key)})"
        )
        # Nobody's address may fail for want of a domain.
        return f"coalesce(nullif({found}, ''), {dialect.text(RESERVED)})"

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        if problem := _text_problem(field, 33 + (4 if "__" in self.domain else len(self.domain)), "a random address"):
            return problem
        if "__" in self.domain:
            relation, _, column = self.domain.partition("__")
            try:
                field_of(reference_of(field.model, relation).related_model, column)
            except (FieldDoesNotExist, PolicyError):
                return f"{self.domain!r} is not a path from {field.model._meta.label} to a column."
        return None

    def describe(self) -> str:
        return "replaced by a random address that no mail reaches"


@dataclass(frozen=True)
class RandomDigits(Strategy):
    """A random number of so many digits that means nothing; tells two erased rows apart."""

    digits: int = 9
    constant = False
    drawn = True

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return dialect.random_digits(self.digits)

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        return f"length({column}) = {self.digits}"

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        return _text_problem(field, self.digits, "the random number")

    def describe(self) -> str:
        return "replaced by a random number"


@dataclass(frozen=True)
class UnusablePassword(Strategy):
    """A password no one can sign in with, and no one can crack."""

    constant = False
    drawn = True

    def expression(self, dialect: Dialect, field: models.Field[Any, Any], row: str) -> str:
        return f"({dialect.text(UNUSABLE_PASSWORD_PREFIX)} || {dialect.random_hex()} || '00000000')"

    def recognise(self, dialect: Dialect, field: models.Field[Any, Any], column: str) -> str:
        return f"substr({column}, 1, 1) = {dialect.text(UNUSABLE_PASSWORD_PREFIX)}"

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        return _text_problem(field, 41, "an unusable password")

    def describe(self) -> str:
        return "made unusable"
