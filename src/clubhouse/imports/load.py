"""Load: the rows to write → the database, in bulk statements; called inside one transaction.

Bulk statements send no signals, so the rows of an import have no audits: those begin with the first change.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar
from zoneinfo import ZoneInfo

from django.contrib.auth.hashers import make_password
from django.db import models
from django.utils import timezone

from clubhouse.accounts.models import Business, User
from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.clients.models import Client, ClientLinking, ClientTrainer, Identity
from clubhouse.clients.search import search_text
from clubhouse.imports import layout as files
from clubhouse.imports.clean import Row
from clubhouse.imports.existing import Known
from clubhouse.imports.resolve import Resolved
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import AccessGroup, StaffMember

BATCH = 2_000
WRITTEN_OFF_BEFORE = "before the import"
_PAYMENT_OF = {
    Invoice.Status.PAID: Payment.Status.SUCCEEDED,
    Invoice.Status.REFUNDED: Payment.Status.REFUNDED,
    Invoice.Status.FAILED: Payment.Status.FAILED,
}
Model = TypeVar("Model", bound=models.Model)
Advance = Callable[[int], None]


def load(business: Business, resolved: Mapping[str, Resolved], known: Known, advance: Advance) -> dict[str, int]:
    """Write every new row of ``resolved``; ``advance`` is told how many rows were done. Gives the clients' keys."""
    writer = _Writer(business, resolved, known, advance)
    writer.clubs()
    writer.team()
    writer.clients()
    writer.schedule()
    writer.sales()
    return writer.client


