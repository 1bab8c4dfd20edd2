"""What must be the same before and after an erasure, as values that a test compares."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from clubhouse.accounts.models import Business
from clubhouse.billing.models import Invoice, Payment
from clubhouse.clients.models import Client
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.schedule.models import Booking, Session
from lethe.cleaned import NotClean
from lethe.cleaning import clean
from tests.support.dump import file_bytes

Row = dict[str, Any]
Snapshot = dict[str, dict[Any, Row]]


# --- totals -----------------------------------------------------------------------------------------------------------
def totals(moment: datetime.datetime) -> dict[str, list[Row]]:
    """Every total over the time before ``moment``, as the reports count it."""
    past = Booking.objects.filter(session__starts_at__lt=moment)
    sessions = Session.objects.filter(starts_at__lt=moment)
    return {
        "attendance": _counted(
            past, "session__starts_at", "session__club", "session__trainer", "status", n=Count("pk")
        ),
        "sessions": _counted(sessions, "starts_at", "club", "trainer", "status", n=Count("pk")),
        "revenue": _counted(
            Payment.objects, "paid_on", "status", "invoice__currency", "invoice__club", n=Sum("amount")
        ),
        "invoiced": _counted(Invoice.objects, "due_on", "club", "currency", n=Sum("amount"), m=Count("pk")),
        "paid": _counted(
            Invoice.objects.filter(status__in=["paid", "refunded"]), "due_on", "club", "status", n=Sum("amount")
        ),
        "credits sold": _counted(Package.objects, None, "name", "expires_on", n=Sum("credits_total")),
        "credits used": _counted(Package.objects.filter(expires_on__lt=moment), None, "name", n=Sum("credits_used")),
        "money on account": _counted(AccountCredit.objects, "granted_on", "currency", n=Sum("amount"), m=Sum("used")),
        "memberships sold": _counted(Membership.objects, "starts_on", "plan", "currency", n=Sum("price")),
        "joined": _counted(Client.objects, "joined_on", "home_club", "business", n=Count("pk")),
    }


def _counted(source: Any, when: str | None, *by: str, **sums: Any) -> list[Row]:
    month = {"month": TruncMonth(when)} if when else {}
    return list(source.order_by().values(*by, **month).annotate(**sums).order_by(*month, *by))


# --- rows -------------------------------------------------------------------------------------------------------------
def snapshot() -> Snapshot:
    """Every row of every table with a model: label to key to values."""
    taken: Snapshot = {}
    for model in apps.get_models(include_auto_created=True):
        names = [field.attname for field in model._meta.concrete_fields]
        keys = [field.attname for field in model._meta.pk_fields]
        rows = model._base_manager.values(*names)
        taken[model._meta.label] = {tuple(row[key] for key in keys): row for row in rows}
    return taken


@dataclass(frozen=True, kw_only=True)
class Change:
    """A row that is not what it was: ``before`` is missing for a new one, ``after`` for one that has gone."""

    label: str
    before: Row | None
    after: Row | None

    @property
    def columns(self) -> set[str]:
        """The columns with another value; all of them where the row came or went."""
        if self.before is None or self.after is None:
            return set(self.before or self.after or {})
        return {name for name, value in self.before.items() if self.after[name] != value}

    def __str__(self) -> str:
        what = "new" if self.before is None else "gone" if self.after is None else f"{sorted(self.columns)} changed in"
        return f"{what} {self.label} {(self.before or self.after or {}).get('id', '')}"


def changes(before: Snapshot, after: Snapshot) -> list[Change]:
    """Every row that differs."""
    return [
        Change(label=label, before=before[label].get(key), after=after[label].get(key))
        for label in before
        for key in before[label].keys() | after[label].keys()
        if before[label].get(key) != after[label].get(key)
    ]


def belongs(change: Change, before: Snapshot, client: int) -> bool:
    """Whether the row is the client's own: their profile, or what hangs on it."""
    row = change.before or change.after or {}
    if change.label == "lethe.Tally":
        # Counts of effects by kind: of nobody.
        return True
    if change.label == "clients.Client":
        return bool(row["id"] == client)
    if change.label in {"clients.ClientLinking", "audits.LogEntry"}:
        return client in (row["client_id"], row["other_id"]) and change.after is None
    if change.label == "billing.Payment":
        return bool(before["billing.Invoice"][(row["invoice_id"],)]["client_id"] == client)
    user = before["clients.Client"][(client,)]["user_id"]
    if change.label == "accounts.User":
        return bool(row["id"] == user)
    if change.label in {
        "accounts.Session",
        "accounts.PasswordReset",
        "accounts.AddressChange",
        "localisation.ReaderChoice",
    }:
        return bool(row["user_id"] == user)
    if change.label == "axes.AccessAttempt":
        return bool(row["username"] == str(user)) and change.after is None
    if change.label == "lethe.SubjectKey":
        return row["key"] == str(client) and change.after is None
    return bool(row.get("client_id") == client)


