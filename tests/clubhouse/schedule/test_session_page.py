"""The page of a session: roster, checking in, cancelling a place, the waiting list."""

from __future__ import annotations

import datetime
import re

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.clients.models import ClientLinking
from clubhouse.memberships.models import Package
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import many_clients, rows, said, show, to_booking, to_entry
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
SOON = 0.03


@pytest.fixture
def desk(client: Browser, employee: StaffMember) -> Browser:
    return sign_in(client, employee)


def test_the_roster_by_name_with_erased_people_last_and_told_apart(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=-1)
    for number in ("D1", "D2"):
        erased = make.make_client(club, first_name="[deleted]", last_name="", number=number, status="deleted")
        make.make_booking(session, erased)
    for first, last, status in (("Zoe", "Adams", "no_show"), ("Ann", "Brook", "attended"), ("Cy", "Cole", "cancelled")):
        make.make_booking(session, make.make_client(club, first_name=first, last_name=last), status=status)
    page = show(desk, session)
    names = [row.partition(" Attended")[0].partition(" No-show")[0] for row in rows(page, "roster")]
    assert names == ["Zoe Adams", "Ann Brook", "[deleted] #D1", "[deleted] #D2"]
    assert len(re.findall(r"/clients/\d+/", page)) == 2, "a deleted client has no profile to open"


def test_a_manager_opens_the_own_clubs_clients_only(client: Browser, club: Club, manager: StaffMember) -> None:
    visitor = make.make_client(make.make_club(club.business))
    session = make.make_session(club)
    make.make_booking(session, visitor)
    page = show(sign_in(client, manager), session)
    assert visitor.display_name in page
    assert f"/clients/{visitor.pk}/" not in page


def test_without_contacts_there_are_numbers_instead_of_names(client: Browser, club: Club) -> None:
    session = make.make_session(club, days=SOON)
    buddy = make.make_client(club, first_name="Bud", last_name="Oakley")
    who = make.make_client(club, first_name="Wren", last_name="Ashdown", number="N-77")
    booking = make.make_booking(session, who, booked_by=buddy, note="A private remark")
    make.make_waiting(session, make.make_client(club, first_name="Line", last_name="Stander"))
    colleague = make.make_staff(club.business, access_group=make.make_group(club.business, contacts=False))
    page = show(sign_in(client, colleague), session, q="Wren")
    assert "#N-77" in page
    for hidden in ("Ashdown", "Oakley", "Stander", "private remark", 'id="book"'):
        assert hidden not in page
    client.post(to_booking("mark", booking), {"status": "attended"})
    booking.refresh_from_db()
    assert booking.status == "attended", "whoever may see the schedule may check in"


# --- marks ----------------------------------------------------------------------------------------------------------
def test_check_in_no_show_and_undo(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=SOON)
    booking = make.make_booking(session, make.make_client(club))
    url = to_booking("mark", booking)
    assert "Check in" in show(desk, session)
    assert "No-show<" not in show(desk, session), "before the start nobody has failed to come"
    for status, words in (("attended", "Checked in."), ("attended", "Checked in."), ("booked", "The mark was taken")):
        assert words in said(desk.post(url, {"status": status}))
        booking.refresh_from_db()
        assert booking.status == status
    assert "from one hour before the start" in said(desk.post(url, {"status": "no_show"}))
    Session.objects.filter(pk=session.pk).update(starts_at=timezone.now() - datetime.timedelta(minutes=5))
    assert "No-show<" in show(desk, session)
    assert said(desk.post(url, {"status": "no_show"})) == "Marked as a no-show."
    assert "Undo" in show(desk, session)
    desk.post(url, {"status": "attended"})
    booking.refresh_from_db()
    assert booking.status == "attended"


@pytest.mark.parametrize("status", ["", "cancelled", "late_cancelled", "BOOKED", "\x00"])
def test_a_mark_that_is_none(desk: Browser, club: Club, status: str) -> None:
    booking = make.make_booking(make.make_session(club, days=SOON), make.make_client(club))
    assert "This is no mark" in said(desk.post(to_booking("mark", booking), {"status": status}))
    booking.refresh_from_db()
    assert booking.status == "booked"


