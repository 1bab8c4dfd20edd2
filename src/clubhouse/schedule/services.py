"""Booking, waiting, checking in; cancelling (from ``cancellation``) and passing places on (from ``promotion``)."""

from __future__ import annotations

import datetime

from django.db import transaction

from clubhouse.clients.models import Client, ClientLinking
from clubhouse.memberships.services import take_credits
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.services import tell_clients
from clubhouse.schedule import exceptions, selectors
from clubhouse.schedule.cancellation import (
    CancelResult,
    cancel_bookings,
    cancel_upcoming_for_erasure,
    leave_waiting_list,
    leave_waiting_lists,
)
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.promotion import PassedOn, expire_offers, lock_sessions, offer_freed_places, offer_place
from clubhouse.schedule.selectors import upcoming_bookings
from clubhouse.sets import hold_clients

__all__ = [
    "CancelResult",
    "PassedOn",
    "accept_offer",
    "book",
    "cancel_bookings",
    "cancel_upcoming_for_erasure",
    "expire_offers",
    "give_place",
    "join_waiting_list",
    "leave_waiting_list",
    "leave_waiting_lists",
    "make_offer",
    "mark_attendance",
    "offer_freed_places",
    "upcoming_bookings",
]

#: How long before the start a client can be checked in.
CHECK_IN_OPENS = datetime.timedelta(hours=1)


def book(
    client: Client,
    session: Session,
    *,
    now: datetime.datetime,
    booked_by: Client | None = None,
    unpaid: bool = True,
    using: str = "default",
) -> Booking:
    """Give a client a place, on a credit of the client's own where no active membership covers it.

    ``booked_by``: the friend who books (Book a Buddy). ``unpaid``: whether a client with neither membership nor credit
    gets one all the same, which is then settled at the desk. Raises ``ClientErased``, ``NotBuddies``,
    ``OtherBusiness``, ``SessionOver``, ``AlreadyBooked``, ``SessionFull`` or ``NoCredit``; nothing is changed then.
    """
    with transaction.atomic(using=using):
        people = {client.pk} | ({booked_by.pk} if booked_by else set())
        locked = _ready(people, client, session, now, using)
        if booked_by and not _are_buddies(client, booked_by, using):
            raise exceptions.NotBuddies
        entry = WaitingListEntry.objects.using(using).filter(session=locked, client_id=client.pk).first()
        has_offer = entry is not None and entry.offered_until is not None and entry.offered_until > now
        if _taken(locked, now, using) - has_offer >= locked.capacity:
            raise exceptions.SessionFull
        booking = _place(client.pk, locked, entry, now, using, booked_by=booked_by)
        if not unpaid and booking.package_id is None and not _covered(client, now, using):
            raise exceptions.NoCredit
        return booking


def join_waiting_list(
    client: Client, session: Session, *, now: datetime.datetime, using: str = "default"
) -> WaitingListEntry:
    """Put a client at the end of a full session's waiting list; who waits already keeps the place in the line.

    Raises ``ClientErased``, ``OtherBusiness``, ``SessionOver``, ``AlreadyBooked`` or ``PlaceFree``.
    """
    with transaction.atomic(using=using):
        locked = _ready({client.pk}, client, session, now, using)
        entries = WaitingListEntry.objects.using(using)
        if entry := entries.filter(session=locked, client_id=client.pk).first():
            return entry
        if _taken(locked, now, using) < locked.capacity:
            raise exceptions.PlaceFree
        return entries.create(session=locked, client_id=client.pk, joined_at=now)


def accept_offer(entry: WaitingListEntry, *, now: datetime.datetime, using: str = "default") -> Booking:
    """Turn an open offer into a place. Raises ``OfferOver`` where it has run out, and what :func:`book` raises."""
    with transaction.atomic(using=using):
        locked = _ready({entry.client_id}, entry.client, entry.session, now, using)
        fresh = WaitingListEntry.objects.using(using).filter(pk=entry.pk, offered_until__gt=now).first()
        if fresh is None:
            raise exceptions.OfferOver
        # The offer itself is among what is taken.
        if _taken(locked, now, using) > locked.capacity:
            raise exceptions.SessionFull
        return _place(entry.client_id, locked, fresh, now, using)


def give_place(entry: WaitingListEntry, *, now: datetime.datetime, using: str = "default") -> Booking:
    """Book a free place for a client who waits, out of turn where the desk says so, and tell the client.

    Raises ``NotWaiting``, and what :func:`book` raises.
    """
    with transaction.atomic(using=using):
        locked, fresh, has_offer = _waiting(entry, now, using)
        if _taken(locked, now, using) - has_offer >= locked.capacity:
            raise exceptions.SessionFull
        booking = _place(entry.client_id, locked, fresh, now, using)
        tell_clients([(entry.client_id, locked.pk)], ClientMessage.Kind.PLACE_GIVEN, now=now, using=using)
        return booking


