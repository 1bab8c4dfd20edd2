"""Clean: the rows of a file → those whose cells can be taken, as values, and why each of the others cannot."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clubhouse.imports.layout import Layout
from clubhouse.imports.read import Bundle, Raw, Table
from clubhouse.imports.values import Unfit

Key = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """Why a row is not taken. ``column`` is empty where it is about the whole row; ``reason`` quotes no cell."""

    file: str
    line: int
    column: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A row as values, by column; ``key`` tells it apart from all other rows of its file."""

    line: int
    key: Key
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """One file, cleaned. ``first_lines`` has the line of each id, also where its row is refused."""

    layout: Layout
    count: int
    rows: tuple[Row, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    first_lines: Mapping[Key, int] = field(default_factory=dict)


def clean_bundle(bundle: Bundle) -> dict[str, Cleaned]:
    """Clean every file of ``bundle``, in its order."""
    return {name: _clean(table) for name, table in bundle.tables.items()}


def _clean(table: Table) -> Cleaned:
    layout = table.layout
    rows: list[Row] = []
    refusals: list[Refusal] = []
    first_lines: dict[Key, int] = {}
    equal: Counter[Key] = Counter()
    places = {column: table.columns.index(column) for column in layout.columns}
    for raw in table.rows:
        if raw.problem:
            refusals.append(Refusal(file=layout.name, line=raw.line, column="", reason=raw.problem))
            continue
        values, problems = _values(raw, places, layout)
        if layout.repeats:
            alike: Key = () if problems else tuple(values[column] for column in layout.identity)
            equal[alike] += 1
            key: Key = () if problems else (alike[0], _digest(*alike[1:], equal[alike]))
        else:
            key = tuple(raw.cells[places[column]].strip() for column in layout.identity)
            if all(key) and first_lines.setdefault(key, raw.line) != raw.line:
                # Also where that line is refused: which of the two the other files mean is not for us to guess.
                what = " and ".join(layout.identity)
                reason = f"repeats the {what} of line {first_lines[key]}; correct it, or leave the row out"
                problems[layout.identity[-1]] = reason
        if problems:
            refusals += (
                Refusal(file=layout.name, line=raw.line, column=column, reason=reason)
                for column, reason in problems.items()
            )
        else:
            rows.append(Row(line=raw.line, key=key, values=values))
    return Cleaned(
        layout=layout, count=len(table.rows), rows=tuple(rows), refusals=tuple(refusals), first_lines=first_lines
    )


def _digest(*parts: object) -> str:
    """Names a row that has no id, the same at every import, by what it says except whose it is: so that what is stored
    of it leads back to no one after an erasure."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:40]


def _values(raw: Raw, places: Mapping[str, int], layout: Layout) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for column, read in layout.columns.items():
        cell = raw.cells[places[column]]
        if "\0" in cell:
            problems[column] = "holds a NUL byte, which no database text can hold; remove it"
            continue
        try:
            values[column] = read(cell)
        except Unfit as unfit:
            problems[column] = str(unfit)
    return values, problems