#: References to the erased client on others' rows, and what goes with them.
TIES = {
    "billing.Invoice": {"paid_by_id", "billing_name", "billing_address"},
    "memberships.Membership": {"paid_by_id"},
    "memberships.Package": {"paid_by_id"},
    "schedule.Booking": {"booked_by_id"},
}
ACTOR = {"actor_id", "actor_email", "remote_addr", "remote_port"}
#: What the engine and the staff's inboxes write of an erasure.
RECORDED = {
    "lethe.ErasedMark",
    "lethe.Run",
    "lethe.Receipt",
    "lethe.Effect",
    "privacy.ErasureReceipt",
    "messaging.Notification",
    "tasks.Task",
}


def allowed(change: Change, before: Snapshot, client: int) -> bool:
    """Whether a row of somebody else may differ in this way: a tie to the erased client, or a place passed on."""
    row = change.before or change.after or {}
    if change.before is None and change.label in RECORDED:
        return True
    if change.before is not None and change.after is not None:
        tie = next((name for name in TIES.get(change.label, ()) if name.endswith("_id")), "")
        if tie and row[tie] == client and change.columns <= TIES[change.label]:
            return change.after[tie] is None
        if change.label == "audits.LogEntry":
            user = before["clients.Client"][(client,)]["user_id"]
            return row["actor_id"] == user and change.columns <= ACTOR
    return _passed_on(change, before, client)


def _passed_on(change: Change, before: Snapshot, client: int) -> bool:
    """A freed place went to somebody who waited for it, or an appointment has nobody left."""
    row = change.before or change.after or {}
    given_up = {
        booking["session_id"] for booking in before["schedule.Booking"].values() if booking["client_id"] == client
    } | {entry["session_id"] for entry in before["schedule.WaitingListEntry"].values() if entry["client_id"] == client}
    waiting = {
        entry["client_id"]
        for entry in before["schedule.WaitingListEntry"].values()
        if entry["session_id"] in given_up and entry["client_id"] != client
    }
    if change.label == "schedule.Session":
        return row["id"] in given_up and row["kind"] == "appointment" and change.columns == {"status"}
    if change.label == "schedule.WaitingListEntry":
        return row["client_id"] in waiting and row["session_id"] in given_up
    if change.label in {"schedule.Booking", "messaging.ClientMessage"} and change.before is None:
        return row["client_id"] in waiting and row["session_id"] in given_up
    return change.label == "memberships.Package" and row["client_id"] in waiting and change.columns == {"credits_used"}


def unexpected(before: Snapshot, after: Snapshot, client: int, ignoring: Iterable[str] = ()) -> list[str]:
    """Rows of others that differ in a way that the erasure of ``client`` does not explain."""
    return [
        str(change)
        for change in changes(before, after)
        if change.label not in set(ignoring)
        and not belongs(change, before, client)
        and not allowed(change, before, client)
    ]


# --- keys -------------------------------------------------------------------------------------------------------------
def broken_foreign_keys() -> list[str]:
    """Every foreign key of the database that points at nothing, by the database's own catalogue."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_key_check")
            return [str(row) for row in cursor.fetchall()]
        cursor.execute(
            "SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text, a.attname, f.attname "
            "FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
            "JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[1] WHERE c.contype = 'f'"
        )
        keys = cursor.fetchall()
        assert keys, "a database without foreign keys proves nothing"
        broken = []
        for name, table, target, column, there in keys:
            cursor.execute(
                f'SELECT count(*) FROM {table} t WHERE t."{column}" IS NOT NULL '
                f'AND NOT EXISTS (SELECT 1 FROM {target} o WHERE o."{there}" = t."{column}")'
            )
            if cursor.fetchone()[0]:
                broken.append(name)
    return broken


def let_all_pass(business: Business, *, mode: str = "cancel_and_erase", **overrides: bool) -> None:
    """Let an erasure settle by itself whatever a business may let it settle; ``overrides`` by blocker name."""
    business.deletion_mode = mode
    business.blocker_overrides = {"paid_by": False, "guardian": False} | overrides
    business.save()


def cleaned_bytes() -> bytes:
    """The raw bytes of the database's files after the product's own cleaning (row N11)."""
    for attempt in range(6):
        try:
            clean()
            break
        except NotClean:
            # Tests that run beside this one write on the same server, some for longer than a cleaning waits.
            if attempt == 5:
                raise
    return stored_bytes()


def stored_bytes() -> bytes:
    """The raw bytes of the database's files as they are: page gaps, free pages and, on SQLite, the log."""
    if connection.vendor == "sqlite":
        return file_bytes(connection)
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute(
            "SELECT pg_read_binary_file(pg_relation_filepath(c.oid)) FROM pg_class c "
            "WHERE c.relkind IN ('r', 'i', 't', 'm') AND pg_relation_filepath(c.oid) IS NOT NULL"
        )
        return b"".join(bytes(content) for (content,) in cursor.fetchall())
