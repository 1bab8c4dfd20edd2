"""Places are given up: by a client, by the desk, or because their client is erased (rows F9-F12)."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import models, transaction

from clubhouse.memberships.services import lock_packages, return_credits
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.messages.services import Emit, StaffLine, tell_clients, tell_staff
from clubhouse.schedule import selectors
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.promotion import PassedOn, end_waiting_lists, lock_sessions, offer_freed_places
from clubhouse.sets import Keys, hold_clients


@dataclass(frozen=True, kw_only=True)
class CancelResult:
    """What a cancellation did, in numbers."""

    bookings: int = 0
    appointments: int = 0
    credits_returned: int = 0
    staff_told: int = 0
    given: int = 0
    offered: int = 0

    def counts(self) -> dict[str, int]:
        """As a run's counts show it."""
        return {
            "bookings cancelled": self.bookings,
            "appointments cancelled": self.appointments,
            "credits returned": self.credits_returned,
            "places given to the waiting list": self.given,
            "places offered to the waiting list": self.offered,
            "lines to staff": self.staff_told,
        }


def cancel_bookings(
    bookings: models.QuerySet[Booking],
    *,
    now: datetime.datetime,
    tell_clients: bool,
    excluding: Collection[int] = (),
    late: bool = False,
    series: bool = False,
    using: str = "default",
    emit: Emit | None = None,
) -> CancelResult:
    """Cancel those of the bookings that are live and upcoming at ``now``; the others are left as they are.

    ``tell_clients``: whether the clients get a message. ``excluding``: clients who are not offered the freed places.
    ``late``: a late cancellation, which keeps the credit. ``series``: where an appointment of a series is cancelled,
    its later ones go too, if nobody else has a place in that series. ``emit``: records the effect of the staff's mail;
    without it the outbox is used directly. A fixed number of statements, however many bookings.
    """
    with transaction.atomic(using=using):
        upcoming = (
            selectors.upcoming_bookings(now).using(using).filter(pk__in=bookings.using(using).order_by().values("pk"))
        )
        rows = list(upcoming.values_list("pk", "client_id", "session_id", "session__series_id"))
        if not rows:
            return CancelResult()
        hold_clients({client for _, client, _, _ in rows}, using=using)
        keys = {session for _, _, session, _ in rows}
        if series:
            keys |= _series_sessions({own for *_, own in rows if own is not None}, now, using)
        sessions = {session.pk: session for session in lock_sessions(keys, using=using) if _is_upcoming(session, now)}
        # Read again under the lock: what was marked or cancelled in the meantime stays as it is.
        taken = list(
            Booking.objects.using(using)
            .filter(pk__in=Keys(pk for pk, *_ in rows), status=selectors.LIVE, session_id__in=Keys(sessions))
            .select_for_update(of=("self",))
            .order_by("pk")
        )
        if not taken:
            return CancelResult()
        status = Booking.Status.LATE_CANCELLED if late else Booking.Status.CANCELLED
        mine = Booking.objects.using(using).filter(pk__in=Keys(booking.pk for booking in taken))
        mine.update(status=status, cancelled_at=now)
        returned = 0 if late else _return_credits(taken, sessions, now, using)
        freed = Counter(booking.session_id for booking in taken)
        emptied = _cancel_appointments(sessions, freed, now, excluding, using)
        told = tell_staff(_lines(freed, emptied), now=now, using=using, emit=emit)
        if tell_clients:
            _tell_clients(taken, now, using)
        passed = _pass_on([key for key in freed if key not in emptied], now, excluding, using, emit)
        return CancelResult(
            bookings=len(taken),
            appointments=len(emptied),
            credits_returned=returned,
            staff_told=told,
            given=passed.given,
            offered=passed.offered,
        )


def cancel_upcoming_for_erasure(
    ids: Sequence[int], now: datetime.datetime, using: str = "default", *, emit: Emit | None = None
) -> dict[str, int]:
    """Row F9: a plain cancellation of all that these clients have ahead of them; no fee, no strike, no word to them.

    A place that one of them booked *for* a buddy is the buddy's and stays. Freed places never go to one of ``ids``.
    """
    # Their waiting lists' sessions are locked in the same go, so that leaving the lists keeps to the lock order.
    waiting = selectors.waiting(now).using(using).filter(client_id__in=Keys(ids)).values("session_id")
    mine = selectors.upcoming_bookings(now).using(using).filter(client_id__in=Keys(ids))
    with transaction.atomic(using=using):
        series = mine.filter(session__series__isnull=False).values("session__series_id")
        _lock_before(
            models.Q(pk__in=waiting) | models.Q(pk__in=mine.values("session_id")) | models.Q(series_id__in=series),
            now,
            using,
        )
        return cancel_bookings(
            mine, now=now, tell_clients=False, excluding=ids, series=True, using=using, emit=emit
        ).counts()


