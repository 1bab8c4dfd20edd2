"""A report as a table: what a page shows and what a spreadsheet gets, from the same cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format

from clubhouse.templatetags.house import money

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Value = str | int | Decimal


@dataclass(frozen=True)
class Column:
    """A column. ``kind``: ``text``, ``count`` or ``money`` (an amount in the row's currency)."""

    label: StrOrPromise
    kind: str = "text"

    @property
    def is_number(self) -> bool:
        """Whether its cells stand to the right."""
        return self.kind != "text"


@dataclass(frozen=True)
class Cell:
    """A value, and the words a page has for it."""

    value: Value
    text: str
    column: Column


@dataclass(frozen=True)
class Row:
    """A line of a table; ``url`` is where it leads, if anywhere."""

    cells: list[Cell]
    url: str = ""


@dataclass
class Table:
    """A table: its caption, its columns, its rows, and the sums at its foot (one for each currency)."""

    caption: str
    columns: list[Column]
    rows: list[Row] = field(default_factory=list)
    totals: list[Row] = field(default_factory=list)

    def add(self, values: Iterable[Value], *, currency: str = "", url: str = "") -> None:
        """Add a row."""
        self.rows.append(self._row(values, currency, url))

    def add_total(self, values: Iterable[Value], *, currency: str = "") -> None:
        """Add a sum at the foot."""
        self.totals.append(self._row(values, currency, ""))

    def _row(self, values: Iterable[Value], currency: str, url: str) -> Row:
        pairs = zip(self.columns, values, strict=True)
        return Row([Cell(value, _words(value, column, currency), column) for column, value in pairs], url)


def _words(value: Any, column: Column, currency: str) -> str:
    if column.kind == "money":
        return money(value, currency)
    if column.kind == "count":
        return number_format(value, use_l10n=True, force_grouping=True)
    return str(value)