def test_check_in_is_not_open_a_day_before(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=1)
    booking = make.make_booking(session, make.make_client(club))
    assert "Check in" not in show(desk, session)
    assert "Come back then" in said(desk.post(to_booking("mark", booking), {"status": "attended"}))


def test_deleted_people_are_checked_in_too(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=-0.02, status="scheduled")
    booking = make.make_booking(session, make.make_client(club, status="deleted"), status="booked")
    assert said(desk.post(to_booking("mark", booking), {"status": "attended"})) == "Checked in."


def test_a_mark_is_not_taken_back_beside_another_place(desk: Browser, club: Club) -> None:
    session, who = make.make_session(club, days=SOON), make.make_client(club)
    missed = make.make_booking(session, who, status="no_show")
    make.make_booking(session, who)
    assert "has a place in this session already" in said(desk.post(to_booking("mark", missed), {"status": "booked"}))


# --- cancelling a place ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("late", "back"), [(False, 1), (True, 0)])
def test_a_place_is_cancelled_and_the_page_said_what_becomes_of_the_credit(
    desk: Browser, club: Club, late: bool, back: int
) -> None:
    session, who = make.make_session(club), make.make_client(club)
    package = make.make_package(who, credits_used=1)
    booking = make.make_booking(session, who, package=package)
    page = show(desk, session)
    assert "The place took one credit of “Ten classes”." in page
    assert "Cancel early: the credit comes back" in page
    assert "Cancel late: the credit is lost" in page
    data = {"late": "yes"} if late else {}
    words = said(desk.post(to_booking("cancel-place", booking), data))
    assert ("The credit is lost." if late else "The credit was given back.") in words
    booking.refresh_from_db()
    package.refresh_from_db()
    assert (booking.status, package.credits_used) == ("late_cancelled" if late else "cancelled", 1 - back)
    assert ClientMessage.objects.filter(client=who, kind="booking_cancelled").count() == 1
    again = said(desk.post(to_booking("cancel-place", booking), data))
    package.refresh_from_db()
    assert "cancelled before" in again
    assert package.credits_used == 1 - back
    assert ClientMessage.objects.filter(client=who).count() == 1


def test_a_place_without_a_credit_says_so(desk: Browser, club: Club) -> None:
    session = make.make_session(club, kind="appointment", capacity=1)
    booking = make.make_booking(session, make.make_client(club))
    make.make_waiting(session, make.make_client(club))
    page = show(desk, session)
    assert "took no credit, so none comes back" in page
    assert "The appointment is cancelled with it." in page
    assert "The appointment is cancelled with it." in said(desk.post(to_booking("cancel-place", booking)))
    session.refresh_from_db()
    assert session.status == "cancelled"
    assert not WaitingListEntry.objects.exists(), "nobody waits for what does not take place"


def test_the_place_goes_to_the_next_in_line(desk: Browser, club: Club, manager: StaffMember) -> None:
    session = make.make_session(club, capacity=1)
    booking = make.make_booking(session, make.make_client(club))
    following = make.make_client(club)
    make.make_waiting(session, following)
    words = said(desk.post(to_booking("cancel-place", booking)))
    assert "The next client on the waiting list has the place." in words
    assert session.bookings.get(status="booked").client == following
    assert Notification.objects.filter(recipient=manager, kind="booking_cancelled").count() == 1


# --- the waiting list -----------------------------------------------------------------------------------------------
def test_the_waiting_list_in_its_order(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=1)
    late = make.make_waiting(session, make.make_client(club, first_name="Late", last_name="Comer"))
    early = make.make_client(club, first_name="Early", last_name="Bird")
    make.make_waiting(session, early, joined_at=late.joined_at - datetime.timedelta(hours=1))
    make.make_waiting(session, make.make_client(club, status="deleted"))
    found = rows(show(desk, session), "waiting")
    assert [row.partition(" Give")[0] for row in found] == ["Early Bird Number 1", "Late Comer Number 2"]


