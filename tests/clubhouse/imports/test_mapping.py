"""What each file becomes."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from clubhouse.accounts.models import Business, User
from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.clients.models import Client, ClientLinking, Identity
from clubhouse.clients.search import search_text
from clubhouse.imports import layout as files
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import AccessGroup, StaffMember
from tests.clubhouse.imports.bundles import BUSINESS, client, row, some, take, whole, write

pytestmark = pytest.mark.django_db


def test_a_whole_bundle(tmp_path: Path) -> None:
    report = take(write(tmp_path / "in", whole()))
    assert not list(report.notes())
    business = Business.objects.get()
    assert (business.name, business.slug) == (BUSINESS, "lakeside")
    assert (business.timezone, business.currency) == ("Europe/Berlin", "EUR")
    club = Club.objects.get()
    assert (club.reference, club.name, club.timezone, club.town) == ("C1", "Harbour", "Europe/Berlin", "Kiel")
    person = Client.objects.get()
    assert (person.number, person.status, person.home_club, person.user) == ("1000", "active", club, None)
    assert person.joined_on == datetime.date(2024, 3, 1)
    assert person.marketing_opt_in
    assert person.search_text == search_text(person)
    assert "ada" in person.search_text
    session = Session.objects.get()
    assert session.starts_at == datetime.datetime(2025, 2, 1, 9, tzinfo=datetime.UTC)
    assert (session.kind, session.title, session.minutes, session.capacity) == ("class", "Spin", 45, 12)
    assert session.trainer == StaffMember.objects.get()
    booking = Booking.objects.get()
    assert (booking.session, booking.client, booking.status) == (session, person, "attended")
    assert booking.booked_at == datetime.datetime(2025, 1, 30, 18, tzinfo=datetime.UTC)
    membership = Membership.objects.get()
    assert (membership.client, membership.plan, membership.price) == (person, "Off-peak", Decimal("39.00"))
    package = Package.objects.get()
    assert (package.credits_total, package.credits_used, package.expires_on) == (10, 3, datetime.date(2027, 1, 1))
    credit = AccountCredit.objects.get()
    assert (credit.amount, credit.currency, credit.reason) == (Decimal("5.50"), "EUR", "goodwill")
    card = StoredCard.objects.get()
    assert (card.client, card.card_token, card.last4, card.expires) == (person, "pm_1", "0042", "04/28")
    identity = Identity.objects.get()
    assert (identity.client, identity.provider, identity.subject) == (person, "google", "000123")
    invoice = Invoice.objects.get()
    assert (invoice.club, invoice.number, invoice.status) == (club, "INV-1", "paid")
    assert (invoice.billing_name, invoice.billing_address) == ("Ada Client", "1 Quay, Kiel")
    payment = Payment.objects.get()
    assert (payment.invoice, payment.amount, payment.status) == (invoice, Decimal("39.00"), "succeeded")


def test_the_team(tmp_path: Path) -> None:
    def colleague(number: int, role: str, group: str, **cells: str) -> dict[str, str]:
        email = f"t{number}@team.example"
        return row(files.TEAM, staff_id=f"T{number}", email=email, role=role, access_group=group, **cells)

    team = [
        colleague(1, "administrator", "Owner", delete_accounts="yes"),
        colleague(2, "administrator", "Owner"),
        colleague(3, "administrator", "Managers"),
        colleague(4, "manager", "Duty"),
        colleague(5, "employee", "Duty"),
        colleague(6, "employee", "Coach", instructor="no"),
    ]
    take(write(tmp_path / "in", some(team=team)))
    columns = ("account_type", "contacts", "schedule", "retail", "access", "delete_accounts")
    groups = {group.name: tuple(getattr(group, column) for column in columns) for group in AccessGroup.objects.all()}
    assert groups == {
        "Owner": ("administrator", True, True, True, True, True),
        "Managers": ("administrator", True, True, True, True, False),
        "Duty": ("employee", True, True, True, False, False),
        "Coach": ("employee", True, True, False, False, False),
    }
    assert StaffMember.objects.filter(is_instructor=True).count() == 5
    user = User.objects.get(email="t1@team.example")
    assert user.audience == "team"
    assert not user.has_usable_password()
    assert len(set(User.objects.values_list("login", flat=True))) == 6


def test_ties_between_clients(tmp_path: Path) -> None:
    team = [row(files.TEAM), row(files.TEAM, staff_id="T2", email="t2@team.example")]
    people = [client("1", paid_by="2", buddy="3", trainers="T2|T1|T2"), client("2", buddy="1"), client("3")]
    take(write(tmp_path / "in", some(team=team, clients=people)))
    assert set(ClientLinking.objects.values_list("kind", "client__number", "other__number")) == {
        ("paid_by", "1", "2"),
        ("buddy", "1", "3"),
        ("buddy", "2", "1"),
    }
    trainers = Client.objects.get(number="1").trainers.values_list("reference", flat=True)
    assert sorted(trainers) == ["T1", "T2"]


def test_the_waiting_list_keeps_its_order(tmp_path: Path) -> None:
    people = [client(number) for number in "123"]
    waiting = [
        row(files.WAITING, client_id="1", position="3", joined_at="2025-01-31T08:00:00Z"),
        row(files.WAITING, client_id="2", position="2", joined_at="2025-01-31T08:00:00Z"),
        row(files.WAITING, client_id="3", position="1", joined_at="2025-01-31T09:00:00Z"),
    ]
    take(write(tmp_path / "in", some(clients=people, sessions=[row(files.SESSIONS)], waiting_list=waiting)))
    order = WaitingListEntry.objects.order_by("joined_at").values_list("client__number", flat=True)
    assert list(order) == ["3", "2", "1"]


@pytest.mark.parametrize(
    ("status", "payment"),
    [
        ("paid", "succeeded"),
        ("refunded", "refunded"),
        ("failed", "failed"),
        ("outstanding", None),
        ("disputed", None),
        ("written_off", None),
    ],
)
def test_the_payment_of_an_invoice(tmp_path: Path, status: str, payment: str | None) -> None:
    take(write(tmp_path / "in", whole(payments=[row(files.PAYMENTS, status=status)])))
    assert Invoice.objects.get().status == status
    assert list(Payment.objects.values_list("status", flat=True)) == ([payment] if payment else [])


def test_equal_credits_are_two_and_their_reference_tells_nothing(tmp_path: Path) -> None:
    rows = [row(files.CREDITS), row(files.CREDITS), row(files.CREDITS, client_id="1001")]
    take(write(tmp_path / "in", whole(clients=[client(), client("1001")], account_credits=rows)))
    references = AccountCredit.objects.order_by("pk").values_list("reference", flat=True)
    assert len(references) == 3
    # The first credit of each of the two clients has the same: whose it is cannot be found out from it.
    assert len(set(references)) == 2
    assert references[0] == references[2]


def test_the_business_gets_its_clubs_most_common_zone_and_currency(tmp_path: Path) -> None:
    clubs = [row(files.CLUBS, club_id=f"C{n}", timezone=zone) for n, zone in enumerate(["Asia/Tokyo", "UTC", "UTC"], 1)]
    payments = [
        row(files.PAYMENTS, payment_id=f"I{n}", number=f"{n}", currency=currency)
        for n, currency in enumerate(["AUD", "GBP", "GBP"])
    ]
    take(write(tmp_path / "in", whole(clubs=clubs, payments=payments)))
    business = Business.objects.get()
    assert (business.timezone, business.currency) == ("UTC", "GBP")
