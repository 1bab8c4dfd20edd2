"""Booking, waiting, accepting an offer, checking in; and every way in which each is refused."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from clubhouse.schedule import exceptions
from clubhouse.schedule.models import Booking, Club
from clubhouse.schedule.selectors import upcoming_bookings, waiting_of
from clubhouse.schedule.services import accept_offer, book, join_waiting_list, leave_waiting_list, mark_attendance
from tests.support import factories as make

pytestmark = pytest.mark.django_db


def test_a_place_is_booked_on_a_credit_of_the_clients_own(club: Club) -> None:
    client, session = make.make_client(club), make.make_session(club)
    package = make.make_package(client)
    booking = book(client, session, now=timezone.now())
    package.refresh_from_db()
    assert (booking.status, booking.package_id, package.credits_used) == ("booked", package.pk, 1)


def test_a_membership_covers_a_place_and_a_frozen_one_does_not(club: Club) -> None:
    covered, frozen = make.make_client(club), make.make_client(club)
    packages = [make.make_package(client) for client in (covered, frozen)]
    make.make_membership(covered)
    make.make_membership(frozen, status="frozen")
    session = make.make_session(club)
    assert book(covered, session, now=timezone.now()).package_id is None
    assert book(frozen, session, now=timezone.now()).package_id == packages[1].pk


def test_an_expired_or_used_up_package_gives_no_credit(club: Club) -> None:
    client = make.make_client(club)
    make.make_package(client, expires_on=make.today() - datetime.timedelta(days=1))
    make.make_package(client, credits_used=4, credits_forfeited=6)
    assert book(client, make.make_session(club), now=timezone.now()).package_id is None


def test_a_buddy_books_for_a_friend(club: Club) -> None:
    client, buddy, session = make.make_client(club), make.make_client(club), make.make_session(club)
    with pytest.raises(exceptions.NotBuddies):
        book(client, session, booked_by=buddy, now=timezone.now())
    make.make_linking("buddy", client, buddy)
    package = make.make_package(client)
    booking = book(client, session, booked_by=buddy, now=timezone.now())
    assert (booking.client_id, booking.booked_by_id, booking.package_id) == (client.pk, buddy.pk, package.pk)


def test_what_cannot_be_booked(club: Club) -> None:
    now = timezone.now()
    client = make.make_client(club)
    session = make.make_session(club, capacity=1)
    with pytest.raises(exceptions.ClientErased):
        book(make.make_client(club, status="deleted"), session, now=now)
    with pytest.raises(exceptions.OtherBusiness):
        book(make.make_client(make.make_club(make.make_business())), session, now=now)
    for days, status in ((-0.01, "scheduled"), (3, "cancelled"), (-2, "conducted")):
        with pytest.raises(exceptions.SessionOver):
            book(client, make.make_session(club, days=days, status=status), now=now)
    book(client, session, now=now)
    with pytest.raises(exceptions.AlreadyBooked):
        book(client, session, now=now)
    with pytest.raises(exceptions.SessionFull, match="Join the waiting list"):
        book(make.make_client(club), session, now=now)
    assert Booking.objects.count() == 1


def test_a_place_on_offer_is_taken_for_all_but_its_holder(club: Club) -> None:
    session = make.make_session(club, capacity=1)
    holder = make.make_client(club)
    make.make_waiting(session, holder, offered_until=make.in_days(0.05))
    with pytest.raises(exceptions.SessionFull):
        book(make.make_client(club), session, now=timezone.now())
    assert book(holder, session, now=timezone.now()).client_id == holder.pk
    assert not session.waiting_list.exists()


def test_the_waiting_list_is_for_full_sessions_and_keeps_the_order(club: Club) -> None:
    now = timezone.now()
    session = make.make_session(club, capacity=1)
    first, second = make.make_client(club), make.make_client(club)
    with pytest.raises(exceptions.PlaceFree):
        join_waiting_list(first, session, now=now)
    there = make.make_client(club)
    book(there, session, now=now)
    with pytest.raises(exceptions.AlreadyBooked):
        join_waiting_list(there, session, now=now)
    entry = join_waiting_list(first, session, now=now)
    join_waiting_list(second, session, now=now + datetime.timedelta(minutes=1))
    assert join_waiting_list(first, session, now=now + datetime.timedelta(hours=1)).joined_at == entry.joined_at
    assert [waiting_of(client.pk, now).get().position for client in (first, second)] == [1, 2]
    leave_waiting_list(entry, now=now)
    assert waiting_of(second.pk, now).get().position == 1


def test_an_offer_is_accepted_while_it_lasts(club: Club) -> None:
    now = timezone.now()
    session = make.make_session(club, capacity=1)
    client = make.make_client(club)
    entry = make.make_waiting(session, client, offered_until=now + datetime.timedelta(minutes=5))
    with pytest.raises(exceptions.OfferOver):
        accept_offer(entry, now=now + datetime.timedelta(minutes=5))
    assert accept_offer(entry, now=now).client_id == client.pk
    with pytest.raises(exceptions.AlreadyBooked):
        accept_offer(entry, now=now)


def test_an_erased_client_accepts_nothing(club: Club) -> None:
    client = make.make_client(club, status="deleted")
    entry = make.make_waiting(make.make_session(club), client, offered_until=make.in_days(0.05))
    with pytest.raises(exceptions.ClientErased):
        accept_offer(entry, now=timezone.now())
    assert not client.bookings.exists()


def test_attendance_is_marked_for_a_deleted_client_too(club: Club) -> None:
    session = make.make_session(club, days=-0.01, status="scheduled")
    booking = make.make_booking(session, make.make_client(club, status="deleted"), status="booked")
    mark_attendance(booking, "attended", now=timezone.now())
    assert Booking.objects.get().status == "attended"
    mark_attendance(booking, "no_show", now=timezone.now())
    assert Booking.objects.get().status == "no_show"


def test_attendance_opens_an_hour_before_and_no_show_with_the_start(club: Club) -> None:
    session = make.make_session(club, days=1)
    booking = make.make_booking(session, make.make_client(club))
    soon = session.starts_at - datetime.timedelta(hours=1)
    with pytest.raises(exceptions.AttendanceNotOpen):
        mark_attendance(booking, "attended", now=soon - datetime.timedelta(seconds=1))
    mark_attendance(booking, "attended", now=soon)
    with pytest.raises(exceptions.AttendanceNotOpen):
        mark_attendance(booking, "no_show", now=soon)
    mark_attendance(booking, "booked", now=soon)
    assert Booking.objects.get().status == "booked"


def test_a_cancelled_place_has_no_attendance(club: Club) -> None:
    session = make.make_session(club, days=-1)
    booking = make.make_booking(session, make.make_client(club), status="cancelled")
    with pytest.raises(exceptions.NotLive):
        mark_attendance(booking, "attended", now=timezone.now())
    with pytest.raises(ValueError, match="is no attendance"):
        mark_attendance(booking, "cancelled", now=timezone.now())


def test_a_class_in_progress_is_not_upcoming(club: Club) -> None:
    client = make.make_client(club)
    ahead = make.make_booking(make.make_session(club), client)
    make.make_booking(make.make_session(club, days=-0.01, status="scheduled"), client, status="booked")
    make.make_booking(make.make_session(club, status="cancelled"), client)
    assert list(upcoming_bookings(timezone.now())) == [ahead]
