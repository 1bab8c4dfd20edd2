"""Existing: what of a bundle is in the database already. All reading of an import is here, in statements whose number
depends on the number of files and batches, not of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import F, QuerySet
from django.db.models.functions import Lower

from clubhouse.accounts.models import Business, User
from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client, Identity, ProfileImage
from clubhouse.imports import layout as files
from clubhouse.imports.clean import Cleaned, Key
from clubhouse.imports.layout import mentions
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import AccessGroup, StaffMember

# SQLite takes no more than 32,766 values in a statement, in the builds that take least.
BATCH = 5_000


# Stands for the number of a client whom no file can mean: another business's.
_STRANGER = object()
Facts = tuple[Any, ...]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is there already.

    ``facts``: by file and key, what tells whether a row is the one that is there; for what belongs to a client, the
    client's number comes first. ``ids``: by file, the primary keys of what other files point at. Addresses are in lower
    case; an invoice number and a live booking are pairs with the club's and the session's id.
    """

    facts: Mapping[str, Mapping[Key, Facts]]
    ids: Mapping[str, Mapping[str, int]]
    home_clubs: Mapping[str, str]
    groups: Mapping[str, AccessGroup]
    team_emails: frozenset[str]
    client_emails: frozenset[str]
    invoice_numbers: frozenset[tuple[str, str]]
    live_bookings: frozenset[tuple[str, str]]
    pictures: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class _Owned:
    """Where the rows of a file are that belong to clients, and by which column of the file they are looked up."""

    rows: QuerySet[Any, Any]
    column: str
    lookup: str
    key: tuple[str, ...]
    stable: tuple[str, ...] = ()


def read_existing(business: Business, cleaned: Mapping[str, Cleaned]) -> Known:
    """Read what ``business`` has of what ``cleaned`` mentions."""
    clubs = {club.reference: club for club in Club.objects.filter(business=business).exclude(reference="")}
    club_keys = {club.pk: key for key, club in clubs.items()}
    colleagues = StaffMember.objects.filter(business=business).exclude(reference="").select_related("user")
    team = {colleague.reference: colleague for colleague in colleagues}
    living = Client.objects.filter(business=business).exclude(status=Client.Status.DELETED)
    named = living.only("number", "first_name", "last_name", "email", "home_club_id")
    clients = {client.number: client for client in _each(named, "number", _mentioned(files.CLIENTS, cleaned))}
    held = Session.objects.filter(club__business=business).only("reference", "club_id", "kind")
    sessions = {session.reference: session for session in _each(held, "reference", _mentioned(files.SESSIONS, cleaned))}
    accounts = User.objects.filter(business=business, audience=User.Audience.TEAM)
    return Known(
        facts={
            files.CLUBS: {(key,): (club.name, club.town) for key, club in clubs.items()},
            files.TEAM: {(key,): (colleague.name, colleague.user.email.lower()) for key, colleague in team.items()},
            files.CLIENTS: {
                (key,): ((client.first_name, client.last_name), client.email.lower()) for key, client in clients.items()
            },
            files.SESSIONS: {
                (key,): (club_keys.get(session.club_id, ""), session.kind) for key, session in sessions.items()
            },
            **{name: _facts(owned, business, cleaned[name]) for name, owned in _owned(business) if name in cleaned},
        },
        ids={
            files.CLUBS: {key: club.pk for key, club in clubs.items()},
            files.TEAM: {key: colleague.pk for key, colleague in team.items()},
            files.CLIENTS: {key: client.pk for key, client in clients.items()},
            files.SESSIONS: {key: session.pk for key, session in sessions.items()},
        },
        home_clubs={key: club_keys.get(client.home_club_id, "") for key, client in clients.items()},
        groups={group.name: group for group in AccessGroup.objects.filter(business=business)},
        team_emails=frozenset(email.lower() for email in accounts.values_list("email", flat=True)),
        client_emails=_client_emails(business, cleaned),
        invoice_numbers=_invoice_numbers(business, cleaned),
        live_bookings=_live_bookings(business, cleaned),
        pictures=_pictures(business, cleaned),
    )


