"""Clients with what a member of some years has, any number of them in a fixed number of statements.

A settled client, as most are who are erased: nothing upcoming, owed or left to use.
"""

from __future__ import annotations

import json
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection, models

from bench.cast import World
from clubhouse.accounts.models import Session as SignIn
from clubhouse.accounts.models import User
from clubhouse.audits.models import LogEntry
from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking
from tests.support import factories as make

#: How many rows of each kind a client has.
ROWS = {
    Booking: 20,
    Invoice: 8,
    Payment: 8,
    LogEntry: 12,
    ClientMessage: 3,
    ClientNote: 2,
    ClientLinking: 2,
    ClientTrainer: 1,
    Identity: 1,
    ProfileImage: 1,
    StoredCard: 1,
    Membership: 1,
    Package: 1,
    AccountCredit: 1,
    Notification: 1,
    SignIn: 2,
    User: 1,
    Client: 1,
}
#: Keys start here, above whatever a sequence has given out, with room for this many clients.
BASE, MOST = 10_000_000, 10_000_000
#: Sessions that all of them went to.
SESSIONS = 200


class Members:
    """Makes clients and hands them out, each key once."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made = 0
        self.friend = make.make_client(world.club)
        self.sessions = [make.make_session(world.club, days=-n / 4 - 1, trainer=world.trainer) for n in range(SESSIONS)]

    def take(self, count: int) -> list[int]:
        """The keys of so many new clients."""
        first = BASE + self.made
        self.made += count
        for model, values in self._values().items():
            _fill(model, first, count, ROWS[model], values)
        if connection.vendor == "postgresql":
            # As its own daemon would. SQLite has no statistics unless somebody asks for them, and the product does not.
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        return list(range(first, first + count))

    def _values(self) -> dict[type[models.Model], dict[str, str]]:
        """Model to column to SQL, of the client's number ``n`` and the row's number ``m``; the rest are defaults."""
        business, club, trainer = self.world.club.business_id, self.world.club.pk, self.world.trainer.pk
        mine = {"client_id": "n"}
        day, moment = "CURRENT_DATE", "CURRENT_TIMESTAMP"
        sessions = f"(SELECT min(id) FROM schedule_session) + (n * 7 + m) % {SESSIONS}"
        person = {
            name: f"'{name} ' || n"
            for name in ("first_name", "last_name", "mobile_no", "phone_no", "address_1", "occupation", "medical_notes")
        }
        kind = ContentType.objects.get_for_model(Client).pk
        text = {LogEntry: "'client ' || n", ClientNote: "'prefers mornings ' || n"}
        return {
            User: {
                "id": "n",
                "login": _digest("n"),
                "password": "'argon2$x'",
                "business_id": str(business),
                "audience": "'member'",
                "email": "n || '@example.com'",
                "created_at": moment,
            },
            SignIn: {
                "session_key": f"{_digest('n')} || m",
                "session_data": "'e30'",
                "expire_date": moment,
                "user_id": "n",
            },
            Client: {
                "id": "n",
                "user_id": "n",
                "business_id": str(business),
                "home_club_id": str(club),
                "number": "CAST(n AS TEXT)",
                "joined_on": day,
                "email": "n || '@example.org'",
                "search_text": "'first_name ' || n",
                **person,
            },
            Booking: mine
            | {"session_id": sessions, "status": "'attended'", "booked_at": moment, "note": "'seat ' || n"},
            Invoice: mine
            | {
                "id": "n * 10 + m",
                "club_id": str(club),
                "number": "n || '/' || m",
                "amount": "39",
                "currency": "'GBP'",
                "status": "'paid'",
                "due_on": day,
                "billing_name": "'first_name ' || n",
                "billing_address": "'address_1 ' || n",
            },
            Payment: {"invoice_id": "n * 10 + m", "amount": "39", "status": "'succeeded'", "paid_on": day},
            LogEntry: mine
            | {
                "content_type_id": str(kind),
                "object_pk": "CAST(n AS TEXT)",
                "object_id": "n",
                "object_repr": text[LogEntry],
                "changes": _json({"notes": ["None", "prefers mornings, knows the way"]}),
                "action": "1",
                "timestamp": moment,
                "cid": "''",
                "changes_text": "''",
            },
            ClientMessage: mine | {"kind": "'receipt'", "send_after": moment, "sent_at": moment},
            ClientNote: mine | {"text": text[ClientNote], "created_at": moment, "author_id": str(trainer)},
            ClientLinking: {
                "kind": "'buddy'",
                "client_id": f"CASE m WHEN 0 THEN n ELSE {self.friend.pk} END",
                "other_id": f"CASE m WHEN 0 THEN {self.friend.pk} ELSE n END",
            },
            ClientTrainer: mine | {"trainer_id": str(trainer)},
            Identity: mine | {"provider": "'google'", "subject": "'10' || n"},
            ProfileImage: mine
            | {name: f"'clients/{name}-' || n || '.png'" for name in ("original", "medium", "thumbnail")}
            | {"created_at": moment},
            StoredCard: mine | {"provider": "'p'", "customer_token": "'cus' || n", "card_token": "'pm' || n"},
            Membership: mine
            | {
                "plan": "'Monthly'",
                "status": "'cancelled'",
                "starts_on": day,
                "cancelled_on": day,
                "price": "39",
                "currency": "'GBP'",
                "provider_reference": "'sub' || n",
            },
            Package: mine | {"name": "'Ten'", "credits_total": "10", "credits_used": "10", "reference": "'P' || n"},
            AccountCredit: mine | {"amount": "5", "used": "5", "granted_on": day, "reason": "'sorry ' || n"},
            Notification: mine | {"recipient_id": str(trainer), "kind": "'needs_payer'", "created_at": moment},
        }


def _fill(model: type[models.Model], first: int, count: int, each: int, values: dict[str, str]) -> None:
    """Insert ``each`` rows for every client in one statement."""
    quote = connection.ops.quote_name
    columns, chosen = [], []
    for field in model._meta.concrete_fields:
        if field.column in values:
            columns.append(quote(field.column))
            chosen.append(_cast(field, values[field.column]))
        elif not field.primary_key:
            columns.append(quote(field.column))
            chosen.append(_default(field))
    unknown = values.keys() - {field.column for field in model._meta.concrete_fields}
    if unknown:
        # A column that the model has no more: the table of values above is to be mended.
        raise LookupError(f"{model._meta.label} has no {', '.join(sorted(unknown))}.")
    last = first + count - 1
    series = f"{_series(first, last)} AS s(n) CROSS JOIN {_series(0, each - 1)} AS k(m)"
    if connection.vendor != "postgresql":
        series = f"{_series(first, last)} AS s CROSS JOIN (SELECT n AS m FROM {_series(0, each - 1)}) AS k"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) SELECT {', '.join(chosen)} FROM {series}"
        )


def _series(first: int, last: int) -> str:
    if connection.vendor == "postgresql":
        return f"generate_series({first}, {last})"
    return f"(WITH RECURSIVE g(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM g WHERE n < {last}) SELECT n FROM g)"


def _default(field: models.Field[Any, Any]) -> str:
    if field.null:
        return "NULL"
    if field.get_internal_type() == "JSONField":
        return _json(field.get_default())
    value = field.get_db_prep_save(field.get_default(), connection)
    if isinstance(value, bool) and connection.vendor == "postgresql":
        return str(value).upper()
    return f"'{value}'" if isinstance(value, str) else str(int(value))


def _cast(field: models.Field[Any, Any], value: str) -> str:
    if connection.vendor == "postgresql" and field.get_internal_type() == "DateTimeField":
        return f"{value}::timestamptz"
    return value


def _json(value: Any) -> str:
    return f"'{json.dumps(value)}'" + ("::jsonb" if connection.vendor == "postgresql" else "")


def _digest(column: str) -> str:
    if connection.vendor == "postgresql":
        return f"substr(md5({column}::text), 1, 30)"
    return f"substr(hex({column}) || hex(randomblob(8)), 1, 30)"