def test_a_place_is_given_out_of_turn(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=1)
    make.make_waiting(session, make.make_client(club))
    entry = make.make_waiting(session, make.make_client(club))
    package = make.make_package(entry.client)
    assert "has a place" in said(desk.post(to_entry("give-place", entry)))
    package.refresh_from_db()
    assert (session.bookings.get().client, package.credits_used) == (entry.client, 1)
    assert list(ClientMessage.objects.values_list("client", "kind")) == [(entry.client_id, "place_given")]
    assert "no longer on the waiting list" in said(desk.post(to_entry("give-place", entry)))
    assert session.bookings.count() == 1


def test_no_place_is_given_where_none_is_free(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=1)
    make.make_booking(session, make.make_client(club))
    entry = make.make_waiting(session, make.make_client(club))
    page = show(desk, session)
    assert "Give a place now" not in page
    for name in ("give-place", "make-offer"):
        assert "Every place is taken or on offer" in said(desk.post(to_entry(name, entry)))
    assert session.bookings.count() == 1


def test_an_offer_is_made_once_and_may_be_turned_into_a_place(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=1)
    entry = make.make_waiting(session, make.make_client(club))
    assert "on offer until" in said(desk.post(to_entry("make-offer", entry)))
    entry.refresh_from_db()
    assert entry.offered_until is not None
    until = entry.offered_until
    assert "Offered until" in show(desk, session)
    assert "on offer to this client already" in said(desk.post(to_entry("make-offer", entry)))
    entry.refresh_from_db()
    assert entry.offered_until == until
    assert list(ClientMessage.objects.values_list("kind", flat=True)) == ["place_offered"]
    desk.post(to_entry("give-place", entry))
    assert session.bookings.get().client == entry.client


def test_whoever_is_removed_waits_no_more(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=1)
    entry = make.make_waiting(session, make.make_client(club), offered_until=make.in_days(1))
    following = make.make_waiting(session, make.make_client(club))
    assert said(desk.post(to_entry("remove-waiting", entry))) == "Taken off the waiting list."
    assert session.bookings.get().client == following.client, "the place that was on offer went on"
    assert "no longer on the waiting list" in said(desk.post(to_entry("remove-waiting", entry)))


def test_neither_list_of_one_session_reaches_into_another(desk: Browser, club: Club) -> None:
    session, other = make.make_session(club), make.make_session(club)
    booking = make.make_booking(other, make.make_client(club))
    entry = make.make_waiting(other, make.make_client(club))
    booking.session_id = entry.session_id = session.pk
    assert desk.post(to_booking("cancel-place", booking)).status_code == 404
    assert "no longer on the waiting list" in said(desk.post(to_entry("give-place", entry)))
    assert WaitingListEntry.objects.filter(pk=entry.pk, session=other).exists()


# --- size -----------------------------------------------------------------------------------------------------------
def test_as_many_queries_for_three_hundred_as_for_three(desk: Browser, club: Club) -> None:
    def queries(count: int) -> int:
        session = make.make_session(club, days=SOON, capacity=count)
        comers, friends = many_clients(club, count), many_clients(club, count)
        for rows_ in (
            [
                Booking(session=session, client=c, booked_by=f, booked_at=timezone.now())
                for c, f in zip(comers, friends, strict=True)
            ],
            [WaitingListEntry(session=session, client=friend, joined_at=timezone.now()) for friend in friends],
            [Package(client=friend, name="Ten classes", credits_total=10) for friend in friends],
            [ClientLinking(kind="buddy", client=c, other=f) for c, f in zip(comers, friends, strict=True)],
        ):
            type(rows_[0]).objects.bulk_create(rows_)
        with CaptureQueriesContext(connection) as seen:
            page = show(desk, session, q="Findable")
        assert len(rows(page, "roster")) == count
        assert len(rows(page, "book")) == 20
        return len(seen)

    assert queries(300) == queries(20)
