"""The command: what it prints where, and how it fails."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from clubhouse.imports import layout as files
from tests.clubhouse.imports.bundles import client, row, some, whole, write

pytestmark = pytest.mark.django_db

CANARY = "Wilhelmina Canary"


def run(folder: Path, *options: str, business: str = "Lakeside") -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_club", str(folder), "--business", business, *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_with_json_standard_output_is_one_object(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", whole(clients=[client(), client("1001", dob="never", first_name=CANARY)]))
    out, err = run(folder, "--json", "--refused", str(tmp_path / "refused"))
    assert out.count("\n") == 1
    said = json.loads(out)
    assert said["clients.csv"] == {"rows": 2, "accepted": 1, "refused": 1}
    assert list(said) == [layout.name for layout in files.FILES if layout.name != files.PHOTOS] + ["photos"]
    assert all(set(counts) == {"rows", "accepted", "refused"} for counts in said.values())
    assert err.startswith("clients.csv, line 3, dob: ")
    assert CANARY not in out + err


def test_for_a_person_refusals_come_first_and_then_the_counts(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client(), client("1001", dob="never", first_name=CANARY)]))
    out, err = run(folder, "--refused", str(tmp_path / "refused"))
    assert not err
    lines = out.splitlines()
    assert lines[0].startswith("clients.csv, line 3, dob: ")
    assert lines[1] == "Made the business Lakeside."
    assert lines[-1].startswith(f"1 row was refused and is in {tmp_path / 'refused'}: mend")
    assert ["clients.csv", "2", "1", "1", "1"] in [line.split() for line in lines]
    assert CANARY not in out


def test_refused_rows_go_to_the_data_folder_by_default(tmp_path: Path) -> None:
    run(write(tmp_path / "in", some(clients=[client(dob="never")])), business="Default Place")
    kept = settings.DATA_DIR / "refused" / "default-place" / files.CLIENTS
    assert "never" in kept.read_text()


def test_a_column_that_nothing_reads_is_said(tmp_path: Path) -> None:
    rows = [{**client(), "shoe_size": "44"}]
    out, _ = run(write(tmp_path / "in", some(clients=rows)), "--refused", str(tmp_path / "refused"))
    assert out.startswith("clients.csv: the column shoe_size is not known, and was not read.")


def test_a_failure_is_one_sentence_or_two_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no folder") as failed:
        run(tmp_path / "absent")
    assert failed.value.__cause__ is None


def test_the_encoding_can_be_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some())
    (folder / files.CLUBS).write_bytes((",".join(row(files.CLUBS)) + "\nC1,Café,Europe/Paris,Nîmes\n").encode("cp1252"))
    with pytest.raises(CommandError, match="--encoding cp1252"):
        run(folder)
    out, _ = run(folder, "--encoding", "cp1252")
    assert "Made the business" in out
