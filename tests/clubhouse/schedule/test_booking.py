"""Booking a client in from the page of a session: whom the search finds, how it is paid, and every refusal in words."""

from __future__ import annotations

import datetime

import pytest
from django.test import Client as Browser
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.schedule import exceptions
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.schedule.services import book, mark_attendance
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import rows, said, show, to_session
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Browser, employee: StaffMember) -> Browser:
    return sign_in(client, employee)


@pytest.fixture
def session(club: Club) -> Session:
    return make.make_session(club, capacity=2)


@pytest.fixture
def who(club: Club) -> Client:
    return make.make_client(
        club, first_name="Wren", last_name="Ashdown", number="N-77", email="wren@example.com", mobile_no="07700 900123"
    )


def attempt(desk: Browser, session: Session, who: Client, **data: object) -> str:
    return said(desk.post(to_session("book", session), {"client": who.pk, **data}))


@pytest.mark.parametrize("query", ["ashdown wren", "WREN@example", "+44 7700 900123", "n-77"])
def test_a_client_is_found_by_name_address_number_and_id(
    desk: Browser, session: Session, who: Client, query: str
) -> None:
    make.make_client(session.club, first_name="Nobody", last_name="Else")
    assert [row.split()[0] for row in rows(show(desk, session, q=query), "book")] == ["Wren"]
    assert "No client matches" in show(desk, session, q="zzzz")


def test_the_page_says_what_the_place_is_paid_with(desk: Browser, session: Session, who: Client) -> None:
    assert "No credit and no membership" in show(desk, session, q="Wren")
    make.make_package(who, name="Five classes", credits_total=5, credits_used=2)
    make.make_package(who, name="Expired", expires_on=make.today() - datetime.timedelta(days=1))
    assert "A credit of “Five classes” (3 left)" in show(desk, session, q="Wren")
    make.make_membership(who)
    assert "Covered by the membership" in show(desk, session, q="Wren")


def test_a_client_is_booked_on_a_credit_and_not_twice(desk: Browser, session: Session, who: Client) -> None:
    package = make.make_package(who)
    assert attempt(desk, session, who) == "The client has a place, for one credit."
    assert "has a place in this session already" in attempt(desk, session, who)
    package.refresh_from_db()
    assert (package.credits_used, Booking.objects.count()) == (1, 1)
    assert "Has a place already" in show(desk, session, q="Wren")


def test_a_checked_in_client_is_not_booked_again(club: Club, who: Client) -> None:
    soon = make.make_session(club, days=0.03, capacity=2)
    now = timezone.now()
    mark_attendance(book(who, soon, now=now), Booking.Status.ATTENDED, now=now)
    with pytest.raises(exceptions.AlreadyBooked):
        book(who, soon, now=now)
    book(make.make_client(club), soon, now=now)
    with pytest.raises(exceptions.SessionFull):
        book(make.make_client(club), soon, now=now)


def test_without_a_credit_the_desk_has_to_say_so(desk: Browser, session: Session, who: Client) -> None:
    make.make_membership(who, status="frozen")
    make.make_package(who, credits_used=10)
    assert "no active membership and no credit left" in attempt(desk, session, who)
    assert not Booking.objects.exists()
    assert "Book without a credit" in show(desk, session, q="Wren")
    assert attempt(desk, session, who, unpaid="yes") == "The client has a place."
    assert Booking.objects.get().package_id is None


def test_a_membership_needs_no_credit(desk: Browser, session: Session, who: Client) -> None:
    make.make_membership(who)
    assert attempt(desk, session, who) == "The client has a place."


def test_a_buddy_books_on_the_friends_credit(desk: Browser, session: Session, who: Client) -> None:
    buddy = make.make_client(session.club, first_name="Bud", last_name="Oakley")
    package = make.make_package(who)
    assert "not linked by Book a Buddy" in attempt(desk, session, who, booked_by=buddy.pk)
    assert "Oakley" not in show(desk, session, q="Wren")
    make.make_linking("buddy", who, buddy)
    assert "booked by Bud Oakley" in show(desk, session, q="Wren")
    assert "for one credit" in attempt(desk, session, who, booked_by=buddy.pk)
    place = Booking.objects.get()
    assert (place.client, place.booked_by, place.package) == (who, buddy, package)
    assert "booked by Bud Oakley" in rows(show(desk, session), "roster")[0]


def test_a_full_session_has_a_waiting_list(desk: Browser, session: Session, who: Client) -> None:
    assert "There is a free place" in said(desk.post(to_session("wait", session), {"client": who.pk}))
    for _ in range(2):
        make.make_booking(session, make.make_client(session.club))
    assert "Join the waiting list" in attempt(desk, session, who, unpaid="yes")
    page = show(desk, session, q="Wren")
    assert "Add to the waiting list" in page
    assert "Book without a credit" not in page
    for _ in range(2):
        assert "is on the waiting list" in said(desk.post(to_session("wait", session), {"client": who.pk}))
    assert WaitingListEntry.objects.get().client == who
    assert "Is on the waiting list" in show(desk, session, q="Wren")


def test_what_has_begun_or_is_cancelled_is_not_booked(desk: Browser, club: Club, who: Client) -> None:
    for fields in ({"days": -0.01, "status": "scheduled"}, {"status": "cancelled"}):
        over = make.make_session(club, **fields)
        assert 'id="book"' not in show(desk, over, q="Wren")
        assert "Choose one that is still to come" in attempt(desk, over, who, unpaid="yes")
        assert "Choose one that is still to come" in said(desk.post(to_session("wait", over), {"client": who.pk}))


def test_a_deleted_client_is_read_only(
    desk: Browser, session: Session, administrator: StaffMember, who: Client
) -> None:
    Client.objects.filter(pk=who.pk).update(status="deleted")
    assert desk.post(to_session("book", session), {"client": who.pk}).status_code == 404
    sign_in(desk, administrator)
    for name in ("book", "wait"):
        assert "read-only" in said(desk.post(to_session(name, session), {"client": who.pk}))
    assert not Booking.objects.exists()
    assert rows(show(desk, session, q="Wren"), "book") == []


@pytest.mark.parametrize("key", ["", "x", "-1", "9" * 40, "٣"])
def test_a_client_who_is_none(desk: Browser, session: Session, key: str) -> None:
    for name in ("book", "wait"):
        assert desk.post(to_session(name, session), {"client": key}).status_code == 404


def test_another_business_and_another_managers_clients_are_not_found(
    client: Browser, session: Session, manager: StaffMember, stranger: StaffMember
) -> None:
    theirs = make.make_client(make.make_club(stranger.business), first_name="Wren")
    elsewhere = make.make_client(make.make_club(manager.business), first_name="Wren")
    sign_in(client, manager)
    assert rows(show(client, session, q="Wren"), "book") == []
    for other in (theirs, elsewhere):
        for name in ("book", "wait"):
            assert client.post(to_session(name, session), {"client": other.pk}).status_code == 404
    mine = make.make_client(session.club)
    assert client.post(to_session("book", session), {"client": mine.pk, "booked_by": theirs.pk}).status_code == 404
    assert not Booking.objects.exists()


def test_no_name_rests_in_a_message(desk: Browser, session: Session, who: Client) -> None:
    for name in ("book", "wait"):
        words = said(desk.post(to_session(name, session), {"client": who.pk, "unpaid": "yes"}))
        assert "Wren" not in words
