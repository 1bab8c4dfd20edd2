"""Importing again: what is there stays as it is, what was refused comes in when it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from clubhouse.accounts.models import Business
from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.imports import errors
from clubhouse.imports import layout as files
from clubhouse.imports.pipeline import import_bundle
from clubhouse.schedule.models import Booking
from lethe import pipeline
from tests.clubhouse.imports.bundles import (
    BUSINESS,
    as_csv,
    client,
    counts,
    picture,
    reasons,
    row,
    rows_of_every_table,
    some,
    take,
    whole,
    write,
)

pytestmark = pytest.mark.django_db


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", whole(clients=[client(photo="one.png"), client("1001", paid_by="1000"), client()]))
    picture(folder)
    first = take(folder)
    before = rows_of_every_table()
    refused = (tmp_path / "refused" / files.CLIENTS).read_bytes()
    second = take(folder)
    assert rows_of_every_table() == before
    assert second.as_json() == first.as_json()
    assert all(count.there == count.accepted for count in second.counts.values())
    assert (tmp_path / "refused" / files.CLIENTS).read_bytes() == refused


def test_what_was_changed_since_is_not_changed_back(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client(email="ada@mail.example", notes="old", trainers="T1")]))
    take(folder)
    Client.objects.update(last_name="Married", notes="new")
    Client.objects.get().client_trainers.all().delete()
    assert counts(take(folder)) == (1, 1, 0)
    person = Client.objects.get()
    assert (person.last_name, person.notes, person.trainers.count()) == ("Married", "new", 0)


def test_an_id_of_somebody_else_is_not_taken_for_the_same_row(tmp_path: Path) -> None:
    """An unmended second copy of an id would otherwise count as taken, and be lost."""
    take(write(tmp_path / "in", some(clients=[client(email="ada@mail.example")])))
    other = {files.CLIENTS: [client(first_name="Bo", last_name="Other", email="bo@mail.example")]}
    report = take(write(tmp_path / "other", other))
    assert counts(report) == (1, 0, 1)
    assert reasons(report) == [(2, "client_id")]


@pytest.mark.parametrize(
    ("file", "cells"),
    [
        (files.CLUBS, {"name": "Pier", "town": "Hull"}),
        (files.TEAM, {"name": "Bo", "email": "bo@team.example"}),
        (files.SESSIONS, {"kind": "appointment"}),
        (files.BOOKINGS, {"client_id": "1001"}),
        (files.BOOKINGS, {"booked_at": "2025-01-01T00:00:00Z"}),
        (files.WAITING, {}),
        (files.MEMBERSHIPS, {"plan": "Gold"}),
        (files.PACKAGES, {"credits_total": "20"}),
        (files.CARDS, {"client_id": "1001"}),
        (files.IDENTITIES, {"client_id": "1001"}),
        (files.PAYMENTS, {"number": "INV-2"}),
    ],
)
def test_an_id_that_means_another_row_is_refused(tmp_path: Path, file: str, cells: dict[str, str]) -> None:
    take(write(tmp_path / "in", whole(clients=[client(), client("1001")])))
    report = take(write(tmp_path / "other", {file: [row(file, **cells)]}))
    assert counts(report, file) == ((1, 0, 1) if cells else (1, 1, 0))


def test_mended_rows_come_in_from_the_refused_folder(tmp_path: Path) -> None:
    bad = client("1001", dob="never", buddy="1000", photo="two.png")
    bundle = whole(clients=[client(), bad], bookings=[row(files.BOOKINGS, client_id="1001")])
    folder = write(tmp_path / "in", bundle)
    content = picture(folder, "two.png")
    take(folder)
    refused = tmp_path / "refused"
    assert {path.name for path in refused.iterdir()} == {"clients.csv", "bookings.csv", "photos", ".written.json"}
    assert (refused / "photos" / "two.png").read_bytes() == content
    assert not Booking.objects.exists()

    path = refused / files.CLIENTS
    path.write_text(path.read_text().replace("never", "1990-01-31"))
    report = take(refused)
    assert report.as_json() == {
        "clients.csv": {"rows": 1, "accepted": 1, "refused": 0},
        "bookings.csv": {"rows": 1, "accepted": 1, "refused": 0},
        "photos": {"rows": 1, "accepted": 1, "refused": 0},
    }
    mended = Client.objects.get(number="1001")
    assert mended.dob.isoformat() == "1990-01-31"
    assert mended.bookings.count() == mended.images.count() == 1
    assert ClientLinking.objects.get().other.number == "1000"
    # Nothing is refused any more, and so no copy of the person stays behind.
    assert not refused.exists()


def test_what_is_still_wrong_stays_in_the_refused_folder(tmp_path: Path) -> None:
    rows = [client("1", dob="never"), client("2", dob="never")]
    take(write(tmp_path / "in", some(clients=rows)))
    path = tmp_path / "refused" / files.CLIENTS
    path.write_text(path.read_text().replace("never", "1990-01-31", 1))
    assert counts(take(path.parent)) == (2, 1, 1)
    assert path.read_text().splitlines() == [as_csv(rows).splitlines()[0], as_csv(rows).splitlines()[2]]
    assert counts(take(path.parent)) == (1, 0, 1)


def test_work_on_a_refused_file_is_not_overwritten(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client(dob="never")]))
    take(folder)
    path = tmp_path / "refused" / files.CLIENTS
    mended = path.read_text().replace("never", "1990-01-31")
    path.write_text(mended)
    with pytest.raises(errors.RefusedFileChanged, match="Import the folder .*refused first"):
        take(folder)
    assert path.read_text() == mended


def test_the_bundle_is_never_replaced_by_its_refused_rows(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client(dob="never")]))
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(errors.RefusedIsTheBundle, match="--refused"):
        take(folder, refused=folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert not Business.objects.exists()


def test_refused_rows_keep_every_byte(tmp_path: Path) -> None:
    """The first line, the line ends, the byte order mark and what cannot be read are as they were."""
    text = as_csv([client("1"), client("2", dob="never", first_name='a "b"\nc', notes="\u202e\u200bé")], end="\r\n")
    header, taken, *bad = text.split("\r\n")
    stray = '3,"open,and a NUL\0'
    short = "4,too,few"
    folder = write(tmp_path / "in", some())
    content = "\r\n".join([header, taken, "\r\n".join(bad) + stray, short])
    (folder / files.CLIENTS).write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert counts(take(folder)) == (4, 1, 3)
    kept = (tmp_path / "refused" / files.CLIENTS).read_bytes()
    assert kept == b"\xef\xbb\xbf" + content.replace(taken + "\r\n", "").encode() + b"\r\n"


def test_refused_rows_keep_their_encoding(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some())
    text = as_csv([client("1", first_name="Zoë"), client("2", first_name="Café", dob="never")])
    (folder / files.CLIENTS).write_bytes(text.encode("cp1252"))
    take(folder, encoding="cp1252")
    assert Client.objects.get().first_name == "Zoë"
    assert "Café".encode("cp1252") in (tmp_path / "refused" / files.CLIENTS).read_bytes()


def test_refused_rows_are_for_their_owner_only(tmp_path: Path) -> None:
    take(write(tmp_path / "in", some(clients=[client(dob="never")])))
    assert (tmp_path / "refused" / files.CLIENTS).stat().st_mode & 0o077 == 0
    assert (tmp_path / "refused").stat().st_mode & 0o077 == 0


def test_some_of_the_files_are_enough_for_a_business_that_is_there(tmp_path: Path) -> None:
    take(write(tmp_path / "in", some()))
    report = take(write(tmp_path / "more", {files.PAYMENTS: [row(files.PAYMENTS)]}))
    assert counts(report, files.PAYMENTS) == (1, 1, 0)
    assert Invoice.objects.get().club.reference == "C1"


def test_some_of_the_files_are_not_enough_to_make_a_business(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", {files.PAYMENTS: [row(files.PAYMENTS)]})
    with pytest.raises(errors.BusinessMissing, match=r"no business called Lakeside.*clubs\.csv"):
        take(folder)
    assert not Business.objects.exists()


def test_an_erased_client_is_not_found_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client()], payments=[row(files.PAYMENTS)]))
    take(folder)
    erased = Client.objects.get()
    pipeline.erase(Client, [erased.pk], by="account:1", reason="asked for it")
    before = Client.objects.filter(pk=erased.pk).values().get()
    report = take(folder)
    assert counts(report) == (1, 1, 0)
    # The invoice stays with the record that is nobody's; its number is taken, and the row is said to be refused.
    assert counts(report, files.PAYMENTS) == (1, 0, 1)
    assert Client.objects.filter(pk=erased.pk).values().get() == before
    assert Client.objects.exclude(pk=erased.pk).get().number == "1000"


def test_the_number_of_an_erased_client_means_nobody(tmp_path: Path) -> None:
    take(write(tmp_path / "in", some()))
    erased = Client.objects.get()
    pipeline.erase(Client, [erased.pk], by="account:1", reason="asked for it")
    number = Client.objects.get(pk=erased.pk).number
    bundle = {files.PAYMENTS: [row(files.PAYMENTS, client_id=number)]}
    report = take(write(tmp_path / "other", bundle))
    assert counts(report, files.PAYMENTS) == (1, 0, 1)
    bundle[files.CLIENTS] = [client(number, first_name="[deleted]", last_name="")]
    report = take(write(tmp_path / "third", bundle))
    assert counts(report) == counts(report, files.PAYMENTS) == (1, 1, 0)
    assert Invoice.objects.get().client_id != erased.pk


def test_a_business_is_found_by_its_name_in_any_case_and_by_its_slug(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some())
    for name in (BUSINESS, BUSINESS.upper(), BUSINESS.lower(), f" {BUSINESS} "):
        import_bundle(folder, name, refused=tmp_path / "refused")
    assert Business.objects.count() == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 121, "東京", "a\nb", "Lake-side!"])
def test_a_name_that_no_business_can_have(tmp_path: Path, name: str) -> None:
    Business.objects.create(name="Lake Side", slug="lake-side")
    with pytest.raises(errors.BusinessNameUnusable, match="--business"):
        import_bundle(write(tmp_path / "in", some()), name, refused=tmp_path / "refused")
