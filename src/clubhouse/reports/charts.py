"""Tables → what a chart draws. The table beside it says the same in words and works without a script."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from clubhouse.reports.tables import Row, Table

#: A chart of more bars than this cannot be read on a phone; the table has them all.
MOST = 24
LONGEST = 18


def stacked(table: Table, columns: Sequence[int], *, line: bool = False) -> dict[str, Any] | None:
    """Bars, one for each row, of the numbers in these columns on top of each other; None where there is nothing to
    draw. With ``line`` a single column is drawn as a line, for what changes over time. Money is in the currency of the
    first row; rows in others are left to the table."""
    rows = _of_one_currency(table)
    if not rows or not any(row.cells[at].value for row in rows for at in columns):
        return None
    if len(rows) > MOST and not line:
        rows = sorted(rows, key=lambda row: -sum(abs(_number(row, at)) for at in columns))[:MOST]
    return {
        "head": table.columns[0].label,
        "labels": [_short(str(row.cells[0].value)) for row in rows],
        "series": [{"name": table.columns[at].label, "values": [_number(row, at) for row in rows]} for at in columns],
        "kind": "line" if line and len(rows) > 2 else "bars",
        "unit": _currency(table, rows[0]),
        "left_out": len(table.rows) - len(rows),
    }


def ages(table: Table, columns: Sequence[int]) -> dict[str, Any] | None:
    """One bar for each age of debt, from the first sum at the foot; None where nothing is owed."""
    total = table.totals[0]
    if not any(total.cells[at].value for at in columns):
        return None
    return {
        "head": _("Age"),
        "labels": [table.columns[at].label for at in columns],
        "series": [{"name": _("Owed"), "values": [_number(total, at) for at in columns]}],
        "kind": "bars",
        "unit": _currency(table, total),
        "left_out": 0,
    }


def _of_one_currency(table: Table) -> list[Row]:
    if not table.rows:
        return []
    unit = _currency(table, table.rows[0])
    return [row for row in table.rows if _currency(table, row) == unit]


def _currency(table: Table, row: Row) -> str:
    has_money = any(column.kind == "money" for column in table.columns)
    return str(row.cells[-1].value) if has_money else ""


def _number(row: Row, at: int) -> float:
    return float(row.cells[at].value)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…"
