"""Eleven weeks of classes and appointments, and who comes: eight behind us, three ahead."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from clubhouse.clients.models import Client
from clubhouse.demo import names
from clubhouse.demo.world import WEEKS_AHEAD, WEEKS_BACK, World
from clubhouse.memberships.models import Package
from clubhouse.schedule.models import Booking, Club, Series, Session, WaitingListEntry

WEEKDAY = ("06:30", "09:30", "12:15", "17:30", "18:45")
WEEKEND = ("08:30", "10:00", "16:00")
COMERS = ("member", "package holder", "former member", "member sign-in", "everything")


def make_sessions(world: World) -> None:
    """Classes in every club, every day."""
    made: list[Session] = []
    for club_at, club in enumerate(world.clubs):
        trainers = world.trainers[club_at::3]
        for day in range(-7 * WEEKS_BACK, 7 * WEEKS_AHEAD + 1):
            date = world.ago(-day)
            for hour in WEEKEND if date.weekday() > 4 else WEEKDAY:
                title, minutes, capacity = world.chance.choice(names.CLASSES)
                made.append(
                    _session(
                        world,
                        club,
                        date,
                        hour,
                        title=title,
                        minutes=minutes,
                        capacity=capacity,
                        trainer=world.chance.choice(trainers),
                        reference=f"class-{len(made) + 1}",
                    )
                )
    world.sessions = Session.objects.bulk_create(made)


def _session(world: World, club: Club, date: datetime.date, hour: str, *, minutes: int, **fields: object) -> Session:
    starts = datetime.datetime.combine(date, datetime.time.fromisoformat(hour), tzinfo=ZoneInfo(club.timezone))
    over = starts + datetime.timedelta(minutes=minutes) <= world.now
    cancelled = over and world.chance.random() < 0.03
    status = Session.Status.CANCELLED if cancelled else Session.Status.CONDUCTED if over else Session.Status.SCHEDULED
    return Session(club=club, starts_at=starts, minutes=minutes, status=status, **fields)


def make_bookings(world: World) -> None:
    """Places in the classes, paid from packages where there is one, and waiting lists where a class is full."""
    regulars = {club.pk: [c for c in world.showing(*COMERS) if c.home_club_id == club.pk] for club in world.clubs}
    packages = {package.client_id: package for package in world.packages if package.name != "Untouched"}
    bookings: list[Booking] = []
    waiting: list[WaitingListEntry] = []
    for session in world.sessions:
        begun = session.starts_at <= world.now
        comers = [c for c in regulars[session.club_id] if begun or world.shows[c.number] != "former member"]
        full = world.chance.random() < 0.1
        # The next days fill up, the weeks after have just begun to.
        near = session.starts_at < world.now + datetime.timedelta(days=7)
        usual = world.chance.randrange(2, session.capacity * 3 // 4 if near else session.capacity // 2)
        places = session.capacity if full else usual
        chosen = world.chance.sample(comers, min(len(comers), places + 3))
        bookings += (_booking(world, session, client, packages.get(client.pk)) for client in chosen[:places])
        if full and not begun:
            joined = world.now - datetime.timedelta(hours=world.chance.randrange(2, 40))
            for n, client in enumerate(chosen[places : places + world.chance.randrange(0, 4)]):
                waiting.append(
                    WaitingListEntry(session=session, client=client, joined_at=joined + datetime.timedelta(minutes=n))
                )
    bookings += _for_certain(world, bookings, waiting)
    Booking.objects.bulk_create(bookings)
    WaitingListEntry.objects.bulk_create(waiting)
    Package.objects.bulk_update(packages.values(), ["credits_used"])


def _booking(world: World, session: Session, client: Client, package: Package | None) -> Booking:
    chance = world.chance
    booked_at = min(world.now, session.starts_at) - datetime.timedelta(hours=chance.randrange(3, 200))
    live = Booking.Status.BOOKED
    status: str
    if session.status == Session.Status.CANCELLED:
        status = Booking.Status.CANCELLED
    elif session.status == Session.Status.CONDUCTED:
        outcomes = ("attended", "no_show", "late_cancelled", "cancelled")
        status = chance.choices(outcomes, weights=(84, 6, 4, 6))[0]
    else:
        status = (
            live
            if world.shows[client.number] in {"member sign-in", "everything"} or chance.random() < 0.93
            else (Booking.Status.CANCELLED)
        )
    booking = Booking(session=session, client=client, status=status, booked_at=booked_at)
    if status == Booking.Status.CANCELLED:
        booking.cancelled_at = booked_at + datetime.timedelta(hours=1)
    elif package is not None and _takes_credit(package, session):
        booking.package = package
    if chance.random() < 0.03:
        booking.note = chance.choice(names.BOOKING_NOTES)
    return booking


def _takes_credit(package: Package, session: Session) -> bool:
    if package.expires_on is not None and package.expires_on < session.starts_at.date():
        return False
    if package.credits_used >= package.credits_total - 1:
        return False
    package.credits_used += 1
    return True


def _for_certain(world: World, bookings: list[Booking], waiting: list[WaitingListEntry]) -> Iterator[Booking]:
    """What the demo promises whatever the dice say: an upcoming place for those who show one."""
    upcoming = [s for s in world.sessions if s.starts_at > world.now and s.club_id == world.clubs[0].pk]
    there = {(booking.session_id, booking.client_id) for booking in bookings}
    there |= {(entry.session_id, entry.client_id) for entry in waiting}
    taken: dict[int, int] = {}
    for booking in bookings:
        if booking.status == Booking.Status.BOOKED:
            taken[booking.session_id] = taken.get(booking.session_id, 0) + 1
    for client in world.showing("member sign-in", "future session", "everything"):
        wanted = 3
        for session in upcoming[4::9]:
            free = taken.get(session.pk, 0) < session.capacity
            if wanted and free and (session.pk, client.pk) not in there:
                wanted -= 1
                taken[session.pk] = taken.get(session.pk, 0) + 1
                yield Booking(
                    session=session, client=client, status=Booking.Status.BOOKED, booked_at=world.now, note=""
                )


def make_appointments(world: World) -> None:
    """One-to-one appointments: weekly series, and a few on their own."""
    regulars = [*world.showing("everything"), *world.showing("member")[:7]]
    series = Series.objects.bulk_create(Series(club=c.home_club, title="Personal training") for c in regulars)
    planned: list[tuple[Client, Session]] = []
    for n, (client, its) in enumerate(zip(regulars, series, strict=True)):
        trainer = world.trainers[n % len(world.trainers)]
        for week in range(-WEEKS_BACK, WEEKS_AHEAD + 1):
            date = world.ago(-7 * week - n % 5)
            planned.append((client, _appointment(world, client, date, f"{10 + n % 6}:00", trainer=trainer, series=its)))
    for n, client in enumerate(world.showing("package holder")[:12]):
        trainer = world.trainers[n % len(world.trainers)]
        planned.append((client, _appointment(world, client, world.ago(n * 3 - 15), "14:00", trainer=trainer)))
    for n, (_, session) in enumerate(planned, 1):
        session.reference = f"appointment-{n}"
    sessions = Session.objects.bulk_create(session for _, session in planned)
    Booking.objects.bulk_create(
        _booking(world, session, client, None) for session, (client, _) in zip(sessions, planned, strict=True)
    )
    world.sessions += sessions


def _appointment(world: World, client: Client, date: datetime.date, hour: str, **fields: object) -> Session:
    kind = Session.Kind.APPOINTMENT
    title = "Personal training"
    return _session(world, client.home_club, date, hour, minutes=50, kind=kind, title=title, capacity=1, **fields)