class _Writer:
    def __init__(self, business: Business, resolved: Mapping[str, Resolved], known: Known, advance: Advance) -> None:
        self.business, self.resolved, self.known, self.advance = business, resolved, known, advance
        self.club = dict(known.ids[files.CLUBS])
        self.colleague = dict(known.ids[files.TEAM])
        self.client = dict(known.ids[files.CLIENTS])
        self.session = dict(known.ids[files.SESSIONS])
        self.home_club = dict(known.home_clubs)

    def new(self, name: str) -> tuple[Row, ...]:
        return self.resolved[name].new if name in self.resolved else ()

    def clubs(self) -> None:
        rows = self.new(files.CLUBS)
        written = self._write(
            Club(
                business=self.business,
                reference=row["club_id"],
                name=row["name"],
                timezone=row["timezone"],
                town=row["town"],
            )
            for row in rows
        )
        self.club.update((club.reference, club.pk) for club in written)
        self.advance(len(rows))

    def team(self) -> None:
        rows = self.new(files.TEAM)
        groups = {**self.known.groups, **{group.name: group for group in self._write(self._groups(rows))}}
        users = self._write(
            User(
                business=self.business,
                audience=User.Audience.TEAM,
                email=row["email"],
                password=make_password(None),
            )
            for row in rows
        )
        written = self._write(
            StaffMember(
                business=self.business,
                user=user,
                reference=row["staff_id"],
                name=row["name"],
                role=row["role"],
                access_group=groups[row["access_group"]],
                is_instructor=row["instructor"],
            )
            for row, user in zip(rows, users, strict=True)
        )
        self.colleague.update((colleague.reference, colleague.pk) for colleague in written)
        self.advance(len(rows))

    def _groups(self, rows: Iterable[Row]) -> Iterator[AccessGroup]:
        """The access groups that are not there yet, each with the areas that the highest role in it needs."""
        members: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row["access_group"] not in self.known.groups:
                members[row["access_group"]].append(row)
        for name, colleagues in members.items():
            roles = {row["role"] for row in colleagues}
            administrators = StaffMember.Role.ADMINISTRATOR in roles
            yield AccessGroup(
                business=self.business,
                name=name,
                account_type=(
                    AccessGroup.AccountType.ADMINISTRATOR if administrators else AccessGroup.AccountType.EMPLOYEE
                ),
                contacts=True,
                schedule=True,
                retail=administrators or StaffMember.Role.MANAGER in roles,
                access=administrators,
                delete_accounts=any(row["delete_accounts"] for row in colleagues),
            )

    def clients(self) -> None:
        rows = self.new(files.CLIENTS)
        for batch in _batches(rows):
            written = self._write(self._client(row) for row in batch)
            self.client.update((client.number, client.pk) for client in written)
            self.advance(len(batch))
        self.home_club.update((row["client_id"], row["home_club"]) for row in rows)
        self._write(
            ClientTrainer(client_id=self.client[row["client_id"]], trainer_id=self.colleague[trainer])
            for row in rows
            for trainer in row["trainers"]
        )
        self._write(
            ClientLinking(kind=kind, client_id=self.client[row["client_id"]], other_id=self.client[row[column]])
            for column, kind in (("paid_by", ClientLinking.Kind.PAID_BY), ("buddy", ClientLinking.Kind.BUDDY))
            for row in rows
            if row[column]
        )

    def _client(self, row: Row) -> Client:
        client = Client(
            business=self.business,
            number=row["client_id"],
            home_club_id=self.club[row["home_club"]],
            **{name: row[name] for name in files.CLIENT_FIELDS},
        )
        client.search_text = search_text(client)
        return client

    def schedule(self) -> None:
        for batch in _batches(self.new(files.SESSIONS)):
            written = self._write(
                Session(
                    club_id=self.club[row["club_id"]],
                    trainer_id=self.colleague[row["trainer_id"]] if row["trainer_id"] else None,
                    reference=row["session_id"],
                    **{name: row[name] for name in ("kind", "title", "starts_at", "minutes", "capacity", "status")},
                )
                for row in batch
            )
            self.session.update((session.reference, session.pk) for session in written)
            self.advance(len(batch))
        self._write_rows(
            files.BOOKINGS,
            lambda row: Booking(
                session_id=self.session[row["session_id"]],
                client_id=self.client[row["client_id"]],
                reference=row["booking_id"],
                **{name: row[name] for name in ("booked_at", "status", "note")},
            ),
        )
        joined = _in_their_order(self.new(files.WAITING))
        self._write_rows(
            files.WAITING,
            lambda row: WaitingListEntry(
                session_id=self.session[row["session_id"]],
                client_id=self.client[row["client_id"]],
                joined_at=joined[row.line],
            ),
        )

    def sales(self) -> None:
        self._write_rows(
            files.MEMBERSHIPS,
            lambda row: Membership(
                client_id=self.client[row["client_id"]],
                reference=row["membership_id"],
                **{name: row[name] for name in ("plan", "status", "starts_on", "price", "currency")},
                provider_reference=row["provider_reference"],
            ),
        )
        self._write_rows(
            files.PACKAGES,
            lambda row: Package(
                client_id=self.client[row["client_id"]],
                reference=row["package_id"],
                **{name: row[name] for name in ("name", "credits_total", "credits_used", "expires_on")},
            ),
        )
        today = timezone.localdate(timezone=ZoneInfo(self.business.timezone))
        self._write_rows(
            files.CREDITS,
            lambda row: AccountCredit(
                client_id=self.client[row["client_id"]],
                reference=row.key[-1],
                amount=row["amount"],
                reason=row["reason"],
                currency=self.business.currency,
                granted_on=today,
            ),
        )
        self._write_rows(
            files.CARDS,
            lambda row: StoredCard(
                client_id=self.client[row["client_id"]],
                **{
                    name: row[name]
                    for name in ("provider", "customer_token", "card_token", "brand", "last4", "expires")
                },
            ),
        )
        self._write_rows(
            files.IDENTITIES,
            lambda row: Identity(
                client_id=self.client[row["client_id"]], provider=row["provider"], subject=row["subject"]
            ),
        )
        self._payments()

    def _payments(self) -> None:
        for batch in _batches(self.new(files.PAYMENTS)):
            invoices = self._write(
                Invoice(
                    client_id=self.client[row["client_id"]],
                    club_id=self.club[self.home_club[row["client_id"]]],
                    reference=row["payment_id"],
                    written_off_reason=WRITTEN_OFF_BEFORE if row["status"] == Invoice.Status.WRITTEN_OFF else "",
                    **{
                        name: row[name]
                        for name in (
                            "number", "description", "amount", "currency", "status", "due_on", "billing_name",
                            "billing_address",
                        )
                    },
                )
                for row in batch
            )  # fmt: skip
            self._write(
                Payment(
                    invoice=invoice,
                    amount=invoice.amount,
                    status=_PAYMENT_OF[Invoice.Status(invoice.status)],
                    # The day the money came is not in the bundle; the day it was due is in the same closed period.
                    paid_on=invoice.due_on,
                )
                for invoice in invoices
                if invoice.status in _PAYMENT_OF
            )
            self.advance(len(batch))

    def _write_rows(self, name: str, make: Callable[[Row], models.Model]) -> None:
        for batch in _batches(self.new(name)):
            self._write(make(row) for row in batch)
            self.advance(len(batch))

    def _write(self, made: Iterable[Model]) -> list[Model]:
        records = list(made)
        if not records:
            return []
        return type(records[0])._default_manager.bulk_create(records, batch_size=BATCH)


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _in_their_order(rows: Iterable[Row]) -> dict[int, datetime.datetime]:
    """When each entry joined, by line: as in the file, and later than everyone before it on the same list."""
    joined: dict[int, datetime.datetime] = {}
    latest: dict[str, datetime.datetime] = {}
    for row in sorted(rows, key=lambda row: (row["position"], row.line)):
        moment = row["joined_at"]
        if (before := latest.get(row["session_id"])) is not None and moment <= before:
            moment = before + datetime.timedelta(microseconds=1)
        joined[row.line] = latest[row["session_id"]] = moment
    return joined
