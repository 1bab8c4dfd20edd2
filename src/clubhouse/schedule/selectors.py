"""What is upcoming, who waits, and what is free. Functions of "now" return unsliced, unordered querysets."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from clubhouse.memberships.models import Membership
from clubhouse.schedule.models import Booking, Session, WaitingListEntry

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Taken(TypedDict):
        taken: int

    class _Position(TypedDict):
        position: int

    SessionWithTaken = WithAnnotations[Session, _Taken]
    EntryWithPosition = WithAnnotations[WaitingListEntry, _Position]

LIVE = Booking.Status.BOOKED
#: Who has a place: booked, or checked in already, which opens before the session begins.
HOLDING = (Booking.Status.BOOKED, Booking.Status.ATTENDED)


def upcoming_sessions(now: datetime.datetime) -> models.QuerySet[Session]:
    """Sessions that are still to begin; one in progress is not upcoming (row H4)."""
    return Session.objects.filter(status=Session.Status.SCHEDULED, starts_at__gt=now)


def upcoming_bookings(now: datetime.datetime) -> models.QuerySet[Booking]:
    """Live places in upcoming sessions (rows F9, H4)."""
    return Booking.objects.filter(status=LIVE, session__status=Session.Status.SCHEDULED, session__starts_at__gt=now)


def waiting(now: datetime.datetime) -> models.QuerySet[WaitingListEntry]:
    """Entries on the waiting lists of upcoming sessions (row F10)."""
    return WaitingListEntry.objects.filter(session__status=Session.Status.SCHEDULED, session__starts_at__gt=now)


def all_waiting(now: datetime.datetime) -> models.QuerySet[WaitingListEntry]:
    """Every entry on any waiting list, past ones too: what :func:`~clubhouse.schedule.services.leave_waiting_lists`
    removes. ``now`` decides nothing and is taken so that every such function is called alike."""
    return WaitingListEntry.objects.all()


def later_in_series(booking: Booking) -> models.QuerySet[Booking]:
    """This client's live places in the booking's session and in every later one of its series."""
    mine = Booking.objects.filter(client_id=booking.client_id, status=LIVE)
    session = booking.session
    if session.series_id is None:
        return mine.filter(pk=booking.pk)
    return mine.filter(session__series_id=session.series_id, session__starts_at__gte=session.starts_at)


def with_taken(sessions: models.QuerySet[Session], now: datetime.datetime) -> models.QuerySet[SessionWithTaken]:
    """Annotate ``taken``: places that somebody has, plus places that are on offer to somebody at ``now``."""
    held = count_in_session(Booking.objects.filter(status__in=HOLDING))
    offers = count_in_session(WaitingListEntry.objects.filter(offered_until__gt=now))
    return sessions.annotate(taken=held + offers)


def next_in_line(now: datetime.datetime) -> models.QuerySet[WaitingListEntry]:
    """Entries whose client may be given a place: not erased, without an offer, without a place there."""
    has_place = Booking.objects.filter(session=OuterRef("session"), client=OuterRef("client"), status__in=HOLDING)
    return waiting(now).filter(offered_until=None).exclude(client__status="deleted").filter(~Exists(has_place))


def without_live_place(sessions: models.QuerySet[Session]) -> models.QuerySet[Session]:
    """Those of the sessions in which nobody has a live place."""
    return sessions.filter(~Exists(Booking.objects.filter(session=OuterRef("pk"), status=LIVE)))


def in_series_without_live_place(
    sessions: models.QuerySet[Session], now: datetime.datetime
) -> models.QuerySet[Session]:
    """Those of the sessions in whose series nobody has a live place in anything upcoming."""
    return sessions.filter(~Exists(upcoming_bookings(now).filter(session__series=OuterRef("series"))))


def covering_memberships(now: datetime.datetime) -> models.QuerySet[Membership]:
    """Memberships that cover a place, so that it takes no credit: the same that ``take_credits`` goes by."""
    return Membership.objects.filter(
        status=Membership.Status.ACTIVE, starts_on__lte=now.astimezone(datetime.UTC).date()
    )


def bookings_of(client_id: int) -> models.QuerySet[Booking]:
    """A client's places with all that a list shows of them, latest first: one query."""
    return (
        Booking.objects.filter(client_id=client_id)
        .select_related("session__club", "session__trainer", "package", "booked_by")
        .order_by(F("session__starts_at").desc(), "-pk")
    )


def waiting_of(client_id: int, now: datetime.datetime) -> models.QuerySet[EntryWithPosition]:
    """A client's entries on the waiting lists of upcoming sessions, soonest first, with ``position`` from one."""
    before = (
        WaitingListEntry.objects.filter(session=OuterRef("session"))
        .filter(Q(joined_at__lt=OuterRef("joined_at")) | Q(joined_at=OuterRef("joined_at"), pk__lt=OuterRef("pk")))
        .order_by()
        .values("session")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return (
        waiting(now)
        .filter(client_id=client_id)
        .select_related("session__club")
        .annotate(position=Coalesce(Subquery(before), 0) + 1)
        .order_by("session__starts_at", "pk")
    )


def count_in_session(rows: models.QuerySet[Any]) -> Coalesce:
    """How many of the rows belong to the session at hand, as an annotation of sessions."""
    grouped = rows.filter(session=OuterRef("pk")).order_by().values("session").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(grouped, output_field=models.IntegerField()), 0)