def leave_waiting_lists(
    ids: Sequence[int], now: datetime.datetime, using: str = "default", *, emit: Emit | None = None
) -> dict[str, int]:
    """Row F10: take these clients off every waiting list; a place that was on offer to one of them goes to the next."""
    return _leave(WaitingListEntry.objects.using(using).filter(client_id__in=Keys(ids)), now, ids, using, emit)


def leave_waiting_list(entry: WaitingListEntry, *, now: datetime.datetime, using: str = "default") -> None:
    """Take one client off one waiting list, and pass on the place that was on offer to them, if any."""
    _leave(WaitingListEntry.objects.using(using).filter(pk=entry.pk), now, [entry.client_id], using, None)


def _leave(
    entries: models.QuerySet[WaitingListEntry],
    now: datetime.datetime,
    excluding: Collection[int],
    using: str,
    emit: Emit | None,
) -> dict[str, int]:
    with transaction.atomic(using=using):
        rows = list(entries.order_by("pk").values_list("session_id", flat=True))
        if rows:
            lock_sessions(rows, using=using)
        # Read again under the lock: an offer may have come or gone in the meantime.
        offered = set(entries.exclude(offered_until=None).values_list("session_id", flat=True))
        left, _ = entries.delete()
        passed = (
            offer_freed_places(offered, now=now, excluding=excluding, using=using, emit=emit) if offered else PassedOn()
        )
        return {
            "waiting list entries removed": left,
            "places given to the waiting list": passed.given,
            "places offered to the waiting list": passed.offered,
        }


def _is_upcoming(session: Session, now: datetime.datetime) -> bool:
    return session.status == Session.Status.SCHEDULED and session.starts_at > now


def _lock_before(which: models.Q, now: datetime.datetime, using: str) -> None:
    sessions = selectors.upcoming_sessions(now).using(using).filter(which)
    list(sessions.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))


def _series_sessions(series: Iterable[int], now: datetime.datetime, using: str) -> set[int]:
    later = selectors.upcoming_sessions(now).using(using).filter(kind=Session.Kind.APPOINTMENT)
    return set(later.filter(series_id__in=Keys(series)).values_list("pk", flat=True))


def _return_credits(taken: list[Booking], sessions: Mapping[int, Session], now: datetime.datetime, using: str) -> int:
    used = Counter(booking.package_id for booking in taken if booking.package_id is not None)
    # Whoever is given a place further down pays with a package too: all of them are locked in one go, in key order.
    waiting = selectors.waiting(now).using(using).filter(session_id__in=Keys(sessions)).values("client_id")
    lock_packages(used, clients=waiting, using=using)
    return return_credits(used, using=using)


def _cancel_appointments(
    sessions: Mapping[int, Session],
    freed: Mapping[int, int],
    now: datetime.datetime,
    excluding: Collection[int],
    using: str,
) -> set[int]:
    """Cancel whole the appointments in which nobody is left, and those that came along as later ones of a series."""
    mine = [pk for pk, session in sessions.items() if pk in freed and session.kind == Session.Kind.APPOINTMENT]
    first: dict[int, datetime.datetime] = {}
    for pk in mine:
        session = sessions[pk]
        if session.series_id is not None:
            first[session.series_id] = min(first.get(session.series_id, session.starts_at), session.starts_at)
    later = [
        pk
        for pk, session in sessions.items()
        if pk not in freed and session.series_id in first and session.starts_at > first[session.series_id]
    ]
    if not mine:
        return set()
    rows = Session.objects.using(using)
    empty = selectors.without_live_place(rows.filter(pk__in=Keys(mine))).values("pk")
    unused = selectors.in_series_without_live_place(rows.filter(pk__in=Keys(later)), now).values("pk")
    emptied = set(rows.filter(models.Q(pk__in=empty) | models.Q(pk__in=unused)).values_list("pk", flat=True))
    rows.filter(pk__in=Keys(emptied)).update(status=Session.Status.CANCELLED)
    end_waiting_lists(emptied, now=now, excluding=excluding, using=using)
    return emptied


def _lines(freed: Mapping[int, int], emptied: Collection[int]) -> list[StaffLine]:
    cancelled, place = Notification.Kind.APPOINTMENT_CANCELLED, Notification.Kind.BOOKING_CANCELLED
    return [
        StaffLine(session_id=key, kind=cancelled if key in emptied else place, places=freed.get(key, 0))
        for key in sorted({*freed, *emptied})
    ]


def _tell_clients(taken: list[Booking], now: datetime.datetime, using: str) -> None:
    places = [(booking.client_id, booking.session_id) for booking in taken]
    tell_clients(places, ClientMessage.Kind.BOOKING_CANCELLED, now=now, using=using)


def _pass_on(
    sessions: list[int], now: datetime.datetime, excluding: Collection[int], using: str, emit: Emit | None
) -> PassedOn:
    return (
        offer_freed_places(sessions, now=now, excluding=excluding, using=using, emit=emit) if sessions else PassedOn()
    )
