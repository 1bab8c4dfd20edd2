"""A table as a CSV file that a spreadsheet opens without running anything in it."""

from __future__ import annotations

import csv
import io

from django.http import HttpResponse

from clubhouse.reports.tables import Row, Table, Value

#: What a spreadsheet takes for the start of a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe(value: Value) -> str:
    """A cell as it is written: text that would run as a formula gets an apostrophe, a number stays a number."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    return str(value)


def written(table: Table) -> str:
    """The table's columns and rows, without its sums: a spreadsheet adds up itself."""
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([safe(str(column.label)) for column in table.columns])
    writer.writerows(_values(row) for row in table.rows)
    return stream.getvalue()


def download(table: Table, name: str) -> HttpResponse:
    """The file, in UTF-8 with the mark by which spreadsheets know it; ``name`` is without its ending."""
    content = written(table).encode("utf-8-sig")
    return HttpResponse(
        content,
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"', "X-Content-Type-Options": "nosniff"},
    )


def _values(row: Row) -> list[str]:
    return [safe(cell.value) for cell in row.cells]