def _owned(business: Business) -> Iterator[tuple[str, _Owned]]:
    """The files of what clients have."""
    mine = {"client__business": business}
    yield (
        files.BOOKINGS,
        _Owned(
            rows=Booking.objects.filter(session__club__business=business),
            column="booking_id",
            lookup="reference",
            key=("reference",),
            stable=("session__reference", "booked_at"),
        ),
    )
    by_reference: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = (
        (files.MEMBERSHIPS, Membership, "membership_id", ("plan", "starts_on")),
        (files.PACKAGES, Package, "package_id", ("name", "credits_total")),
        (files.PAYMENTS, Invoice, "payment_id", ("number", "amount", "due_on")),
    )
    for name, model, column, stable in by_reference:
        rows = model.objects.filter(**mine)
        yield name, _Owned(rows=rows, column=column, lookup="reference", key=("reference",), stable=stable)
    by_pair: tuple[tuple[str, QuerySet[Any, Any], str, str, tuple[str, ...]], ...] = (
        (
            files.WAITING,
            WaitingListEntry.objects.filter(session__club__business=business),
            "session_id",
            "session__reference",
            ("session__reference", "client__number"),
        ),
        (
            files.CREDITS,
            AccountCredit.objects.filter(**mine),
            "client_id",
            "client__number",
            ("client__number", "reference"),
        ),
        (files.CARDS, StoredCard.objects.filter(**mine), "card_token", "card_token", ("provider", "card_token")),
        (files.IDENTITIES, Identity.objects.filter(**mine), "subject", "subject", ("provider", "subject")),
    )
    for name, rows, column, lookup, key in by_pair:
        yield name, _Owned(rows=rows, column=column, lookup=lookup, key=key)


def _facts(owned: _Owned, business: Business, file: Cleaned) -> Mapping[Key, Facts]:
    rows = owned.rows.annotate(owner_number=F("client__number"), owner_business=F("client__business")).values(
        "owner_number", "owner_business", *owned.key, *owned.stable
    )
    return {
        tuple(row[name] for name in owned.key): (
            row["owner_number"] if row["owner_business"] == business.pk else _STRANGER,
            *(row[name] for name in owned.stable),
        )
        for row in _each(rows, owned.lookup, {row[owned.column] for row in file.rows})
    }


def _client_emails(business: Business, cleaned: Mapping[str, Cleaned]) -> frozenset[str]:
    folded = Client.objects.filter(business=business).annotate(folded=Lower("email")).values_list("folded", flat=True)
    wanted = {email.lower() for email in _column(cleaned, files.CLIENTS, "email") if email}
    return frozenset(_each(folded, "folded", wanted))


def _invoice_numbers(business: Business, cleaned: Mapping[str, Cleaned]) -> frozenset[tuple[str, str]]:
    pairs = Invoice.objects.filter(club__business=business).values_list("club__reference", "number")
    return frozenset(_each(pairs, "number", _column(cleaned, files.PAYMENTS, "number")))


def _live_bookings(business: Business, cleaned: Mapping[str, Cleaned]) -> frozenset[tuple[str, str]]:
    live = Booking.objects.filter(session__club__business=business, status=Booking.Status.BOOKED)
    pairs = live.values_list("session__reference", "client__number")
    return frozenset(_each(pairs, "session__reference", _column(cleaned, files.BOOKINGS, "session_id")))


def _pictures(business: Business, cleaned: Mapping[str, Cleaned]) -> Mapping[str, Sequence[str]]:
    """The storage keys of the pictures that clients have, by the client's number."""
    numbers = (
        {row["client_id"] for row in cleaned[files.CLIENTS].rows if row["photo"]} if files.CLIENTS in cleaned else set()
    )
    pictures: dict[str, list[str]] = defaultdict(list)
    pairs = ProfileImage.objects.filter(client__business=business).values_list("client__number", "original")
    for number, stored in _each(pairs, "client__number", numbers | _column(cleaned, files.PHOTOS, "client_id")):
        pictures[number].append(stored)
    return pictures


def _each(rows: QuerySet[Any, Any], lookup: str, wanted: Iterable[Any]) -> Iterator[Any]:
    """The rows whose ``lookup`` is one of ``wanted``, in batches."""
    values = sorted(wanted)
    for at in range(0, len(values), BATCH):
        yield from rows.filter(**{f"{lookup}__in": values[at : at + BATCH]})


def _column(cleaned: Mapping[str, Cleaned], name: str, column: str) -> set[Any]:
    return {row[column] for row in cleaned[name].rows} if name in cleaned else set()


def _mentioned(name: str, cleaned: Mapping[str, Cleaned]) -> set[str]:
    """Every id of the file ``name`` that its own rows or another file's rows mention."""
    ids = {row.key[0] for row in cleaned[name].rows} if name in cleaned else set()
    for file in cleaned.values():
        for column in (column for column, target in file.layout.references.items() if target == name):
            ids.update(key for row in file.rows for key in mentions(row[column]))
    return ids
