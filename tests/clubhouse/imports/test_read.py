"""Reading: each row with its physical line and its own text, whatever the file looks like."""

from __future__ import annotations

from pathlib import Path

import pytest

from clubhouse.imports import errors
from clubhouse.imports.read import Table, read_bundle

HEADER = "club_id,name,timezone,town\n"


def read(folder: Path, content: bytes | str, *, encoding: str = "") -> Table:
    (folder / "clubs.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_bundle(folder, encoding=encoding).tables["clubs.csv"]


def test_a_bom_and_windows_line_ends_are_no_part_of_a_cell(tmp_path: Path) -> None:
    table = read(tmp_path, b"\xef\xbb\xbf" + (HEADER + "C1,Pier,Europe/London,Hull\n").replace("\n", "\r\n").encode())
    assert table.bom
    assert table.columns[0] == "club_id"
    assert table.rows[0].cells == ("C1", "Pier", "Europe/London", "Hull")
    assert table.rows[0].text == "C1,Pier,Europe/London,Hull\r\n"


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    table = read(tmp_path, HEADER + 'C1,"two\nlines",x,y\n\nC2,a\u2028b\x0b,x,y\nC3,a,x,y')
    assert [(row.line, row.cells[1]) for row in table.rows] == [(2, "two\nlines"), (5, "a\u2028b\x0b"), (6, "a")]
    assert table.rows[0].text == 'C1,"two\nlines",x,y\n'


def test_old_line_ends_are_lines(tmp_path: Path) -> None:
    table = read(tmp_path, (HEADER + "C1,a,x,y\nC2,b,x,y\n").replace("\n", "\r"))
    assert [(row.line, row.cells[0]) for row in table.rows] == [(2, "C1"), (3, "C2")]


@pytest.mark.parametrize("broken", ['C2,"open,x,y\n', 'C2,"a"b,x,y\n', '"C2\n'])
def test_a_stray_quotation_mark_costs_its_own_row_only(tmp_path: Path, broken: str) -> None:
    table = read(tmp_path, HEADER + "C1,a,x,y\n" + broken + 'C3,b,x,y\nC4,"c",x,y\n' + "C5,d,x,y\n" * 600)
    assert len(table.rows) == 604
    assert [row.line for row in table.rows if row.problem] == [3]
    assert table.rows[1].text == broken
    assert table.rows[2].cells[0] == "C3"


def test_a_stray_quotation_mark_does_not_join_rows_up_to_the_next_one(tmp_path: Path) -> None:
    table = read(tmp_path, HEADER + 'C1,"open,x,y\nC2,a,x,y\nC3,b,x"\nC4,c,x,y\n')
    assert [row.line for row in table.rows] == [2, 3, 4, 5]
    assert [row.line for row in table.rows if row.problem] == [2, 4]


def test_a_quotation_mark_inside_a_bare_cell_is_text(tmp_path: Path) -> None:
    assert read(tmp_path, HEADER + 'C1,5" pier,x,y\nC2,a,x,y\n').rows[0].cells[1] == '5" pier'


@pytest.mark.parametrize(("line", "cells"), [("C1,a,x\n", "3 cells"), ("C1,a,x,y,z\n", "5 cells")])
def test_too_few_or_too_many_cells(tmp_path: Path, line: str, cells: str) -> None:
    table = read(tmp_path, HEADER + line + "C2,a,x,y\n")
    assert cells in table.rows[0].problem
    assert table.rows[0].text == line
    assert not table.rows[1].problem


def test_a_file_that_is_not_utf_8_is_named_with_the_place(tmp_path: Path) -> None:
    content = (HEADER + "C1,Café,x,y\n").encode("cp1252")
    at = content.index(0xE9)
    with pytest.raises(errors.WrongEncoding, match=rf"clubs\.csv.*UTF-8.*offset {at}\b.*--encoding"):
        read(tmp_path, content)


def test_the_encoding_that_is_named_is_used_for_what_is_not_utf_8(tmp_path: Path) -> None:
    assert read(tmp_path, (HEADER + "C1,Café,x,y\n").encode("cp1252"), encoding="cp1252").rows[0].cells[1] == "Café"
    assert read(tmp_path, (HEADER + "C1,Café,x,y\n").encode(), encoding="cp1252").rows[0].cells[1] == "Café"


def test_a_named_encoding_that_does_not_fit_either(tmp_path: Path) -> None:
    with pytest.raises(errors.WrongEncoding, match=r"not cp1252 text: the byte at offset 27"):
        read(tmp_path, HEADER.encode() + b"\x81", encoding="cp1252")


@pytest.mark.parametrize("encoding", ["klingon", "utf-16", "rot13"])
def test_an_encoding_that_cannot_be_used(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(errors.UnknownEncoding, match="cp1252"):
        read(tmp_path, HEADER, encoding=encoding)


def test_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(errors.ColumnsMissing, match=r"clubs\.csv lacks the columns: timezone, town\."):
        read(tmp_path, "club_id,name\nC1,a\n")


def test_semicolons_are_recognised(tmp_path: Path) -> None:
    with pytest.raises(errors.ColumnsMissing, match="commas instead of semicolons"):
        read(tmp_path, HEADER.replace(",", ";"))


def test_a_column_twice(tmp_path: Path) -> None:
    with pytest.raises(errors.ColumnTwice, match="column name twice"):
        read(tmp_path, "club_id,name,timezone,town,name\n")


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(errors.NoHeader, match=r"clubs\.csv is empty"):
        read(tmp_path, "")


def test_columns_nothing_reads_are_told(tmp_path: Path) -> None:
    assert read(tmp_path, "colour,club_id,name,timezone,town\nred,C1,a,x,y\n").unknown == ("colour",)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(errors.FolderMissing, match="There is no folder"):
        read_bundle(tmp_path / "absent")


def test_a_folder_without_a_bundle_names_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(errors.NotABundle, match=r"clubs\.csv, team\.csv, clients\.csv.*payments\.csv\.$"):
        read_bundle(tmp_path)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "clubs.csv").mkdir()
    with pytest.raises(errors.FileUnreadable, match=r"clubs\.csv cannot be read"):
        read_bundle(tmp_path)
