"""Cancelling: credits come back, appointments go whole, staff are told once, freed places are passed on."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking, Club, Series, Session, WaitingListEntry
from clubhouse.schedule.services import cancel_bookings, cancel_upcoming_for_erasure, leave_waiting_lists
from clubhouse.team.models import StaffMember
from lethe.models import Effect
from tests.support import factories as make

pytestmark = pytest.mark.django_db
CANCELLED = Booking.Status.CANCELLED


def cancel(*bookings: Booking, **options: object):
    rows = Booking.objects.filter(pk__in=[booking.pk for booking in bookings])
    return cancel_bookings(rows, **{"now": timezone.now(), "tell_clients": False} | options)


def test_a_cancelled_place_gives_its_credit_back(club: Club) -> None:
    client = make.make_client(club)
    package = make.make_package(client, credits_used=3)
    bookings = [make.make_booking(make.make_session(club), client, package=package) for _ in range(2)]
    now = timezone.now()
    result = cancel(*bookings, now=now)
    package.refresh_from_db()
    assert (result.bookings, result.credits_returned, package.credits_used) == (2, 2, 1)
    assert {(b.status, b.cancelled_at) for b in Booking.objects.all()} == {(CANCELLED, now)}


def test_a_late_cancellation_keeps_the_credit(club: Club) -> None:
    client = make.make_client(club)
    package = make.make_package(client, credits_used=3)
    booking = make.make_booking(make.make_session(club), client, package=package)
    assert cancel(booking, late=True).credits_returned == 0
    package.refresh_from_db()
    booking.refresh_from_db()
    assert (package.credits_used, booking.status) == (3, Booking.Status.LATE_CANCELLED)


def test_never_more_comes_back_than_was_used(club: Club) -> None:
    client = make.make_client(club)
    package = make.make_package(client, credits_used=1)
    bookings = [make.make_booking(make.make_session(club), client, package=package) for _ in range(3)]
    assert cancel(*bookings).credits_returned == 1
    package.refresh_from_db()
    assert package.credits_used == 0


def test_nothing_comes_back_to_a_package_of_an_erased_client(club: Club) -> None:
    friend = make.make_client(club, status="deleted", first_name="[deleted]")
    package = make.make_package(friend, credits_used=3)
    booking = make.make_booking(make.make_session(club), make.make_client(club), package=package)
    assert cancel(booking).credits_returned == 0
    package.refresh_from_db()
    assert package.credits_used == 3


@pytest.mark.parametrize("which", ["in progress", "over", "cancelled", "attended"])
def test_what_is_not_upcoming_and_live_is_left_alone(club: Club, which: str) -> None:
    client = make.make_client(club)
    days = {"in progress": -0.01, "over": -2}.get(which, 3)
    session = make.make_session(club, days=days, status="cancelled" if which == "cancelled" else "scheduled")
    booking = make.make_booking(session, client, status="attended" if which == "attended" else "booked")
    before = Booking.objects.values().get()
    assert cancel(booking).bookings == 0
    assert Booking.objects.values().get() == before
    assert not Notification.objects.exists()


def test_an_appointment_is_cancelled_whole_and_a_class_goes_on(club: Club, manager: StaffMember) -> None:
    client = make.make_client(club)
    appointment = make.make_session(club, kind="appointment", capacity=1)
    lesson = make.make_session(club)
    result = cancel(make.make_booking(appointment, client), make.make_booking(lesson, client))
    appointment.refresh_from_db()
    lesson.refresh_from_db()
    assert (appointment.status, lesson.status) == (Session.Status.CANCELLED, Session.Status.SCHEDULED)
    assert result.appointments == 1
    assert set(Notification.objects.values_list("session", "kind")) == {
        (appointment.pk, "appointment_cancelled"),
        (lesson.pk, "booking_cancelled"),
    }


def test_an_appointment_for_two_goes_on_for_the_other(club: Club) -> None:
    appointment = make.make_session(club, kind="appointment", capacity=2)
    booking = make.make_booking(appointment, make.make_client(club))
    make.make_booking(appointment, make.make_client(club))
    cancel(booking)
    appointment.refresh_from_db()
    assert appointment.status == Session.Status.SCHEDULED


def in_series(club: Club, *days: int) -> list[Session]:
    series = Series.objects.create(club=club, title="Training")
    return [make.make_session(club, days=day, kind="appointment", capacity=1, series=series) for day in days]


def states(sessions: list[Session]) -> list[str]:
    return [Session.objects.get(pk=session.pk).status for session in sessions]


def test_every_later_appointment_of_the_series_goes_too(club: Club) -> None:
    before, first, second, third = sessions = in_series(club, 1, 2, 9, 16)
    client = make.make_client(club)
    for session in (first, second):
        make.make_booking(session, client)
    cancel_upcoming_for_erasure([client.pk], timezone.now())
    assert states(sessions) == ["scheduled", "cancelled", "cancelled", "cancelled"], "the free slot before stays"
    assert {before.pk, third.pk}.isdisjoint(Booking.objects.values_list("session", flat=True))


def test_a_series_that_others_use_keeps_their_slots_and_the_free_ones(club: Club) -> None:
    sessions = in_series(club, 2, 9, 16)
    client, other = make.make_client(club), make.make_client(club)
    make.make_booking(sessions[0], client)
    theirs = make.make_booking(sessions[1], other)
    cancel_upcoming_for_erasure([client.pk], timezone.now())
    assert states(sessions) == ["cancelled", "scheduled", "scheduled"]
    theirs.refresh_from_db()
    assert theirs.status == Booking.Status.BOOKED


def test_one_cancellation_leaves_the_rest_of_the_series_unless_asked(club: Club) -> None:
    sessions = in_series(club, 2, 9)
    client = make.make_client(club)
    booking = make.make_booking(sessions[0], client)
    make.make_booking(sessions[1], client)
    cancel(booking)
    assert states(sessions) == ["cancelled", "scheduled"]


def test_staff_are_told_once_each_and_not_who(club: Club, manager: StaffMember) -> None:
    trainer = make.make_staff(club.business, club=club)
    make.make_staff(club.business, "administrator")
    make.make_staff(club.business, "manager", club=make.make_club(club.business))
    session = make.make_session(club, trainer=trainer)
    mine = make.make_session(club, trainer=manager)
    clients = [make.make_client(club) for _ in range(3)]
    bookings = [make.make_booking(session, client) for client in clients]
    result = cancel(*bookings, make.make_booking(mine, clients[0]))
    lines = Notification.objects.values_list("recipient", "session", "places", "client")
    assert sorted(lines) == sorted(
        [(trainer.pk, session.pk, 3, None), (manager.pk, session.pk, 3, None), (manager.pk, mine.pk, 1, None)]
    )
    assert result.staff_told == 3
    effect = Effect.objects.get()
    assert effect.kind == "staff.mail"
    assert sorted(effect.payload["notifications"]) == sorted(Notification.objects.values_list("pk", flat=True))


def test_the_administrators_are_told_where_a_club_has_no_manager(club: Club) -> None:
    administrators = {make.make_staff(club.business, "administrator").pk for _ in range(2)}
    make.make_staff(make.make_business(), "administrator")
    cancel(make.make_booking(make.make_session(club), make.make_client(club)))
    assert set(Notification.objects.values_list("recipient", flat=True)) == administrators


def test_who_has_left_the_team_is_not_told(club: Club, manager: StaffMember) -> None:
    gone = make.make_staff(club.business, club=club)
    gone.user.is_active = False
    gone.user.save()
    cancel(make.make_booking(make.make_session(club, trainer=gone), make.make_client(club)))
    assert set(Notification.objects.values_list("recipient", flat=True)) == {manager.pk}


@pytest.mark.parametrize("tell", [True, False])
def test_the_client_hears_of_it_only_where_that_is_wanted(club: Club, tell: bool) -> None:
    client = make.make_client(club)
    session = make.make_session(club)
    cancel(make.make_booking(session, client), tell_clients=tell)
    expected = [(client.pk, session.pk, "booking_cancelled")] if tell else []
    assert list(ClientMessage.objects.values_list("client", "session", "kind")) == expected


def test_an_erasure_cancels_quietly_and_never_passes_a_place_to_the_erased(club: Club, manager: StaffMember) -> None:
    first, second, waiting = (make.make_client(club) for _ in range(3))
    session = make.make_session(club, capacity=2)
    for client in (first, second):
        make.make_booking(session, client)
    full = make.make_session(club, capacity=1)
    make.make_booking(full, first)
    make.make_waiting(full, second, joined_at=make.in_days(-2))
    make.make_waiting(full, waiting)
    emitted: list[tuple[str, dict]] = []
    ids = [first.pk, second.pk]
    counts = cancel_upcoming_for_erasure(
        ids, timezone.now(), emit=lambda kind, payload: emitted.append((kind, payload))
    )
    assert counts["bookings cancelled"] == 3
    assert counts["places given to the waiting list"] == 1
    assert list(full.bookings.filter(status="booked").values_list("client", flat=True)) == [waiting.pk]
    assert not ClientMessage.objects.filter(client__in=ids).exists()
    assert [kind for kind, _ in emitted] == ["staff.mail"]
    assert not Effect.objects.exists(), "the engine records what the action emits"
    assert set(Notification.objects.values_list("session", "places")) == {(session.pk, 2), (full.pk, 1)}


def test_a_place_booked_for_a_buddy_stays_the_buddys(club: Club) -> None:
    client, buddy = make.make_client(club), make.make_client(club)
    session = make.make_session(club)
    theirs = make.make_booking(session, buddy, booked_by=client)
    mine = make.make_booking(session, client, booked_by=buddy)
    cancel_upcoming_for_erasure([client.pk], timezone.now())
    theirs.refresh_from_db()
    mine.refresh_from_db()
    assert (theirs.status, mine.status) == (Booking.Status.BOOKED, CANCELLED)


def test_leaving_the_waiting_lists_passes_a_held_offer_on(club: Club) -> None:
    club.business.waiting_list_promotion = "offer"
    club.business.save()
    client, following = make.make_client(club), make.make_client(club)
    session = make.make_session(club, capacity=1)
    make.make_waiting(session, client, offered_until=make.in_days(0.05))
    entry = make.make_waiting(session, following)
    past = make.make_session(club, days=-3)
    make.make_waiting(past, client)
    counts = leave_waiting_lists([client.pk], timezone.now())
    entry.refresh_from_db()
    assert counts == {
        "waiting list entries removed": 2,
        "places given to the waiting list": 0,
        "places offered to the waiting list": 1,
    }
    assert entry.offered_until is not None
    assert not WaitingListEntry.objects.filter(client=client).exists()
    assert list(ClientMessage.objects.values_list("client", "kind")) == [(following.pk, "place_offered")]


def many(club: Club, count: int) -> list[int]:
    """Clients with a booking each in a session of its own, an appointment of a series, and a full class with a line."""
    trainer = make.make_staff(club.business, club=club)
    now = timezone.now()
    people = [
        Client(
            business=club.business, home_club=club, number=f"X{count}-{n}", first_name=f"F{n}", joined_on=make.today()
        )
        for n in range(2 * count)
    ]
    people = Client.objects.bulk_create(people)
    clients, others = people[:count], people[count:]
    for n, (client, other) in enumerate(zip(clients, others, strict=True)):
        series = Series.objects.create(club=club, title="S")
        rows = Session.objects.bulk_create(
            Session(club=club, title=f"{n}", trainer=trainer, starts_at=now + datetime.timedelta(days=3), **extra)
            for extra in ({"capacity": 1}, {"kind": "appointment", "capacity": 1, "series": series})
        )
        package = make.make_package(client, credits_used=2)
        make.make_package(other)
        for row in rows:
            Booking.objects.create(session=row, client=client, package=package, booked_at=now)
        WaitingListEntry.objects.create(session=rows[0], client=other, joined_at=now)
    return [client.pk for client in clients]


@pytest.mark.parametrize("promotion", ["at_once", "offer"])
def test_one_and_two_hundred_clients_take_the_same_statements(club: Club, manager: StaffMember, promotion: str) -> None:
    club.business.waiting_list_promotion = promotion
    club.business.save()
    taken = []
    for count in (1, 200):
        ids = many(make.make_club(club.business), count) if count == 1 else many(club, count)
        with CaptureQueriesContext(connection) as seen:
            counts = cancel_upcoming_for_erasure(ids, timezone.now())
            leave_waiting_lists(ids, timezone.now())
        passed = counts["places given to the waiting list"] + counts["places offered to the waiting list"]
        assert (counts["bookings cancelled"], counts["appointments cancelled"], passed) == (2 * count, count, count)
        taken.append([query["sql"].split(" ")[0] for query in seen])
    assert taken[0] == taken[1]
    assert len(taken[0]) <= 42
