"""Read: a folder of CSV files → their rows, each with its physical line and its own text, byte for byte.

Rows are told apart here one by one, and not by one reader over the whole file: a quotation mark that is never closed
would swallow every row after it.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clubhouse.imports import errors
from clubhouse.imports.layout import EXPECTED, FILES, Layout

# How many lines one row may fill; a longer one is taken for a quotation mark that is never closed.
_LONGEST_ROW = 500
_QUOTES = "its cells cannot be told apart: a quotation mark is out of place or never closed, or a cell is far too long"


@dataclass(frozen=True, kw_only=True, slots=True)
class Raw:
    """One row as it stands in the file. ``problem`` says why its cells cannot be told apart, or is empty."""

    line: int
    text: str
    cells: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One file: its rows, and what it takes to write some of them again exactly as they were."""

    layout: Layout
    header: str
    columns: tuple[str, ...]
    encoding: str
    bom: bool
    rows: tuple[Raw, ...]

    @property
    def unknown(self) -> tuple[str, ...]:
        """Columns that are in the file and that nothing reads."""
        return tuple(column for column in self.columns if column not in self.layout.columns)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A folder, read. ``tables`` is by file name, in the order in which the files depend on each other."""

    folder: Path
    tables: Mapping[str, Table]


def read_bundle(folder: Path, *, encoding: str = "") -> Bundle:
    """Read every known file of ``folder``; some may be absent. Source row: issue 2, "The club's data".

    ``encoding`` is for the files that are not UTF-8. Raises an :class:`~clubhouse.imports.errors.ImportFailed`.
    """
    if not folder.is_dir():
        raise errors.FolderMissing(folder)
    _check(encoding)
    tables = {
        layout.name: _read(folder / layout.name, layout, encoding)
        for layout in FILES
        if (folder / layout.name).exists()
    }
    if not tables:
        raise errors.NotABundle(folder, EXPECTED)
    return Bundle(folder=folder, tables=tables)


def _check(encoding: str) -> None:
    """Raise unless commas, quotation marks and line ends are themselves in ``encoding``; UTF-16 is not such a one."""
    try:
        usable = not encoding or ',"\r\n'.encode(encoding).endswith(b',"\r\n')
    except (LookupError, UnicodeError):
        usable = False
    if not usable:
        raise errors.UnknownEncoding(encoding)


def _read(path: Path, layout: Layout, encoding: str) -> Table:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise errors.FileUnreadable(layout.name, error.strerror or "not a file") from None
    bom = content.startswith(codecs.BOM_UTF8)
    text, used = _decode(content, bom, layout.name, encoding)
    records = _records(_lines(text))
    header = next(records, None)
    if header is None:
        raise errors.NoHeader(layout.name)
    columns = _columns(header, layout)
    rows = _with_the_columns_of_the_header(records, len(columns))
    return Table(layout=layout, header=header.text, columns=columns, encoding=used, bom=bom, rows=tuple(rows))


def _decode(content: bytes, bom: bool, name: str, encoding: str) -> tuple[str, str]:
    start = len(codecs.BOM_UTF8) if bom else 0
    try:
        return content[start:].decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        if not encoding:
            raise errors.WrongEncoding(name, start + error.start, "UTF-8") from None
    try:
        return content[start:].decode(encoding), encoding
    except UnicodeDecodeError as error:
        raise errors.WrongEncoding(name, start + error.start, encoding) from None


def _lines(text: str) -> list[str]:
    """The lines an editor shows, with their ends. ``str.splitlines`` also splits at characters that occur in texts."""
    end = "\n" if "\n" in text else "\r"
    *whole, last = text.split(end)
    return [line + end for line in whole] + ([last] if last else [])


def _records(lines: list[str]) -> Iterator[Raw]:
    """Every row but blank lines. The first, which is the header, says how many cells a row has."""
    at = width = 0
    while at < len(lines):
        cells, span = _cells(lines, at)
        if cells is not None and span > 1 and width and len(cells) != width:
            # Not one row over several lines: a stray quotation mark that met the next one, rows later.
            cells, span = None, 1
        if cells is None:
            yield Raw(line=at + 1, text=lines[at], problem=_QUOTES)
        elif cells:
            width = width or len(cells)
            yield Raw(line=at + 1, text="".join(lines[at : at + span]), cells=cells)
        at += span


def _cells(lines: list[str], at: int) -> tuple[tuple[str, ...] | None, int]:
    """The cells of the row that starts at line ``at`` and how many lines it fills; ``None`` where they are unclear.

    Strict, because the lenient reader drops quotation marks without a word.
    """
    for taken in ([lines[at]], lines[at : at + _LONGEST_ROW]):
        reader = csv.reader(taken, strict=True)
        try:
            return tuple(next(reader)), reader.line_num
        except csv.Error:
            continue
    return None, 1


def _with_the_columns_of_the_header(records: Iterator[Raw], width: int) -> Iterator[Raw]:
    for record in records:
        if record.problem or len(record.cells) == width:
            yield record
        else:
            problem = f"it has {len(record.cells)} cells where the first line has {width}; add or remove commas"
            yield Raw(line=record.line, text=record.text, problem=problem)


def _columns(header: Raw, layout: Layout) -> tuple[str, ...]:
    columns = tuple(cell.strip().casefold() for cell in header.cells)
    if missing := [column for column in layout.columns if column not in columns]:
        raise errors.ColumnsMissing(layout.name, missing, semicolons=header.text.count(";") >= len(layout.columns) - 1)
    for column in layout.columns:
        if columns.count(column) > 1:
            raise errors.ColumnTwice(layout.name, column)
    return columns