def make_offer(entry: WaitingListEntry, *, now: datetime.datetime, using: str = "default") -> datetime.datetime:
    """Offer a free place to a client who waits, for the business's number of minutes; returns until when.

    Raises ``NotWaiting``, ``OfferStands``, and what :func:`book` raises.
    """
    with transaction.atomic(using=using):
        locked, fresh, has_offer = _waiting(entry, now, using)
        if has_offer:
            raise exceptions.OfferStands
        if _taken(locked, now, using) >= locked.capacity:
            raise exceptions.SessionFull
        return offer_place(locked, fresh, now=now, using=using)


def mark_attendance(booking: Booking, status: str, *, now: datetime.datetime, using: str = "default") -> None:
    """Mark that a client came, did not come, or (``booked``) that the mark was a slip.

    Works for "[deleted]" too, for a class in progress goes on. Raises ``AttendanceNotOpen``, ``NotLive``,
    or ``AlreadyBooked`` where the client has another place there; and ``ValueError`` for any other status.
    """
    marks = {Booking.Status.ATTENDED, Booking.Status.NO_SHOW, Booking.Status.BOOKED}
    if status not in marks:
        raise ValueError(f"{status!r} is no attendance; it is one of {', '.join(sorted(marks))}.")
    with transaction.atomic(using=using):
        session = lock_sessions([booking.session_id], using=using)[0]
        early = CHECK_IN_OPENS if status == Booking.Status.ATTENDED else datetime.timedelta(0)
        if session.status == Session.Status.CANCELLED or (
            status != Booking.Status.BOOKED and now < session.starts_at - early
        ):
            raise exceptions.AttendanceNotOpen
        if status != Booking.Status.NO_SHOW:
            others = Booking.objects.using(using).filter(session=session, client_id=booking.client_id)
            if others.filter(status__in=selectors.HOLDING).exclude(pk=booking.pk).exists():
                raise exceptions.AlreadyBooked
        # An update by key, not save(): it touches this column alone, which is all that an erased client's row allows.
        if not Booking.objects.using(using).filter(pk=booking.pk, status__in=marks).update(status=status):
            raise exceptions.NotLive
        booking.status = status


def _ready(people: set[int], client: Client, session: Session, now: datetime.datetime, using: str) -> Session:
    """Lock the people and then the session, and refuse what can never be booked. Returns the session as it is now."""
    if hold_clients(people, using=using) != people:
        raise exceptions.ClientErased
    locked = lock_sessions([session.pk], using=using)[0]
    if locked.club.business_id != client.business_id:
        raise exceptions.OtherBusiness
    if locked.status != Session.Status.SCHEDULED or locked.starts_at <= now:
        raise exceptions.SessionOver
    held = Booking.objects.using(using).filter(session=locked, client_id=client.pk, status__in=selectors.HOLDING)
    if held.exists():
        raise exceptions.AlreadyBooked
    return locked


def _waiting(entry: WaitingListEntry, now: datetime.datetime, using: str) -> tuple[Session, WaitingListEntry, bool]:
    """Lock the client and the session, and read the entry again: it, and whether a place is on offer to the client."""
    locked = _ready({entry.client_id}, entry.client, entry.session, now, using)
    fresh = WaitingListEntry.objects.using(using).filter(pk=entry.pk).first()
    if fresh is None:
        raise exceptions.NotWaiting
    return locked, fresh, fresh.offered_until is not None and fresh.offered_until > now


def _covered(client: Client, now: datetime.datetime, using: str) -> bool:
    return selectors.covering_memberships(now).using(using).filter(client_id=client.pk).exists()


def _taken(session: Session, now: datetime.datetime, using: str) -> int:
    one = Session.objects.using(using).filter(pk=session.pk)
    return int(selectors.with_taken(one, now).values_list("taken", flat=True).get())


def _place(
    client_id: int,
    session: Session,
    entry: WaitingListEntry | None,
    now: datetime.datetime,
    using: str,
    booked_by: Client | None = None,
) -> Booking:
    (package,) = take_credits([client_id], now=now, using=using)
    if entry is not None:
        entry.delete(using=using)
    return Booking.objects.using(using).create(
        session=session, client_id=client_id, booked_by=booked_by, package_id=package, booked_at=now
    )


def _are_buddies(one: Client, other: Client, using: str) -> bool:
    links = ClientLinking.objects.using(using).filter(kind=ClientLinking.Kind.BUDDY)
    return links.filter(client=one, other=other).exists() or links.filter(client=other, other=one).exists()
