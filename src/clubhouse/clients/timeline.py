"""What happened to a client, newest first: bookings, attendance, sales, payments, notes, and changes with who and when.

Each kind is asked for a page's worth below the last entry shown, and the kinds are merged: a fixed number of queries,
however long the history is. A cursor says where a page begins, so what is added meanwhile moves nothing.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext as _

from clubhouse.accounts.permissions import may
from clubhouse.audits.models import LogEntry
from clubhouse.billing.models import Invoice, Payment
from clubhouse.clients.models import Client, ClientNote
from clubhouse.memberships.models import Membership, Package
from clubhouse.schedule.clock import wall
from clubhouse.schedule.models import Booking
from clubhouse.team.models import StaffMember
from clubhouse.templatetags.house import money

PAGE = 40
#: The area that shows the audits of an app's models.
AREAS = {"clients": "contacts", "schedule": "schedule", "memberships": "retail", "billing": "retail"}
#: Models with entries of their own: that one was made is not told a second time.
OWN = (Booking, Membership, Package, Invoice, ClientNote)


@dataclass(frozen=True)
class Cursor:
    """The place of an entry in the order: newest first, then by kind, then by key."""

    moment: datetime.datetime
    rank: int
    pk: int

    def __str__(self) -> str:
        return f"{self.moment.isoformat()}_{self.rank}_{self.pk}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """The cursor that ``str`` wrote; None for anything else."""
        try:
            moment, rank, pk = text.split("_")
            found = cls(datetime.datetime.fromisoformat(moment).astimezone(datetime.UTC), int(rank), int(pk))
        except (ValueError, OverflowError):
            return None
        return found if found.rank < 100 and 0 <= found.pk < 2**62 else None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line. ``day_only`` where the hour is not known; ``who`` is "" where nobody is on record."""

    at: Cursor
    day_only: bool
    icon: str
    title: str
    detail: str
    url: str
    row: Any
    who: str = ""

    @property
    def day(self) -> datetime.date:
        """The day, where there is no hour that a reader's time zone could move."""
        return self.at.moment.date()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A kind of entry: its rows, the field that says when, and how a row reads."""

    rows: QuerySet[Any]
    field: str
    icon: str
    words: Callable[[Any], tuple[str, str, str]]
    when: Callable[[Any], datetime.datetime | datetime.date]
    day_only: bool = False


def timeline(staff: StaffMember, client: Client, after: Cursor | None = None) -> tuple[list[Entry], Cursor | None]:
    """A page of entries that come after a cursor, and the cursor of the next page or None.

    What the colleague's group does not include is left out.
    """
    now = timezone.now()
    found: list[Entry] = []
    for rank, source in enumerate(_sources(staff, client, now)):
        rows = source.rows
        if after is not None:
            rows = rows.filter(_below(source, rank, after))
        for row in rows.order_by(f"-{source.field}", "-pk")[: PAGE + 1]:
            title, detail, url = source.words(row)
            cursor = Cursor(_moment(source.when(row)), rank, row.pk)
            found.append(
                Entry(
                    at=cursor, day_only=source.day_only, icon=source.icon, title=title, detail=detail, url=url, row=row
                )
            )
    found.sort(key=lambda entry: (-entry.at.moment.timestamp(), entry.at.rank, -entry.at.pk))
    page = found[:PAGE]
    return _with_who(client, page), page[-1].at if len(found) > PAGE else None


def _sources(staff: StaffMember, client: Client, now: datetime.datetime) -> list[Source]:
    """The kinds that the colleague may see. A kind's place in this list is its rank, whoever asks."""
    mine: dict[str, Any] = {"client": client}
    schedule, retail = may(staff, "schedule"), may(staff, "retail")

    def when_may(allowed: bool, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows if allowed else rows.none()

    bookings = Booking.objects.filter(**mine).select_related("session__club")
    invoices = Invoice.objects.filter(**mine)
    seen = [app for app, area in AREAS.items() if may(staff, area)]
    own = Q(action=LogEntry.Action.CREATE, content_type__in=_types(OWN).values())
    audits = LogEntry.objects.filter(Q(client=client) | Q(other=client), content_type__app_label__in=seen).exclude(own)
    return [
        Source(
            rows=when_may(schedule, bookings.filter(booked_at__lte=now)),
            field="booked_at",
            icon="calendar-days",
            words=lambda row: (_("Booked: %(session)s") % {"session": row.session.title}, _session(row), ""),
            when=lambda row: row.booked_at,
        ),
        Source(
            rows=when_may(schedule, bookings.filter(session__starts_at__lte=now).exclude(status=Booking.Status.BOOKED)),
            field="session__starts_at",
            icon="dumbbell",
            words=lambda row: (f"{row.get_status_display()}: {row.session.title}", row.session.club.name, ""),
            when=lambda row: row.session.starts_at,
        ),
        Source(
            rows=when_may(retail, Membership.objects.filter(**mine)),
            field="starts_on",
            icon="id-card",
            words=lambda row: (
                _("Membership began: %(plan)s") % {"plan": row.plan},
                money(row.price, row.currency),
                "#memberships",
            ),
            when=lambda row: row.starts_on,
            day_only=True,
        ),
        Source(
            rows=when_may(retail, Package.objects.filter(**mine, sold_on__isnull=False)),
            field="sold_on",
            icon="ticket",
            words=lambda row: (_("Sold: %(item)s") % {"item": row.name}, "", "#packages"),
            when=lambda row: row.sold_on,
            day_only=True,
        ),
        Source(
            rows=when_may(retail, invoices.filter(due_on__lte=timezone.localdate(now))),
            field="due_on",
            icon="receipt",
            words=lambda row: (
                _("Invoice due: %(item)s") % {"item": row.description},
                f"{row.number}, {money(row.amount, row.currency)}, {row.get_status_display()}",
                reverse("billing:invoice", args=[row.pk]),
            ),
            when=lambda row: row.due_on,
            day_only=True,
        ),
        Source(
            rows=when_may(retail, Payment.objects.filter(invoice__client=client).select_related("invoice")),
            field="paid_on",
            icon="coins",
            words=lambda row: (
                _("Payment: %(state)s") % {"state": row.get_status_display()},
                f"{money(row.amount, row.invoice.currency)}, {row.invoice.number}" + (row.method and f", {row.method}"),
                reverse("billing:invoice", args=[row.invoice_id]),
            ),
            when=lambda row: row.paid_on,
            day_only=True,
        ),
        Source(
            rows=ClientNote.objects.filter(**mine).select_related("author"),
            field="created_at",
            icon="notebook-pen",
            words=lambda row: (_("Note"), row.text, "#notes"),
            when=lambda row: row.created_at,
        ),
        Source(
            rows=audits.select_related("content_type", "actor__staff_member", "actor__client"),
            field="timestamp",
            icon="history",
            words=_change,
            when=lambda row: row.timestamp,
        ),
    ]


# --- order ------------------------------------------------------------------------------------------------------------
def _moment(value: datetime.datetime | datetime.date) -> datetime.datetime:
    """When; a day without an hour is its first moment, so that what happened on it comes before."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC)
    return datetime.datetime.combine(value, datetime.time(), datetime.UTC)


def _below(source: Source, rank: int, after: Cursor) -> Q:
    """The rows of a source that come after a cursor."""
    earlier, at = Q(**{f"{source.field}__lt": after.moment}), Q(**{source.field: after.moment})
    if source.day_only:
        day, midnight = after.moment.date(), after.moment.time() == datetime.time()
        earlier = Q(**{f"{source.field}__lt" if midnight else f"{source.field}__lte": day})
        at = Q(**{source.field: day}) if midnight else Q(pk__in=[])
    if rank == after.rank:
        return earlier | (at & Q(pk__lt=after.pk))
    return earlier | at if rank > after.rank else earlier


# --- words ------------------------------------------------------------------------------------------------------------
def _session(row: Booking) -> str:
    return f"{date_format(wall(row.session.starts_at, row.session.club), 'j M Y, H:i')}, {row.session.club.name}"


def _change(row: LogEntry) -> tuple[str, str, str]:
    """What an audit says: which thing, and which of its fields. Never the values, of which some are medical."""
    model = row.content_type.model_class()
    said = {"what": gettext(str(model._meta.verbose_name)) if model else row.content_type.model}
    titles = {
        LogEntry.Action.CREATE: _("Added: %(what)s"),
        LogEntry.Action.UPDATE: _("Changed: %(what)s"),
        LogEntry.Action.DELETE: _("Deleted: %(what)s"),
    }
    title = titles.get(row.action, _("Looked at: %(what)s")) % said
    changed = row.changes if row.action == LogEntry.Action.UPDATE and isinstance(row.changes, dict) else {}
    return title, ", ".join(_field(model, name) for name in changed), ""


def _field(model: type[Model] | None, name: str) -> str:
    try:
        words = gettext(str(model._meta.get_field(name).verbose_name)) if model else name  # type: ignore[union-attr]
        return str(capfirst(words))
    except FieldDoesNotExist:
        return name


def _who(row: LogEntry) -> str:
    if row.actor is None:
        return ""
    colleague = getattr(row.actor, "staff_member", None)
    if colleague is not None:
        return str(colleague.name)
    return _("the client") if getattr(row.actor, "client", None) is not None else ""


def _types(models: Sequence[type[Model]]) -> dict[type[Model], ContentType]:
    return ContentType.objects.get_for_models(*models)


def _with_who(client: Client, page: list[Entry]) -> list[Entry]:
    """The entries with whoever did it: of rows that were made, by the audit of their making. One query."""
    types = _types(OWN)
    keys = {(types[type(entry.row)].pk, entry.row.pk) for entry in page if type(entry.row) in types}
    made = LogEntry.objects.filter(
        client=client,
        action=LogEntry.Action.CREATE,
        content_type__in=types.values(),
        object_id__in=[pk for _type, pk in keys],
    )
    by = {
        (row.content_type_id, row.object_id): _who(row)
        for row in made.select_related("actor__staff_member", "actor__client")
    }

    def who(entry: Entry) -> str:
        if isinstance(entry.row, LogEntry):
            return _who(entry.row)
        if isinstance(entry.row, ClientNote):
            return entry.row.author.name if entry.row.author else ""
        if type(entry.row) not in types or entry.at.rank == 1:
            return ""
        return by.get((types[type(entry.row)].pk, entry.row.pk), "")

    return [replace(entry, who=who(entry)) for entry in page]
