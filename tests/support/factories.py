"""Small functions that make one row each, saved through the models so that audits and triggers work as they do live.

Times are relative to now. Whatever a caller does not name is given a value that is valid and unlike any other.
"""

from __future__ import annotations

import datetime
import itertools
from decimal import Decimal
from typing import Any

from django.utils import timezone

from clubhouse.accounts.models import Business, User
from clubhouse.billing.models import Invoice, Payment
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.clients.search import search_text
from clubhouse.memberships.models import AccountCredit, Membership, Package, PriceItem
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import AccessGroup, StaffMember

#: The password of every account the tests make.
PASSWORD = "correct horse battery"

_count = itertools.count(1)


def today() -> datetime.date:
    """The date by the tests' clock, which is UTC."""
    return timezone.now().date()


def in_days(days: float) -> datetime.datetime:
    """A moment so many days ahead; a negative number lies in the past."""
    return timezone.now() + datetime.timedelta(days=days)


def make_business(name: str = "", **fields: Any) -> Business:
    n = next(_count)
    return Business.objects.create(name=name or f"Gym {n}", **{"slug": f"gym-{n}"} | fields)


def make_club(business: Business, **fields: Any) -> Club:
    n = next(_count)
    return Club.objects.create(
        business=business, **{"name": f"Club {n}", "reference": f"C{n}", "town": "Testford"} | fields
    )


def make_group(
    business: Business, *, administrator: bool = False, delete_accounts: bool = False, **fields: Any
) -> AccessGroup:
    """A Team Access Group; one with Delete Accounts has to be an administrators' group."""
    kind = AccessGroup.AccountType.ADMINISTRATOR if administrator else AccessGroup.AccountType.EMPLOYEE
    values = {"name": f"Group {next(_count)}", "retail": administrator, "access": administrator} | fields
    return AccessGroup.objects.create(business=business, account_type=kind, delete_accounts=delete_accounts, **values)


def make_user(business: Business | None, audience: str, email: str = "", **fields: Any) -> User:
    email = email or f"account{next(_count)}@example.com"
    return User.objects.create_user(email, PASSWORD, business=business, audience=audience, **fields)


def make_staff(
    business: Business,
    role: str = "employee",
    *,
    club: Club | None = None,
    delete_accounts: bool = False,
    **fields: Any,
) -> StaffMember:
    """A colleague with a sign-in of their own (password :data:`PASSWORD`) and a group of their own."""
    n = next(_count)
    group = fields.pop("access_group", None) or make_group(
        business, administrator=role == "administrator", delete_accounts=delete_accounts
    )
    user = fields.pop("user", None) or make_user(business, User.Audience.TEAM, f"colleague{n}@example.com")
    values = {"name": f"Colleague {n}", "reference": f"T{n}"} | fields
    return StaffMember.objects.create(business=business, user=user, role=role, access_group=group, club=club, **values)


def make_client(club: Club, *, member: bool = False, **fields: Any) -> Client:
    """A client of the club's business; ``member=True`` gives a sign-in to the member app as well."""
    n = next(_count)
    values: dict[str, Any] = {
        "number": f"N{n}",
        "first_name": f"First{n}",
        "last_name": f"Last{n}",
        "email": f"client{n}@example.com",
        "joined_on": today() - datetime.timedelta(days=400),
    } | fields
    client = Client(business=club.business, home_club=club, **values)
    if member and client.user_id is None:
        client.user = make_user(club.business, User.Audience.MEMBER, client.email)
    client.search_text = search_text(client)
    client.save()
    return client


def make_session(club: Club, *, days: float = 3, **fields: Any) -> Session:
    """A class so many days ahead; one in the past has been conducted."""
    n = next(_count)
    status = Session.Status.SCHEDULED if days > 0 else Session.Status.CONDUCTED
    values = {"title": f"Class {n}", "reference": f"S{n}", "starts_at": in_days(days), "status": status} | fields
    return Session.objects.create(club=club, **values)


def make_booking(session: Session, client: Client, **fields: Any) -> Booking:
    """A place; in a session that has begun it was attended."""
    n = next(_count)
    upcoming = session.starts_at > timezone.now()
    status = Booking.Status.BOOKED if upcoming else Booking.Status.ATTENDED
    values = {
        "reference": f"B{n}",
        "booked_at": session.starts_at - datetime.timedelta(days=9),
        "status": status,
    } | fields
    return Booking.objects.create(session=session, client=client, **values)


def make_waiting(session: Session, client: Client, **fields: Any) -> WaitingListEntry:
    return WaitingListEntry.objects.create(session=session, client=client, **{"joined_at": in_days(-1)} | fields)


def make_linking(kind: str, client: Client, other: Client) -> ClientLinking:
    """``client`` is paid for, booked for or looked after; ``other`` pays, is the buddy, is the guardian."""
    return ClientLinking.objects.create(kind=kind, client=client, other=other)


def make_membership(client: Client, **fields: Any) -> Membership:
    values = {
        "plan": "Monthly",
        "starts_on": today() - datetime.timedelta(days=200),
        "price": Decimal("39.00"),
        "currency": client.business.currency,
        "reference": f"M{next(_count)}",
    } | fields
    return Membership.objects.create(client=client, **values)


def make_price_item(business: Business, kind: str = "membership", price: str = "39.00", **fields: Any) -> PriceItem:
    gives = {"membership": {"period_months": 1}, "package": {"credits": 10}, "credit": {"credits": 1}}[kind]
    values = {"name": f"Item {next(_count)}", "currency": business.currency} | gives | fields
    return PriceItem.objects.create(business=business, kind=kind, price=Decimal(price), **values)


def make_package(client: Client, **fields: Any) -> Package:
    values = {"name": "Ten classes", "credits_total": 10, "reference": f"P{next(_count)}"} | fields
    return Package.objects.create(client=client, **values)


def make_credit(client: Client, amount: str = "25.00", **fields: Any) -> AccountCredit:
    values = {"currency": client.business.currency, "granted_on": today(), "reference": f"A{next(_count)}"} | fields
    return AccountCredit.objects.create(client=client, amount=Decimal(amount), **values)


def make_invoice(client: Client, status: str = "outstanding", amount: str = "39.00", **fields: Any) -> Invoice:
    """An invoice; a paid or refunded one has the payment that settled it."""
    n = next(_count)
    values = {
        "club": client.home_club,
        "number": f"INV{n}",
        "reference": f"I{n}",
        "description": "Monthly",
        "currency": client.business.currency,
        "due_on": today() - datetime.timedelta(days=20),
    } | fields
    invoice = Invoice.objects.create(client=client, status=status, amount=Decimal(amount), **values)
    if status in {"paid", "refunded", "failed"}:
        outcome = {"paid": "succeeded"}.get(status, status)
        make_payment(invoice, outcome)
    return invoice


def make_payment(invoice: Invoice, status: str = "succeeded", **fields: Any) -> Payment:
    values = {"amount": invoice.amount, "paid_on": invoice.due_on, "method": "card"} | fields
    return Payment.objects.create(invoice=invoice, status=status, **values)
