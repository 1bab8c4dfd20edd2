"""What a bundle is made of: the files, their columns, how each is read, what tells rows apart, what they point at.

The order is that of dependence: a file comes after those it points at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client, Identity
from clubhouse.imports import values
from clubhouse.imports.values import Reader, choice, key, text
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import AccessGroup, StaffMember

CLUBS, TEAM, CLIENTS, SESSIONS = "clubs.csv", "team.csv", "clients.csv", "sessions.csv"
BOOKINGS, WAITING, MEMBERSHIPS, PACKAGES = "bookings.csv", "waiting_list.csv", "memberships.csv", "packages.csv"
CREDITS, CARDS, IDENTITIES, PAYMENTS = "account_credits.csv", "cards.csv", "identities.csv", "payments.csv"
PHOTOS = "photos.csv"


@dataclass(frozen=True, kw_only=True)
class Layout:
    """One file.

    ``identity`` are the columns that tell its rows apart; where rows may be equal (``repeats``) the first of them says
    whose the row is, and its place among the equal ones tells it apart. ``references``: which column holds ids of which
    file.
    """

    name: str
    columns: Mapping[str, Reader]
    identity: tuple[str, ...]
    repeats: bool = False
    references: Mapping[str, str] = field(default_factory=dict)


def mentions(value: object) -> tuple[str, ...]:
    """The ids in a value of a reference column: one, several or none."""
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, str) and value else ()


_client = key(Client, "number")
_CLIENT_TEXTS = (
    "mobile_no", "mobile_device", "phone_no", "work_no", "address_1", "address_2", "address_3", "town",
    "postcode", "country", "gender", "occupation", "facebook_id", "height", "weight", "measurement1",
    "measurement2", "measurement3", "measurement4", "measurement5", "measurement6", "medical_notes", "notes",
)  # fmt: skip
# Columns of clients.csv that are fields of the client under the same name.
CLIENT_FIELDS = ("first_name", "last_name", "email", *_CLIENT_TEXTS, "dob", "status", "joined_on", "marketing_opt_in")

FILES: tuple[Layout, ...] = (
    Layout(
        name=CLUBS,
        identity=("club_id",),
        columns={
            "club_id": key(Club, "reference"),
            "name": text(Club, "name", required=True),
            "timezone": values.timezone,
            "town": text(Club, "town"),
        },
    ),
    Layout(
        name=TEAM,
        identity=("staff_id",),
        columns={
            "staff_id": key(StaffMember, "reference"),
            "name": text(StaffMember, "name", required=True),
            "email": values.email,
            "role": choice(*StaffMember.Role.values),
            "instructor": values.yes_no,
            "access_group": text(AccessGroup, "name", required=True),
            "delete_accounts": values.yes_no,
        },
    ),
    Layout(
        name=CLIENTS,
        identity=("client_id",),
        references={"home_club": CLUBS, "trainers": TEAM, "paid_by": CLIENTS, "buddy": CLIENTS},
        columns={
            "client_id": _client,
            "first_name": text(Client, "first_name", required=True),
            "last_name": text(Client, "last_name"),
            "email": values.optional_email,
            **{name: text(Client, name) for name in _CLIENT_TEXTS},
            "dob": values.optional_day,
            # A deleted client is made by an erasure and by nothing else.
            "status": choice(*(status for status in Client.Status.values if status != Client.Status.DELETED)),
            "joined_on": values.day,
            "home_club": key(Club, "reference"),
            "trainers": values.keys,
            "paid_by": key(Client, "number", required=False),
            "buddy": key(Client, "number", required=False),
            "marketing_opt_in": values.yes_no,
            "photo": str.strip,
        },
    ),
    Layout(
        name=SESSIONS,
        identity=("session_id",),
        references={"club_id": CLUBS, "trainer_id": TEAM},
        columns={
            "session_id": key(Session, "reference"),
            "club_id": key(Club, "reference"),
            "kind": choice(*Session.Kind.values),
            "title": text(Session, "title", required=True),
            "trainer_id": key(StaffMember, "reference", required=False),
            "starts_at": values.moment,
            "minutes": values.above_zero,
            "capacity": values.whole,
            "status": choice(*Session.Status.values),
        },
    ),
    Layout(
        name=BOOKINGS,
        identity=("booking_id",),
        references={"session_id": SESSIONS, "client_id": CLIENTS},
        columns={
            "booking_id": key(Booking, "reference"),
            "session_id": key(Session, "reference"),
            "client_id": _client,
            "booked_at": values.moment,
            "status": choice(*Booking.Status.values),
            "note": text(Booking, "note"),
        },
    ),
    Layout(
        name=WAITING,
        identity=("session_id", "client_id"),
        references={"session_id": SESSIONS, "client_id": CLIENTS},
        columns={
            "session_id": key(Session, "reference"),
            "client_id": _client,
            "position": values.above_zero,
            "joined_at": values.moment,
        },
    ),
    Layout(
        name=MEMBERSHIPS,
        identity=("membership_id",),
        references={"client_id": CLIENTS},
        columns={
            "membership_id": key(Membership, "reference"),
            "client_id": _client,
            "plan": text(Membership, "plan", required=True),
            "status": choice(*Membership.Status.values),
            "starts_on": values.day,
            "price": values.money,
            "currency": values.currency,
            "provider_reference": text(Membership, "provider_reference"),
        },
    ),
    Layout(
        name=PACKAGES,
        identity=("package_id",),
        references={"client_id": CLIENTS},
        columns={
            "package_id": key(Package, "reference"),
            "client_id": _client,
            "name": text(Package, "name", required=True),
            "credits_total": values.whole,
            "credits_used": values.whole,
            "expires_on": values.optional_day,
        },
    ),
    Layout(
        name=CREDITS,
        identity=("client_id", "amount", "reason"),
        repeats=True,
        references={"client_id": CLIENTS},
        columns={"client_id": _client, "amount": values.money, "reason": text(AccountCredit, "reason")},
    ),
    Layout(
        name=CARDS,
        identity=("provider", "card_token"),
        references={"client_id": CLIENTS},
        columns={
            "client_id": _client,
            "provider": key(StoredCard, "provider"),
            "customer_token": text(StoredCard, "customer_token", required=True),
            "card_token": key(StoredCard, "card_token"),
            "brand": text(StoredCard, "brand"),
            "last4": text(StoredCard, "last4"),
            "expires": text(StoredCard, "expires"),
        },
    ),
    Layout(
        name=IDENTITIES,
        identity=("provider", "subject"),
        references={"client_id": CLIENTS},
        columns={
            "client_id": _client,
            "provider": key(Identity, "provider"),
            "subject": key(Identity, "subject"),
        },
    ),
    Layout(
        name=PAYMENTS,
        identity=("payment_id",),
        references={"client_id": CLIENTS},
        columns={
            "payment_id": key(Invoice, "reference"),
            "client_id": _client,
            "number": key(Invoice, "number"),
            "description": text(Invoice, "description"),
            "amount": values.money,
            "currency": values.currency,
            "status": choice(*Invoice.Status.values),
            "due_on": values.day,
            "billing_name": text(Invoice, "billing_name"),
            "billing_address": text(Invoice, "billing_address"),
        },
    ),
    Layout(
        name=PHOTOS,
        identity=("client_id",),
        references={"client_id": CLIENTS},
        columns={"client_id": _client, "photo": values.filled},  # also what a new photos.csv starts with
    ),
)
EXPECTED: tuple[str, ...] = tuple(layout.name for layout in FILES if layout.name != PHOTOS)
PHOTO_COLUMNS = ("client_id", "photo")
