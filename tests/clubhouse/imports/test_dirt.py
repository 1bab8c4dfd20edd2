"""Each kind of dirt: taken as it is, or refused with file, line, column and a reason that repeats nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client
from clubhouse.imports import layout as files
from clubhouse.imports.pipeline import import_bundle
from clubhouse.schedule.models import Booking
from clubhouse.team.models import StaffMember
from tests.clubhouse.imports.bundles import client, counts, reasons, row, some, take, whole, write

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "text",
    [
        '=HYPERLINK("http://x")',
        "+1+1",
        "-2",
        "@SUM(A1)",
        "<script>alert(1)</script>",
        "Jean\u200bPaul\u200d",
        "\u202eevil",
        "\u2066محمد\u2069",
        "  padded\t",
        'two\r\nlines, a comma and a "quotation mark"',
        "李",
        "🏋🏽‍♀️",
        "e\u0301",
        "A" * 300,
    ],
)
def test_text_comes_out_as_it_went_in(tmp_path: Path, text: str) -> None:
    take(write(tmp_path / "in", some(clients=[client(first_name=text, notes=text, height="1,99")])))
    taken = Client.objects.get()
    assert (taken.first_name, taken.notes, taken.height) == (text, text, "1,99")


def test_both_ways_to_write_a_date(tmp_path: Path) -> None:
    rows = [client("1", dob="1969-05-26"), client("2", dob="26/05/1969"), client("3")]
    take(write(tmp_path / "in", some(clients=rows)))
    days = Client.objects.order_by("number").values_list("dob", flat=True)
    assert [day and day.isoformat() for day in days] == ["1969-05-26", "1969-05-26", None]


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_id": "9" * 41}, "client_id"),
        ({"first_name": ""}, "first_name"),
        ({"first_name": "nul\0byte"}, "first_name"),
        ({"first_name": "A" * 301}, "first_name"),
        ({"email": "not an address"}, "email"),
        ({"dob": "1987-02-31"}, "dob"),
        ({"dob": "31st of May"}, "dob"),
        ({"joined_on": ""}, "joined_on"),
        ({"status": "deleted"}, "status"),
        ({"status": "asleep"}, "status"),
        ({"home_club": "C99"}, "home_club"),
        ({"home_club": ""}, "home_club"),
        ({"trainers": "T1|T99"}, "trainers"),
        ({"paid_by": "77777777"}, "paid_by"),
        ({"paid_by": "2"}, "paid_by"),
        ({"buddy": "77777777"}, "buddy"),
        ({"marketing_opt_in": "perhaps"}, "marketing_opt_in"),
        ({"postcode": "x" * 21}, "postcode"),
    ],
)
def test_a_client_who_cannot_be_taken(tmp_path: Path, cells: dict[str, str], column: str) -> None:
    rows = [client("1"), row(files.CLIENTS, **{"client_id": "2", **cells})]
    report = take(write(tmp_path / "in", some(clients=rows)))
    assert counts(report) == (2, 1, 1)
    assert reasons(report) == [(3, column)]
    assert list(Client.objects.values_list("number", flat=True)) == ["1"]
    (note,) = report.notes()
    assert note.startswith(f"clients.csv, line 3, {column}: ")
    assert not [cell for cell in cells.values() if len(cell) > 4 and cell != "deleted" and cell in note]


def test_every_problem_of_a_row_is_told_at_once(tmp_path: Path) -> None:
    rows = [client(dob="yesterday", email="nobody", status="asleep")]
    report = take(write(tmp_path / "in", some(clients=rows)))
    assert counts(report) == (1, 0, 1)
    assert sorted(reasons(report)) == [(2, "dob"), (2, "email"), (2, "status")]


def test_of_an_id_twice_the_first_is_taken(tmp_path: Path) -> None:
    rows = [client("1", first_name="First"), client("1", first_name="Second"), client(" 1 ", first_name="Third")]
    report = take(write(tmp_path / "in", some(clients=rows)))
    assert counts(report) == (3, 1, 2)
    assert reasons(report) == [(3, "client_id"), (4, "client_id")]
    assert "line 2" in report.refusals[0].reason
    assert Client.objects.get().first_name == "First"


def test_of_an_id_twice_the_second_does_not_stand_in_for_a_refused_first(tmp_path: Path) -> None:
    """What the other files say of that id would be said of another person."""
    report = take(write(tmp_path / "in", whole(clients=[client(dob="never"), client(first_name="Other")])))
    assert counts(report) == (2, 0, 2)
    assert counts(report, files.BOOKINGS) == (1, 0, 1)


def test_of_an_address_twice_but_for_case_the_first_is_taken(tmp_path: Path) -> None:
    rows = [client("1", email="ada@mail.example"), client("2", email="ADA@Mail.Example"), client("3"), client("4")]
    report = take(write(tmp_path / "in", some(clients=rows)))
    assert counts(report) == (4, 3, 1)
    assert reasons(report) == [(3, "email")]


def test_an_address_may_be_a_client_of_two_businesses(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client(email="ada@mail.example")]))
    for name in ("One", "Two"):
        assert counts(import_bundle(folder, name, refused=tmp_path / name)) == (1, 1, 0)
    assert Client.objects.filter(email="ada@mail.example").values("business").distinct().count() == 2


def test_who_depends_on_a_refused_client_is_refused_with_that_as_the_reason(tmp_path: Path) -> None:
    bundle = whole(clients=[client("1"), client(dob="never")])
    report = take(write(tmp_path / "in", bundle))
    dependent = [name for name in bundle if name not in (files.CLUBS, files.TEAM, files.CLIENTS, files.SESSIONS)]
    assert len(dependent) == 8
    for name in dependent:
        assert counts(report, name) == (1, 0, 1)
        (refusal,) = [refusal for refusal in report.refusals if refusal.file == name]
        assert refusal.column == "client_id"
        assert "refused (clients.csv, line 3)" in refusal.reason


def test_a_chain_of_payers_falls_with_its_end(tmp_path: Path) -> None:
    rows = [client("1", paid_by="2"), client("2", buddy="3"), client("3", dob="never"), client("4", paid_by="5")]
    report = take(write(tmp_path / "in", some(clients=[*rows, client("5", paid_by="4")])))
    assert counts(report) == (5, 2, 3)
    assert reasons(report) == [(2, "paid_by"), (3, "buddy"), (4, "dob")]


def test_a_club_that_is_refused_takes_its_clients_and_sessions_along(tmp_path: Path) -> None:
    clubs = [row(files.CLUBS, timezone="Atlantis/Deep"), row(files.CLUBS, club_id="C2")]
    report = take(write(tmp_path / "in", whole(clubs=clubs)))
    assert counts(report, files.CLUBS) == (2, 1, 1)
    assert counts(report, files.SESSIONS) == counts(report, files.CLIENTS) == (1, 0, 1)


@pytest.mark.parametrize(
    ("file", "cells", "column"),
    [
        (files.BOOKINGS, {"booking_id": "B2", "session_id": "S9"}, "session_id"),
        (files.BOOKINGS, {"booking_id": "B2", "client_id": "77"}, "client_id"),
        (files.BOOKINGS, {"booking_id": "B2", "status": "maybe"}, "status"),
        (files.BOOKINGS, {"booking_id": "B1"}, "booking_id"),
        (files.WAITING, {}, "client_id"),
        (files.SESSIONS, {"session_id": "S2", "trainer_id": "T9"}, "trainer_id"),
        (files.SESSIONS, {"session_id": "S2", "minutes": "0"}, "minutes"),
        (files.PACKAGES, {"package_id": "P2", "credits_used": "11"}, "credits_used"),
        (files.MEMBERSHIPS, {"membership_id": "M2", "price": "1,250"}, "price"),
        (files.PAYMENTS, {"payment_id": "I2"}, "number"),
        (files.CARDS, {"client_id": "1000"}, "card_token"),
        (files.CARDS, {"card_token": "pm_2", "last4": "4242424242424242"}, "last4"),
        (files.IDENTITIES, {}, "subject"),
        (files.CREDITS, {"amount": "-5"}, "amount"),
        (files.TEAM, {"staff_id": "T2", "email": "NORA@team.example"}, "email"),
        (files.TEAM, {"staff_id": "T2", "email": "x@team.example", "delete_accounts": "yes"}, "delete_accounts"),
    ],
)
def test_a_row_of_another_file_that_cannot_be_taken(
    tmp_path: Path, file: str, cells: dict[str, str], column: str
) -> None:
    report = take(write(tmp_path / "in", {**whole(), file: [row(file), row(file, **cells)]}))
    assert counts(report, file) == (2, 1, 1)
    assert reasons(report, file) == [(3, column)]


def test_a_client_has_one_live_place_in_a_session(tmp_path: Path) -> None:
    bookings = [
        row(files.BOOKINGS, booking_id="B1", status="cancelled"),
        row(files.BOOKINGS, booking_id="B2", status="booked"),
        row(files.BOOKINGS, booking_id="B3", status="booked"),
    ]
    report = take(write(tmp_path / "in", whole(bookings=bookings)))
    assert reasons(report, files.BOOKINGS) == [(4, "client_id")]
    assert set(Booking.objects.values_list("reference", flat=True)) == {"B1", "B2"}


def test_an_invoice_number_may_occur_in_two_clubs(tmp_path: Path) -> None:
    clubs = [row(files.CLUBS), row(files.CLUBS, club_id="C2", name="Pier")]
    people = [client(), client("1001", home_club="C2")]
    payments = [row(files.PAYMENTS), row(files.PAYMENTS, payment_id="I2", client_id="1001")]
    report = take(write(tmp_path / "in", whole(clubs=clubs, clients=people, payments=payments)))
    assert counts(report, files.PAYMENTS) == (2, 2, 0)
    assert set(Invoice.objects.values_list("number", "club__reference")) == {("INV-1", "C1"), ("INV-1", "C2")}


def test_the_same_export_can_be_taken_by_two_businesses(tmp_path: Path) -> None:
    folder = write(tmp_path / "in", whole())
    import_bundle(folder, "One", refused=tmp_path / "one")
    report = import_bundle(folder, "Two", refused=tmp_path / "two")
    assert not any(count.refused for count in report.counts.values())
    assert set(StoredCard.objects.values_list("client__business__name", flat=True)) == {"One", "Two"}


def test_an_import_does_not_widen_what_a_group_may(tmp_path: Path) -> None:
    take(write(tmp_path / "in", some()))
    boss = {"staff_id": "T2", "email": "b@team.example", "role": "administrator"}
    team = [
        row(files.TEAM, **{**boss, "access_group": "Coach"}),
        row(files.TEAM, **{**boss, "staff_id": "T3", "access_group": "Coach", "delete_accounts": "yes"}),
    ]
    report = take(write(tmp_path / "more", {files.TEAM: team}))
    assert reasons(report, files.TEAM) == [(2, "access_group"), (3, "delete_accounts")]
    assert StaffMember.objects.get().access_group.account_type == "employee"
