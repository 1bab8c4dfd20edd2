"""What is planned: sessions are added, alone or as a series, and changed; clubs and the waiting lists' way are set."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from clubhouse.accounts.models import Business
from clubhouse.messages.moves import known, move_reminders, tell_moved
from clubhouse.schedule import exceptions, selectors
from clubhouse.schedule.clock import lasting, moment
from clubhouse.schedule.models import Booking, Club, Series, Session, WaitingListEntry
from clubhouse.schedule.promotion import lock_sessions, offer_freed_places
from clubhouse.schedule.sessions import is_open
from clubhouse.sets import hold_clients, insert_all
from clubhouse.team.models import StaffMember

WEEK = datetime.timedelta(days=7)
#: How many weeks a series may have.
MOST_WEEKS = 52


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be added. ``day``, ``start`` and ``end`` are those on the club's wall, an end that is not later than
    the start being the next day's; ``weeks`` is how often it takes place.

    ``token`` names the form it came from: the same form sent twice adds nothing twice.
    """

    club: Club
    kind: str
    title: str
    day: datetime.date
    start: datetime.time
    end: datetime.time
    capacity: int
    weeks: int
    token: str
    trainer: StaffMember | None = None


def add_sessions(plan: Plan, *, now: datetime.datetime, using: str = "default") -> Session:
    """Add a session, or with more than one week a weekly series, and return the first. One statement for all of them.

    A series keeps to the clock on the wall through summer time and winter time: each begins and ends when the clock
    says so. Raises ``StartsInThePast``.
    """
    starts = [moment(plan.club, plan.day + WEEK * week, plan.start) for week in range(plan.weeks)]
    if starts[0] <= now:
        raise exceptions.StartsInThePast
    first = Session.objects.using(using).filter(club=plan.club, reference=_reference(plan, 0))
    if known := first.first():
        return known
    try:
        with transaction.atomic(using=using):
            series = None
            if plan.weeks > 1:
                series = Series.objects.using(using).create(club=plan.club, title=plan.title)
            rows = [
                Session(
                    club=plan.club,
                    series=series,
                    kind=plan.kind,
                    title=plan.title,
                    trainer=plan.trainer,
                    starts_at=at,
                    minutes=lasting(plan.club, at, plan.start, plan.end),
                    capacity=plan.capacity,
                    reference=_reference(plan, week),
                )
                for week, at in enumerate(starts)
            ]
            insert_all(rows, using=using)
    except IntegrityError:
        # The same form, sent twice at the same moment: the other one was first.
        pass
    return first.get()


def _reference(plan: Plan, week: int) -> str:
    return f"desk-{plan.token}-{week}"


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What changing a session did: places that went to who waits, and clients who are told."""

    passed_on: int = 0
    told: int = 0


def change_session(
    session: Session,
    *,
    title: str,
    trainer: StaffMember | None,
    starts_at: datetime.datetime,
    minutes: int,
    capacity: int,
    now: datetime.datetime,
    using: str = "default",
) -> Changed:
    """Give a session another title, trainer, time or number of places, and tell who has a place of another time or
    trainer, unless it has begun.

    Raises ``NothingOpen`` for one that is over or cancelled, ``StartsInThePast`` for a new start that is, and
    ``PlacesTaken`` for fewer places than are taken or on offer; nothing is changed then. A fixed number of statements.
    """
    with transaction.atomic(using=using):
        booked = Booking.objects.using(using).filter(session_id=session.pk, status__in=selectors.HOLDING)
        held = hold_clients(booked.values_list("client_id", flat=True), using=using)
        locked = lock_sessions([session.pk], using=using)[0]
        if not is_open(locked, now):
            raise exceptions.NothingOpen
        if starts_at != locked.starts_at and starts_at <= now:
            raise exceptions.StartsInThePast
        rows = Session.objects.using(using).filter(pk=locked.pk)
        if capacity < selectors.with_taken(rows, now).values_list("taken", flat=True).get():
            raise exceptions.PlacesTaken
        before, began = known(locked), locked.starts_at
        rows.update(title=title, trainer=trainer, starts_at=starts_at, minutes=minutes, capacity=capacity)
        locked.trainer, locked.starts_at, locked.minutes = trainer, starts_at, minutes
        told = 0
        if known(locked) != before and starts_at > now:
            # Read again under the lock. Who was booked in the meantime is never waited for: the session is held.
            clients = set(booked.values_list("client_id", flat=True))
            clients &= held | hold_clients(clients - held, using=using, skip_locked=True)
            told = tell_moved(locked, before, clients, now=now, using=using)
            move_reminders(locked, starts_at - began, using=using)
        # No offer lasts longer than until the session begins.
        offers = WaitingListEntry.objects.using(using).filter(session_id=locked.pk, offered_until__gt=starts_at)
        offers.update(offered_until=starts_at)
        passed = offer_freed_places([locked.pk], now=now, using=using)
        return Changed(passed_on=passed.given + passed.offered, told=told)


# --- clubs ----------------------------------------------------------------------------------------------------------
class NameTaken(Exception):
    """Another club of this business has this name. Choose another."""

    def __init__(self) -> None:
        super().__init__(gettext(str(self.__doc__)))


def save_club(club: Club, *, using: str = "default") -> Club:
    """Add a club, or save a changed one. Raises :class:`NameTaken`: a name is used once, whatever its case."""
    with transaction.atomic(using=using):
        # Locked, so that a form that is sent twice at the same moment does not make two clubs.
        Business.objects.using(using).select_for_update(no_key=True).get(pk=club.business_id)
        same = Club.objects.using(using).filter(business_id=club.business_id, name__iexact=club.name)
        if same.exclude(pk=club.pk).exists():
            raise NameTaken
        club.save(using=using)
        return club


def set_waiting_lists(business: Business, values: Mapping[str, Any], *, using: str = "default") -> None:
    """Choose what becomes of a freed place (``waiting_list_promotion``, ``waiting_list_offer_minutes``); one
    statement."""
    names = ("waiting_list_promotion", "waiting_list_offer_minutes")
    Business.objects.using(using).filter(pk=business.pk).update(**{name: values[name] for name in names})
