"""What the desk sees of the schedule: which clubs, and the day of one. Always a fixed number of queries."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import Http404
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.permissions import may
from clubhouse.clients.models import Client
from clubhouse.schedule.clock import DAY, bounds, wall
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.schedule.selectors import HOLDING, count_in_session, with_taken
from clubhouse.team.models import StaffMember

if TYPE_CHECKING:
    from clubhouse.schedule.selectors import SessionWithTaken

#: How a session stands at a moment: the word on its chip, and the chip's look.
STATES = {
    "free": (_("Scheduled"), "good"),
    "full": (_("Full"), "notice"),
    "now": (_("In progress"), "good"),
    "over": (_("Conducted"), "quiet"),
    "cancelled": (_("Cancelled"), "quiet"),
}


# --- who sees which clubs -------------------------------------------------------------------------------------------
def clubs_of(staff: StaffMember) -> list[Club]:
    """The clubs whose schedule a colleague sees: a manager of a club that one, all others every club. One query."""
    return list(_within_reach(staff).order_by(Lower("name"), "pk"))


def _within_reach(staff: StaffMember) -> QuerySet[Club]:
    clubs = Club.objects.filter(business_id=staff.business_id)
    if staff.role == StaffMember.Role.MANAGER and staff.club_id is not None:
        return clubs.filter(pk=staff.club_id)
    return clubs


def find_session(staff: StaffMember, pk: int, now: datetime.datetime) -> SessionWithTaken:
    """A session of the clubs a colleague sees, with ``taken``, ``attended`` and ``waits``. Raises ``Http404`` for any
    other. One query."""
    rows = with_counts(Session.objects.filter(pk=pk, club__in=_within_reach(staff).values("pk")), now)
    session = rows.first()
    if session is None:
        raise Http404
    session.club.business = staff.business
    return session


def with_counts(sessions: QuerySet[Session], now: datetime.datetime) -> QuerySet[SessionWithTaken]:
    """Sessions with club and trainer, annotated ``taken``, ``attended`` and ``waits``."""
    return (
        with_taken(sessions, now)
        .annotate(
            attended=count_in_session(Booking.objects.filter(status=Booking.Status.ATTENDED)),
            waits=count_in_session(WaitingListEntry.objects.all()),
        )
        .select_related("club", "trainer")
    )


# --- the day --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Line:
    """A session as the desk reads it at a moment; times are those on the club's wall."""

    session: SessionWithTaken
    starts: datetime.datetime
    ends: datetime.datetime
    state: str
    clients: list[str] = field(default_factory=list)

    @property
    def free(self) -> int:
        """Places that nobody has and nobody is offered."""
        return max(0, self.session.capacity - self.session.taken)

    @property
    def label(self) -> str:
        """The word on the chip."""
        return str(STATES[self.state][0])

    @property
    def tone(self) -> str:
        """The look of the chip."""
        return STATES[self.state][1]

    @property
    def upcoming(self) -> bool:
        """Whether it is still to begin."""
        return self.state in {"free", "full"}

    @property
    def cancelled(self) -> bool:
        """Whether it will not take place."""
        return self.state == "cancelled"


def line_of(session: SessionWithTaken, now: datetime.datetime, clients: list[str] | None = None) -> Line:
    """How a session with its counts (:func:`with_counts`) stands at ``now``."""
    if session.status == Session.Status.CANCELLED:
        state = "cancelled"
    elif session.status == Session.Status.CONDUCTED or session.ends_at <= now:
        state = "over"
    elif session.starts_at <= now:
        state = "now"
    else:
        state = "full" if session.taken >= session.capacity else "free"
    starts, ends = wall(session.starts_at, session.club), wall(session.ends_at, session.club)
    return Line(session=session, starts=starts, ends=ends, state=state, clients=clients or [])


def day_of(club: Club, day: datetime.date, now: datetime.datetime, staff: StaffMember) -> list[Line]:
    """Classes and appointments of one day in one club, in order of time, and who has the appointments. Two queries."""
    begin, end = bounds(club, day)
    sessions = Session.objects.filter(club=club, starts_at__gte=begin, starts_at__lt=end)
    names: dict[int, list[str]] = defaultdict(list)
    one_to_one = Booking.objects.filter(
        session__in=sessions.filter(kind=Session.Kind.APPOINTMENT),
        status__in=[*HOLDING, Booking.Status.NO_SHOW],
    )
    sees_names = may(staff, "contacts")
    for booking in one_to_one.select_related("client").order_by("pk"):
        names[booking.session_id].append(name_of(booking.client, sees_names))
    return [
        line_of(session, now, names[session.pk])
        for session in with_counts(sessions, now).order_by("starts_at", "title", "pk")
    ]


def into_the_day(club: Club, day: datetime.date, now: datetime.datetime) -> list[Line]:
    """What began on the day before and goes on past midnight; it belongs to that day, and is checked in on this one.
    One query."""
    begin, _end = bounds(club, day)
    sessions = Session.objects.filter(club=club, starts_at__gte=begin - DAY, starts_at__lt=begin)
    rows = with_counts(sessions.exclude(status=Session.Status.CANCELLED), now).order_by("starts_at", "title", "pk")
    return [line_of(session, now) for session in rows if session.ends_at > begin]


def name_of(client: Client, sees_names: bool) -> str:
    """A client's name for those whose group includes Contacts, the club's own id of the client for all others."""
    if sees_names or client.is_erased:
        return client.display_name
    return f"#{client.number}"
