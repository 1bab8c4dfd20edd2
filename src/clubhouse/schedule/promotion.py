"""A freed place goes to the next client on the waiting list: at once, or on offer for a while (row F10)."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import models, transaction

from clubhouse.accounts.models import Business
from clubhouse.memberships.services import take_credits
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.services import Emit, emitter, tell_clients
from clubhouse.schedule import selectors
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.sets import Keys, hold_clients, insert_all, update_each


@dataclass(frozen=True, kw_only=True)
class PassedOn:
    """What became of freed places."""

    given: int = 0
    offered: int = 0


@dataclass(frozen=True)
class _Place:
    """One free place and who gets it."""

    session: Session
    entry_id: int
    client_id: int


def lock_sessions(ids: Iterable[int], *, using: str) -> list[Session]:
    """Lock sessions in key order and return them with their club and business, in that order.

    Whatever gives a place or takes one away holds this lock, so two of them never see the same place as free.
    """
    return list(
        Session.objects.using(using)
        .filter(pk__in=Keys(ids))
        .select_for_update(no_key=True, of=("self",))
        .select_related("club__business")
        .order_by("pk")
    )


def offer_freed_places(
    sessions: Iterable[int] | models.QuerySet[Session],
    *,
    now: datetime.datetime,
    excluding: Collection[int] = (),
    using: str = "default",
    emit: Emit | None = None,
) -> PassedOn:
    """Hand the free places of these sessions to the next in line (row F10). A fixed number of statements.

    ``sessions``: keys (a mapping of keys to freed places will do: what is free is counted anew under the lock), or a
    queryset. ``excluding``: keys of clients who get none, such as everybody who is being erased. Next in line is who
    joined first, is not erased and has no place there. The business chooses: the place is booked at once, on a credit
    where no membership covers it, or is on offer for its number of minutes, at most until the session begins.

    A client who is locked by an erasure at this moment is passed over, for waiting would tie the two transactions into
    a deadlock; where a place stays free because of that, it is offered again after commit.
    """
    ids = sessions.using(using).values_list("pk", flat=True) if isinstance(sessions, models.QuerySet) else sessions
    with transaction.atomic(using=using):
        locked = [
            session
            for session in lock_sessions(ids, using=using)
            if session.status == Session.Status.SCHEDULED and session.starts_at > now
        ]
        free = _free(locked, now, using)
        if not free:
            return PassedOn()
        line = list(
            selectors.next_in_line(now)
            .using(using)
            .filter(session_id__in=Keys(free))
            .order_by("session_id", "joined_at", "pk")
            .values_list("session_id", "pk", "client_id")
        )
        line = [entry for entry in line if entry[2] not in set(excluding)]
        held = hold_clients({client for _, _, client in line}, using=using, skip_locked=True)
        chosen, passed_over = _allot(locked, free, line, held)
        if passed_over:
            _try_again(locked, passed_over, emitter(emit, using))
        at_once = [p for p in chosen if _promotion(p.session) == Business.Promotion.AT_ONCE]
        offers = [p for p in chosen if _promotion(p.session) == Business.Promotion.OFFER]
        _give(at_once, now, using)
        _offer(offers, now, using)
        return PassedOn(given=len(at_once), offered=len(offers))


def offer_place(
    session: Session, entry: WaitingListEntry, *, now: datetime.datetime, using: str = "default"
) -> datetime.datetime:
    """Offer one free place to this client, who is told; returns until when. Call it under :func:`lock_sessions`."""
    place = _Place(session, entry.pk, entry.client_id)
    _offer([place], now, using)
    return _until(place, now)


def end_waiting_lists(
    sessions: Collection[int], *, now: datetime.datetime, excluding: Collection[int] = (), using: str = "default"
) -> tuple[int, int]:
    """Nobody waits for what does not take place: empty these sessions' waiting lists, and tell who waited.

    ``excluding``: keys of clients who are not told, such as everybody who is being erased. Who is locked by another
    erasure at this moment is not told either. Returns how many waited and how many are told. Call it under
    :func:`lock_sessions`. Four statements, and one where nobody waits.
    """
    entries = WaitingListEntry.objects.using(using).filter(session_id__in=Keys(sessions))
    waited = list(entries.order_by("session_id", "joined_at", "pk").values_list("client_id", "session_id"))
    if not waited:
        return 0, 0
    held = hold_clients({client for client, _ in waited} - set(excluding), using=using, skip_locked=True)
    entries.delete()
    told = [(client, session) for client, session in waited if client in held]
    return len(waited), tell_clients(told, ClientMessage.Kind.WAITING_ENDED, now=now, using=using)


def expire_offers(now: datetime.datetime, *, using: str = "default") -> PassedOn:
    """Pass on the offers that have run out by ``now``. Who let one run out is on that waiting list no more.

    They could not stay: as first in line they would be offered the same place for ever.
    """
    lapsed = WaitingListEntry.objects.using(using).filter(offered_until__lte=now)
    with transaction.atomic(using=using):
        ids = sorted(set(lapsed.values_list("session_id", flat=True)))
        if not ids:
            return PassedOn()
        lock_sessions(ids, using=using)
        # Read again under the lock: an offer may have been taken in the meantime.
        lapsed.filter(session_id__in=Keys(ids)).delete()
        return offer_freed_places(ids, now=now, using=using)


def _promotion(session: Session) -> str:
    return session.club.business.waiting_list_promotion


def _free(sessions: list[Session], now: datetime.datetime, using: str) -> dict[int, int]:
    """Session key to the number of places that nobody has and nobody is offered; only where there are any."""
    rows = selectors.with_taken(Session.objects.using(using).filter(pk__in=Keys(s.pk for s in sessions)), now)
    return {pk: size - taken for pk, size, taken in rows.values_list("pk", "capacity", "taken") if size > taken}


def _allot(
    sessions: list[Session], free: dict[int, int], line: list[tuple[int, int, int]], held: set[int]
) -> tuple[list[_Place], set[int]]:
    """Who gets a place, and the sessions in which one stays free although somebody waits who could not be locked."""
    by_key = {session.pk: session for session in sessions}
    left, chosen, skipped = dict(free), [], set()
    for session_id, entry_id, client_id in line:
        if client_id not in held:
            skipped.add(session_id)
        elif left[session_id]:
            left[session_id] -= 1
            chosen.append(_Place(by_key[session_id], entry_id, client_id))
    return chosen, {session_id for session_id in skipped if left[session_id]}


def _give(places: list[_Place], now: datetime.datetime, using: str) -> None:
    if not places:
        return
    packages = take_credits([place.client_id for place in places], now=now, using=using)
    bookings = [
        Booking(session=place.session, client_id=place.client_id, package_id=package, booked_at=now)
        for place, package in zip(places, packages, strict=True)
    ]
    insert_all(bookings, using=using)
    WaitingListEntry.objects.using(using).filter(pk__in=Keys(place.entry_id for place in places)).delete()
    _tell(places, ClientMessage.Kind.PLACE_GIVEN, now, using)


def _offer(places: list[_Place], now: datetime.datetime, using: str) -> None:
    if not places:
        return
    until = {place.entry_id: _until(place, now) for place in places}
    update_each(WaitingListEntry, "offered_until", until, using=using)
    _tell(places, ClientMessage.Kind.PLACE_OFFERED, now, using)


def _until(place: _Place, now: datetime.datetime) -> datetime.datetime:
    minutes = place.session.club.business.waiting_list_offer_minutes
    return min(now + datetime.timedelta(minutes=minutes), place.session.starts_at)


def _try_again(sessions: list[Session], passed_over: set[int], emit: Emit) -> None:
    """Have the places of these sessions offered again after commit: an effect for each business, which is named so that
    its administrators see one that fails."""
    by_business: dict[int, list[int]] = {}
    for session in sessions:
        if session.pk in passed_over:
            by_business.setdefault(session.club.business_id, []).append(session.pk)
    for business, keys in by_business.items():
        emit("schedule.offer_places", {"business": business, "sessions": keys})


def _tell(places: list[_Place], kind: ClientMessage.Kind, now: datetime.datetime, using: str) -> None:
    tell_clients([(place.client_id, place.session.pk) for place in places], kind, now=now, using=using)
