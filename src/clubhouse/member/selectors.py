"""What a member sees: always the member's own, in a fixed number of queries."""

from __future__ import annotations

import datetime
import zoneinfo
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from clubhouse.accounts.models import Business
from clubhouse.billing.selectors import open_account_credits
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.member.models import AppBuild
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.memberships.selectors import active_memberships, unused_packages
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.schedule.selectors import LIVE, upcoming_bookings, upcoming_sessions, waiting, waiting_of, with_taken

#: How many days ahead the app shows.
DAYS = 14


def default_build(business: Business) -> AppBuild | None:
    """The build a member is sent to who names none: the one at the business's own address, or the oldest."""
    builds = list(AppBuild.objects.filter(business=business).select_related("business").order_by("pk"))
    return next((build for build in builds if build.slug == business.slug), builds[0] if builds else None)


# --- time ----------------------------------------------------------------------------------------------------------
def zone_of(club: Club) -> zoneinfo.ZoneInfo:
    """A club's time zone; UTC for an imported club that names one which does not exist."""
    try:
        return zoneinfo.ZoneInfo(club.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def local(session: Session) -> datetime.datetime:
    """When a session starts on the clock of its club's wall: naive, so that a template shows it as it is."""
    return session.starts_at.astimezone(zone_of(session.club)).replace(tzinfo=None)


# --- home ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Place:
    """A place the member has, waits for, or is offered."""

    pk: int
    session: Session
    starts: datetime.datetime
    position: int = 0
    offered_until: datetime.datetime | None = None
    buddy: str = ""


def places(member: Client, now: datetime.datetime) -> list[Place]:
    """The member's upcoming places, soonest first: one query."""
    rows = upcoming_bookings(now).filter(client=member).select_related("session__club", "session__trainer")
    return [_place(row) for row in rows.order_by("session__starts_at", "pk")]


def waits(member: Client, now: datetime.datetime) -> list[Place]:
    """The waiting lists the member is on, with the position in the line or the offer that is open: one query."""
    return [
        Place(
            pk=row.pk,
            session=row.session,
            starts=local(row.session),
            position=row.position,
            offered_until=_still_open(row, now),
        )
        for row in waiting_of(member.pk, now).select_related("session__club", "session__trainer")
    ]


def for_buddies(member: Client, now: datetime.datetime) -> list[Place]:
    """The upcoming places that the member booked for a buddy, soonest first: one query."""
    rows = upcoming_bookings(now).filter(booked_by=member).exclude(client__status=Client.Status.DELETED)
    rows = rows.select_related("session__club", "session__trainer", "client").order_by("session__starts_at", "pk")
    return [_place(row, buddy=row.client.display_name) for row in rows]


def buddies(member: Client) -> list[Client]:
    """The clients whom Book a Buddy links with the member, from either side, by name: one query."""
    ties = ClientLinking.objects.filter(kind=ClientLinking.Kind.BUDDY)
    linked = Q(pk__in=ties.filter(client=member).values("other")) | Q(pk__in=ties.filter(other=member).values("client"))
    found = Client.objects.filter(linked, business_id=member.business_id).exclude(status=Client.Status.DELETED)
    return list(found.order_by(Lower("first_name"), Lower("last_name"), "pk"))


def _place(booking: Booking, buddy: str = "") -> Place:
    return Place(pk=booking.pk, session=booking.session, starts=local(booking.session), buddy=buddy)


def _still_open(entry: WaitingListEntry, now: datetime.datetime) -> datetime.datetime | None:
    until = entry.offered_until
    return until.astimezone(zone_of(entry.session.club)).replace(tzinfo=None) if until and until > now else None


# --- classes by day ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Row:
    """One class of a day, and how the member stands to it."""

    session: Session
    starts: datetime.datetime
    free: int
    over: bool
    booking: int | None = None
    entry: int | None = None
    offered_until: datetime.datetime | None = None


def clubs_of(business: Business) -> list[Club]:
    """The clubs of a business by name."""
    return list(Club.objects.filter(business=business).order_by("name", "pk"))


def classes(member: Client | None, club: Club, day: datetime.date, now: datetime.datetime) -> list[Row]:
    """The classes of one day in one club, and the member's own places in them: three queries.

    Without a member, as anybody may see them.
    """
    zone = zone_of(club)
    start = datetime.datetime.combine(day, datetime.time(), zone)
    end = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), zone)
    sessions = Session.objects.filter(
        club=club, kind=Session.Kind.CLASS, status=Session.Status.SCHEDULED, starts_at__gte=start, starts_at__lt=end
    )
    found = list(with_taken(sessions, now).select_related("trainer").order_by("starts_at", "title", "pk"))
    own = member.pk if member else 0
    mine = dict(Booking.objects.filter(client=own, status=LIVE, session__in=sessions).values_list("session_id", "pk"))
    lines = {entry.session_id: entry for entry in waiting(now).filter(client=own, session__in=sessions)}
    rows = []
    for session in found:
        session.club = club
        entry = lines.get(session.pk)
        if entry is not None:
            entry.session = session
        rows.append(
            Row(
                session=session,
                starts=local(session),
                free=max(0, session.capacity - session.taken),
                over=session.starts_at <= now,
                booking=mine.get(session.pk),
                entry=entry.pk if entry else None,
                offered_until=_still_open(entry, now) if entry else None,
            )
        )
    return rows


def session_for(business: Business, pk: int, now: datetime.datetime) -> QuerySet[Session]:
    """A class of the business that is still to come, as a queryset of at most one."""
    mine = upcoming_sessions(now).filter(pk=pk, club__business=business, kind=Session.Kind.CLASS)
    return mine.select_related("club")


# --- passes --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Passes:
    """What the member has bought and can still use."""

    memberships: list[Membership]
    packages: list[Package]
    credits: list[AccountCredit]

    @property
    def any(self) -> bool:
        """Whether there is anything at all."""
        return bool(self.memberships or self.packages or self.credits)


def passes(member: Client, now: datetime.datetime) -> Passes:
    """Memberships that run, packages with credits left, and money on account: three queries."""
    return Passes(
        memberships=list(active_memberships(now).filter(client=member).order_by("-starts_on", "pk")),
        packages=list(unused_packages(now).filter(client=member).order_by("expires_on", "pk")),
        credits=list(open_account_credits(now).filter(client=member).order_by("granted_on", "pk")),
    )


def settled_by_member(blockers: set[str], member: Client, now: datetime.datetime) -> dict[str, Any]:
    """The rows behind those blockers that a member settles in the app: at most four queries."""
    held = passes(member, now) if blockers & {"active_membership", "unused_credits", "account_credits"} else None
    return {
        "places": places(member, now) if "future_sessions" in blockers else [],
        "memberships": held.memberships if held and "active_membership" in blockers else [],
        "packages": held.packages if held and "unused_credits" in blockers else [],
        "credits": held.credits if held and "account_credits" in blockers else [],
    }
