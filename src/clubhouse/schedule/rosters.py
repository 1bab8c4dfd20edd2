"""What the page of a session shows: who comes, who waits, and whom to book. Always a fixed number of queries."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, F, Q, QuerySet, When
from django.db.models.functions import Lower
from django.utils.translation import gettext, ngettext

from clubhouse.accounts.permissions import may
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.clients.selectors import search, visible
from clubhouse.memberships.selectors import unused_packages
from clubhouse.schedule.clock import wall
from clubhouse.schedule.desk import Line, name_of
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.selectors import HOLDING, LIVE, covering_memberships, upcoming_sessions
from clubhouse.schedule.services import CHECK_IN_OPENS
from clubhouse.team.models import StaffMember

if TYPE_CHECKING:
    from clubhouse.memberships.selectors import PackageWithLeft

#: How many clients a search for whom to book shows.
FOUND = 20


# --- a session ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of the roster, and what can be done with it now. ``may_open``: the reader finds this client's profile."""

    booking: Booking
    name: str
    may_open: bool
    can_cancel: bool = False
    can_check_in: bool = False
    can_miss: bool = False
    can_undo: bool = False


@dataclass(frozen=True, kw_only=True)
class Waits:
    """A line of the waiting list: who, as which number, and until when (on the club's wall) the place is on offer."""

    entry: WaitingListEntry
    name: str
    may_open: bool
    position: int
    offered_until: datetime.datetime | None = None


def roster(staff: StaffMember, line: Line, now: datetime.datetime) -> list[Place]:
    """Who has or had a place, in order of names, erased clients last and without a name (row F6). Two queries."""
    session, marks = line.session, Booking.Status
    known = _openable(staff, session.bookings.all())
    sees_names = may(staff, "contacts")
    rows = session.bookings.exclude(status=marks.CANCELLED).select_related("client", "booked_by", "package")
    open_from = session.starts_at - CHECK_IN_OPENS
    places = []
    for booking in rows.order_by(*_by_name("client")):
        is_booked, off = booking.status == marks.BOOKED, line.cancelled
        places.append(
            Place(
                booking=booking,
                name=name_of(booking.client, sees_names),
                may_open=booking.client_id in known,
                can_cancel=is_booked and line.upcoming,
                can_check_in=booking.status in {marks.BOOKED, marks.NO_SHOW} and not off and now >= open_from,
                can_miss=booking.status in {marks.BOOKED, marks.ATTENDED} and not off and now >= session.starts_at,
                can_undo=booking.status in {marks.ATTENDED, marks.NO_SHOW} and not off,
            )
        )
    return places


def waiting_line(staff: StaffMember, session: Session, now: datetime.datetime) -> list[Waits]:
    """Who waits for a place, first come first. Two queries."""
    known = _openable(staff, session.waiting_list.all())
    sees_names = may(staff, "contacts")
    rows = session.waiting_list.exclude(client__status=Client.Status.DELETED).select_related("client")
    return [
        Waits(
            entry=entry,
            name=name_of(entry.client, sees_names),
            may_open=entry.client_id in known,
            position=position,
            offered_until=wall(entry.offered_until, session.club)
            if entry.offered_until and entry.offered_until > now
            else None,
        )
        for position, entry in enumerate(rows.order_by("joined_at", "pk"), 1)
    ]


def _openable(staff: StaffMember, rows: QuerySet[Any]) -> set[int]:
    """The clients of these rows whose profile the reader finds."""
    if not may(staff, "contacts"):
        return set()
    return set(visible(staff).filter(pk__in=rows.order_by().values("client")).values_list("pk", flat=True))


def _by_name(client: str) -> list[Any]:
    erased = When(**{f"{client}__status": Client.Status.DELETED}, then=1)
    return [Case(erased, default=0), Lower(f"{client}__last_name"), Lower(f"{client}__first_name"), "pk"]


# --- whom to book ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A client who was searched for: how the place would be paid, and how they stand to the session."""

    client: Client
    paid_with: str
    pays: bool
    buddies: list[Client]
    has_place: bool
    waits: bool


def candidates(staff: StaffMember, session: Session, query: str, now: datetime.datetime) -> tuple[list[Candidate], int]:
    """The first clients that a search finds (row H1), and how many there are in all. Seven queries."""
    found = search(staff, query)
    clients = list(found[:FOUND])
    count = found.count() if len(clients) == FOUND else len(clients)
    keys = [client.pk for client in clients]
    covered = set(covering_memberships(now).filter(client__in=keys).values_list("client_id", flat=True))
    packages: dict[int, list[PackageWithLeft]] = defaultdict(list)
    for package in unused_packages(now).filter(client__in=keys).order_by(F("expires_on").asc(nulls_last=True), "pk"):
        packages[package.client_id].append(package)
    buddies: dict[int, list[Client]] = defaultdict(list)
    links = ClientLinking.objects.filter(kind=ClientLinking.Kind.BUDDY).filter(Q(client__in=keys) | Q(other__in=keys))
    for link in links.select_related("client", "other").order_by("pk"):
        for one, other in ((link.client, link.other), (link.other, link.client)):
            if other not in buddies[one.pk] and not other.is_erased:
                buddies[one.pk].append(other)
    there = set(session.bookings.filter(client__in=keys, status__in=HOLDING).values_list("client_id", flat=True))
    waits = set(session.waiting_list.filter(client__in=keys).values_list("client_id", flat=True))
    return [
        Candidate(
            client=client,
            paid_with=_paid_with(client.pk in covered, packages[client.pk]),
            pays=client.pk in covered or bool(packages[client.pk]),
            buddies=buddies[client.pk],
            has_place=client.pk in there,
            waits=client.pk in waits,
        )
        for client in clients
    ], count


def _paid_with(covered: bool, packages: list[PackageWithLeft]) -> str:
    """What a place would be paid with: the same that ``take_credits`` would choose."""
    if covered:
        return gettext("Covered by the membership")
    if packages:
        left = packages[0].left
        said = ngettext("A credit of “%(name)s” (%(left)d left)", "A credit of “%(name)s” (%(left)d left)", left)
        return said % {"name": packages[0].name, "left": left}
    return gettext("No credit and no membership")


# --- cancelling a session -------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Consequences:
    """What cancelling sessions would do, in numbers."""

    sessions: int
    bookings: int
    credits: int
    waiting: int


def consequences(sessions: QuerySet[Session]) -> Consequences:
    """What :func:`~clubhouse.schedule.sessions.cancel_sessions` would do. Three queries."""
    keys = sessions.order_by().values("pk")
    live = Booking.objects.filter(session__in=keys, status=LIVE)
    counts = live.aggregate(bookings=Count("pk"), credits=Count("package"))
    waiting = WaitingListEntry.objects.filter(session__in=keys)
    return Consequences(sessions=sessions.count(), waiting=waiting.count(), **counts)


def later_sessions(session: Session, now: datetime.datetime) -> QuerySet[Session]:
    """This session and, where it is one of a series, every later one that is still to begin."""
    this = Q(pk=session.pk)
    if session.series_id is not None:
        this |= Q(series_id=session.series_id, starts_at__gte=session.starts_at, pk__in=upcoming_sessions(now))
    return Session.objects.filter(this, status=Session.Status.SCHEDULED)
