"""Sessions are cancelled whole: nobody comes, nobody waits, credits go back, and everybody concerned is told."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.db import models, transaction

from clubhouse.clients.models import Client
from clubhouse.memberships.services import lock_packages, return_credits
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.messages.services import StaffLine, tell_clients, tell_staff
from clubhouse.schedule import exceptions, selectors
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.promotion import end_waiting_lists, lock_sessions
from clubhouse.sets import Keys, hold_clients

#: Messages about a session that are worth nothing once it is cancelled.
IDLE = (
    ClientMessage.Kind.PLACE_GIVEN,
    ClientMessage.Kind.PLACE_OFFERED,
    ClientMessage.Kind.REMINDER,
    ClientMessage.Kind.MOVED,
)


@dataclass(frozen=True, kw_only=True)
class Cancelled:
    """What cancelling sessions did, in numbers."""

    sessions: int = 0
    bookings: int = 0
    credits_returned: int = 0
    waiting: int = 0
    waiting_told: int = 0
    staff_told: int = 0
    clients_told: int = 0


def cancel_sessions(sessions: models.QuerySet[Session], *, now: datetime.datetime, using: str = "default") -> Cancelled:
    """Cancel those of the sessions that are not over, with every booking and the whole waiting list.

    Credits go back; trainers and managers are told, and every client who had a place or waited for one. Raises
    ``AttendanceMarked`` where somebody came or was missed, and ``JustChanging``; nothing is changed then. A fixed
    number of statements.
    """
    with transaction.atomic(using=using):
        keys = list(
            sessions.using(using).filter(status=Session.Status.SCHEDULED).order_by().values_list("pk", flat=True)
        )
        live = Booking.objects.using(using).filter(status=selectors.LIVE, session_id__in=Keys(keys))
        waits = WaitingListEntry.objects.using(using).filter(session_id__in=Keys(keys))
        concerned = {*live.values_list("client_id", flat=True), *waits.values_list("client_id", flat=True)}
        held = hold_clients(concerned, using=using)
        open_ = {s.pk: s for s in lock_sessions(keys, using=using) if is_open(s, now)}
        rows = Session.objects.using(using).filter(pk__in=Keys(open_))
        bookings = Booking.objects.using(using).filter(session_id__in=Keys(open_))
        if bookings.filter(status__in=[Booking.Status.ATTENDED, Booking.Status.NO_SHOW]).exists():
            raise exceptions.AttendanceMarked
        # Read again under the lock: whoever was booked in the meantime is cancelled too.
        taken = list(bookings.filter(status=selectors.LIVE).select_for_update(of=("self",)).order_by("pk"))
        told = held | _hold_the_others({booking.client_id for booking in taken} - held, using)
        bookings.filter(pk__in=Keys(booking.pk for booking in taken)).update(
            status=Booking.Status.CANCELLED, cancelled_at=now
        )
        used = Counter(booking.package_id for booking in taken if booking.package_id is not None)
        lock_packages(used, using=using)
        returned = return_credits(used, using=using)
        waiting, waiting_told = end_waiting_lists(open_, now=now, using=using)
        ClientMessage.objects.using(using).filter(
            session_id__in=Keys(open_), kind__in=IDLE, sent_at=None, leased_until=None
        ).delete()
        rows.update(status=Session.Status.CANCELLED)
        kind = Notification.Kind.APPOINTMENT_CANCELLED
        lines = [StaffLine(session_id=key, kind=kind, places=0) for key in sorted(open_)]
        places = [(booking.client_id, booking.session_id) for booking in taken if booking.client_id in told]
        return Cancelled(
            sessions=len(open_),
            bookings=len(taken),
            credits_returned=returned,
            waiting=waiting,
            waiting_told=waiting_told,
            staff_told=tell_staff(lines, now=now, using=using),
            clients_told=tell_clients(places, ClientMessage.Kind.BOOKING_CANCELLED, now=now, using=using),
        )


def is_open(session: Session, now: datetime.datetime) -> bool:
    """Whether a session can still be cancelled or changed: it is neither cancelled nor over."""
    return session.status == Session.Status.SCHEDULED and session.ends_at > now


def _hold_the_others(clients: Collection[int], using: str) -> set[int]:
    """Hold clients who were booked while the sessions were waited for. Never wait for one: the sessions are held."""
    if not clients:
        return set()
    got = hold_clients(clients, using=using, skip_locked=True)
    missing = Client.objects.using(using).filter(pk__in=Keys(set(clients) - got)).exclude(status=Client.Status.DELETED)
    if missing.exists():
        raise exceptions.JustChanging
    return got
