"""A club's real export, where there is one beside the repository or where ``CLUB_EXPORT`` says."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client, ProfileImage
from clubhouse.clients.search import matching
from clubhouse.imports import layout as files
from clubhouse.imports.values import optional_day
from clubhouse.schedule.models import Booking
from tests.clubhouse.imports.bundles import rows_of_every_table, take

EXPORT = Path(os.environ.get("CLUB_EXPORT") or Path(__file__).resolve().parents[4] / "shared" / "club-export")
KEPT = [column for column in files.CLIENT_FIELDS if column not in {"dob", "joined_on", "marketing_opt_in"}]


def read(name: str) -> list[dict[str, str]]:
    with (EXPORT / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


if EXPORT.is_dir():

    @pytest.mark.django_db
    def test_the_whole_bundle(tmp_path: Path, media: Path) -> None:
        report = take(EXPORT, refused=tmp_path / "refused")
        said = report.as_json()
        for name in files.EXPECTED:
            assert said[name]["rows"] == len(read(name))
        assert all(counts["accepted"] + counts["refused"] == counts["rows"] for counts in said.values())
        assert said["photos"]["rows"] == sum(bool(row["photo"]) for row in read("clients.csv"))
        # Every refused row is kept, and none of the others.
        for name in files.EXPECTED:
            path = tmp_path / "refused" / name
            kept = len(path.read_bytes().splitlines()) - 1 if path.exists() else 0
            assert kept == said[name]["refused"]
            source = set((EXPORT / name).read_bytes().splitlines(keepends=True))
            assert not path.exists() or set(path.read_bytes().splitlines(keepends=True)) <= source

        by_number: dict[str, dict[str, str]] = {}
        for row in read("clients.csv"):
            by_number.setdefault(row["client_id"], row)
        people = Client.objects.all()
        assert people.count() == said["clients.csv"]["accepted"]
        for person in people:
            row = by_number[person.number]
            assert {column: getattr(person, column) for column in KEPT} == {column: row[column] for column in KEPT}
            assert person.dob == optional_day(row["dob"])
        assert Booking.objects.count() == said["bookings.csv"]["accepted"]
        assert Invoice.objects.count() == said["payments.csv"]["accepted"]
        assert ProfileImage.objects.count() == said["photos"]["accepted"]
        assert len([path for path in media.rglob("*") if path.is_file()]) == 3 * said["photos"]["accepted"]

        # Everybody with a phone is found by it, as it is written and by its digits alone.
        for person in people.exclude(mobile_no="")[::97]:
            assert person in people.filter(matching(person.mobile_no))
            assert person in people.filter(matching(f"{person.last_name} {person.first_name}"))

        before = rows_of_every_table()
        assert take(EXPORT, refused=tmp_path / "refused").as_json() == said
        assert rows_of_every_table() == before
