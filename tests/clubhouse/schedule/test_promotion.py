"""A freed place goes to the next in line, and to nobody who is erased, excluded or there already."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import ClientMessage
from clubhouse.privacy import outstanding
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.schedule.services import cancel_bookings, expire_offers, offer_freed_places
from lethe.models import Effect
from tests.support import factories as make

pytestmark = pytest.mark.django_db


def offering(club: Club, minutes: int = 120) -> None:
    club.business.waiting_list_promotion = "offer"
    club.business.waiting_list_offer_minutes = minutes
    club.business.save()


def line(session: Session, count: int) -> list[Client]:
    """So many clients on the waiting list, first come first; made in the opposite order, so that keys do not help."""
    clients = [make.make_client(session.club) for _ in range(count)]
    for hours, client in reversed(list(enumerate(clients))):
        make.make_waiting(session, client, joined_at=timezone.now() - datetime.timedelta(hours=count - hours))
    return clients


def present(session: Session) -> list[int]:
    return list(session.bookings.filter(status="booked").order_by("pk").values_list("client", flat=True))


def test_the_first_in_line_has_the_place_at_once(club: Club) -> None:
    session = make.make_session(club, capacity=2)
    first, second, third = line(session, 3)
    passed = offer_freed_places({session.pk: 2}, now=timezone.now())
    assert (passed.given, passed.offered) == (2, 0)
    assert present(session) == [first.pk, second.pk]
    assert list(session.waiting_list.values_list("client", flat=True)) == [third.pk]
    assert set(ClientMessage.objects.values_list("client", "kind")) == {(c.pk, "place_given") for c in (first, second)}


def test_the_first_in_line_is_offered_the_place_for_a_while(club: Club) -> None:
    offering(club, minutes=90)
    session = make.make_session(club, capacity=1)
    first, second = line(session, 2)
    now = timezone.now()
    passed = offer_freed_places([session.pk], now=now)
    assert (passed.given, passed.offered) == (0, 1)
    until = dict(session.waiting_list.values_list("client", "offered_until"))
    assert until == {first.pk: now + datetime.timedelta(minutes=90), second.pk: None}
    assert list(ClientMessage.objects.values_list("client", "kind")) == [(first.pk, "place_offered")]


def test_no_offer_lasts_longer_than_until_the_session_begins(club: Club) -> None:
    offering(club, minutes=600)
    session = make.make_session(club, days=0.1, capacity=1)
    line(session, 1)
    offer_freed_places([session.pk], now=timezone.now())
    assert session.waiting_list.get().offered_until == session.starts_at


def test_a_place_on_offer_is_not_free(club: Club) -> None:
    offering(club)
    session = make.make_session(club, capacity=1)
    line(session, 2)
    for _ in range(2):
        offer_freed_places([session.pk], now=timezone.now())
    assert session.waiting_list.exclude(offered_until=None).count() == 1


def test_an_oversold_session_has_nothing_to_give(club: Club) -> None:
    session = make.make_session(club, capacity=1)
    leaving, staying = make.make_client(club), make.make_client(club)
    booking = make.make_booking(session, leaving)
    make.make_booking(session, staying)
    line(session, 1)
    cancel_bookings(Booking.objects.filter(pk=booking.pk), now=timezone.now(), tell_clients=False)
    assert present(session) == [staying.pk]


@pytest.mark.parametrize("promotion", ["at_once", "offer"])
def test_nobody_erased_excluded_or_present_gets_a_place(club: Club, promotion: str) -> None:
    club.business.waiting_list_promotion = promotion
    club.business.save()
    session = make.make_session(club, capacity=5)
    erased, excluded, there, free = line(session, 4)
    Client.objects.filter(pk=erased.pk).update(status="deleted")
    make.make_booking(session, there)
    offer_freed_places([session.pk], now=timezone.now(), excluding=[excluded.pk])
    got = set(present(session)) - {there.pk} | set(
        session.waiting_list.exclude(offered_until=None).values_list("client", flat=True)
    )
    assert got == {free.pk}
    assert set(ClientMessage.objects.values_list("client", flat=True)) == {free.pk}


@pytest.mark.parametrize(("days", "status"), [(-0.01, "scheduled"), (3, "cancelled"), (-3, "conducted")])
def test_a_session_that_is_not_upcoming_gives_nothing(club: Club, days: float, status: str) -> None:
    session = make.make_session(club, days=days, status=status)
    line(session, 1)
    assert offer_freed_places([session.pk], now=timezone.now()).given == 0


def test_each_business_has_its_own_way(club: Club) -> None:
    other = make.make_club(make.make_business(waiting_list_promotion="offer"))
    sessions = [make.make_session(place, capacity=1) for place in (club, other)]
    for session in sessions:
        line(session, 1)
    passed = offer_freed_places([session.pk for session in sessions], now=timezone.now())
    assert (passed.given, passed.offered) == (1, 1)
    assert [len(present(session)) for session in sessions] == [1, 0]


def test_a_given_place_uses_a_credit_where_no_membership_covers_it(club: Club) -> None:
    session = make.make_session(club, capacity=3)
    paying, member, neither = line(session, 3)
    later = make.make_package(paying, expires_on=make.today() + datetime.timedelta(days=60))
    sooner = make.make_package(paying, expires_on=make.today() + datetime.timedelta(days=6))
    make.make_membership(member)
    make.make_package(member)
    make.make_package(neither, credits_used=10)
    offer_freed_places([session.pk], now=timezone.now())
    used = dict(session.bookings.values_list("client", "package"))
    assert used == {paying.pk: sooner.pk, member.pk: None, neither.pk: None}
    sooner.refresh_from_db()
    later.refresh_from_db()
    assert (sooner.credits_used, later.credits_used) == (1, 0)


def test_the_last_credit_is_used_once(club: Club) -> None:
    sessions = [make.make_session(club, capacity=1) for _ in range(2)]
    client = make.make_client(club)
    package = make.make_package(client, credits_used=9)
    for session in sessions:
        make.make_waiting(session, client)
    offer_freed_places([session.pk for session in sessions], now=timezone.now())
    package.refresh_from_db()
    assert package.credits_used == 10
    assert sorted(client.bookings.values_list("package", flat=True), key=str) == [package.pk, None]


def test_an_offer_that_ran_out_goes_to_the_next_and_not_to_the_same_again(club: Club) -> None:
    offering(club)
    session = make.make_session(club, capacity=1)
    first, second = line(session, 2)
    now = timezone.now()
    offer_freed_places([session.pk], now=now)
    assert expire_offers(now).offered == 0, "it runs for two hours"
    assert expire_offers(now + datetime.timedelta(hours=2)).offered == 1
    assert list(session.waiting_list.values_list("client", flat=True)) == [second.pk]
    assert session.waiting_list.get().offered_until == now + datetime.timedelta(hours=4)
    assert expire_offers(now + datetime.timedelta(hours=4)).offered == 0
    assert not WaitingListEntry.objects.exists()
    assert not first.bookings.exists()


def test_what_is_to_be_offered_again_is_seen_failing_by_its_own_business(
    club: Club, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if everybody who waits were under erasure at this moment; test_races.py has the real thing, on PostgreSQL."""
    other = make.make_club(make.make_business())
    sessions = [make.make_session(place, capacity=1) for place in (club, other, other)]
    for session in sessions:
        line(session, 1)
    monkeypatch.setattr("clubhouse.schedule.promotion.hold_clients", lambda *args, **kwargs: set())
    offer_freed_places([session.pk for session in sessions], now=timezone.now())
    assert outstanding.find(club.business).total == 0, "an effect that has not failed yet is no trouble"
    Effect.objects.filter(kind="schedule.offer_places").update(attempts=1, last_error="It did not work.")
    for place, keys in ((club, [sessions[0].pk]), (other, [sessions[1].pk, sessions[2].pk])):
        found = outstanding.find(place.business)
        assert [row.label for row in found.listed] == ["Offer freed places to the next in line"]
        assert Effect.objects.get(pk=found.listed[0].pk).payload["sessions"] == keys
