"""Adding, changing and cancelling sessions: what is made, what is refused by name, and what everybody is told."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.clock import today, wall
from clubhouse.schedule.exceptions import JustChanging
from clubhouse.schedule.models import Booking, Club, Series, Session, WaitingListEntry
from clubhouse.schedule.sessions import cancel_sessions
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import many_clients, said, show, to_session
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
ADD = "/schedule/sessions/add/"
TOKEN = "0123456789abcdef"


@pytest.fixture
def desk(client: Browser, employee: StaffMember) -> Browser:
    return sign_in(client, employee)


@pytest.fixture
def trainer(club: Club) -> StaffMember:
    return make.make_staff(club.business, name="Tess Trainer", is_instructor=True)


def filled(club: Club, /, **changes: Any) -> dict[str, Any]:
    day = today(club, timezone.now()) + datetime.timedelta(days=3)
    values = {"club": club.pk, "title": "Dawn Spin", "trainer": "", "day": day, "start": "07:15", "end": "08:00"}
    return values | {"capacity": 14, "weeks": 1, "kind": "class", "token": TOKEN} | changes


def changed(session: Session, **changes: Any) -> dict[str, Any]:
    starts, ends = wall(session.starts_at, session.club), wall(session.ends_at, session.club)
    values = {"title": session.title, "trainer": session.trainer_id or "", "day": starts.date()}
    values |= {"start": starts.strftime("%H:%M"), "end": ends.strftime("%H:%M"), "capacity": session.capacity}
    return values | changes


# --- adding ---------------------------------------------------------------------------------------------------------
def test_a_class_is_added_once_however_often_the_form_is_sent(desk: Browser, club: Club, trainer: StaffMember) -> None:
    page = desk.get(ADD, {"club": club.pk, "day": "2031-05-06"}).text
    assert 'value="2031-05-06"' in page
    assert "Tess Trainer" in page
    for _ in range(2):
        answer = desk.post(ADD, filled(club, trainer=trainer.pk))
        session = Session.objects.get()
        assert answer.headers["Location"] == to_session("session", session)
    assert (session.title, session.trainer, session.minutes, session.capacity) == ("Dawn Spin", trainer, 45, 14)
    assert (session.kind, session.series, session.status) == ("class", None, "scheduled")
    assert wall(session.starts_at, club).time() == datetime.time(7, 15)
    desk.post(ADD, filled(club, token="f" * 16))
    assert Session.objects.count() == 2, "another form is another class"


def test_an_appointment_has_one_place(desk: Browser, club: Club) -> None:
    assert 'name="capacity"' not in desk.get(ADD, {"kind": "appointment"}).text
    desk.post(ADD, filled(club, kind="appointment", capacity=9))
    session = Session.objects.get()
    assert (session.kind, session.capacity) == ("appointment", 1)


def test_a_series_keeps_to_the_clock_on_the_wall(desk: Browser, club: Club) -> None:
    # Summer time begins in London on 30 March 2031.
    answer = desk.post(ADD, filled(club, day="2031-03-23", weeks=3))
    assert "3 are on the schedule" in said(answer)
    sessions = list(Session.objects.order_by("starts_at"))
    assert {s.series for s in sessions} == {Series.objects.get()}
    assert [s.starts_at.isoformat() for s in sessions] == [
        "2031-03-23T07:15:00+00:00",
        "2031-03-30T06:15:00+00:00",
        "2031-04-06T06:15:00+00:00",
    ]
    desk.post(ADD, filled(club, day="2031-03-23", weeks=3))
    assert (Session.objects.count(), Series.objects.count()) == (3, 1)


def test_a_long_series_takes_as_many_statements_as_a_short_one(desk: Browser, club: Club) -> None:
    taken = []
    for weeks, token in ((2, "a" * 16), (52, "b" * 16)):
        with CaptureQueriesContext(connection) as seen:
            desk.post(ADD, filled(club, weeks=weeks, token=token))
        taken.append(len(seen))
    assert Session.objects.count() == 54
    assert taken[0] == taken[1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"end": "07:15"}, "It ends before it begins"),
        ({"end": "06:00"}, "It ends before it begins"),
        ({"start": "25:00"}, "Write it as 18:30"),
        ({"day": "2020-01-01"}, "This start lies in the past"),
        ({"day": "9999-12-31"}, "Choose a day between"),
        ({"day": "soon"}, "This is no day"),
        ({"capacity": 0}, "Places: "),
        ({"capacity": 10**30}, "Places: "),
        ({"weeks": 53}, "How many weeks: "),
        ({"weeks": "-1"}, "How many weeks: "),
        ({"title": "   "}, "Title: "),
        ({"title": "x" * 121}, "Title: "),
        ({"title": "a\x00b"}, "Title: "),
        ({"club": "999999999"}, "There is no such club here"),
        ({"trainer": "999999999"}, "There is no such trainer here"),
        ({"token": ""}, "It is damaged"),
        ({"token": "0123456789abcdef\n0"}, "It is damaged"),
    ],
)
def test_what_cannot_be_added_is_said_and_the_form_is_kept(
    desk: Browser, club: Club, changes: dict[str, Any], words: str
) -> None:
    answer = desk.post(ADD, filled(club, **({"title": "Kept Title"} | changes)))
    assert answer.status_code == 422
    assert words in answer.text
    assert "title" in changes or "Kept Title" in answer.text
    assert not Session.objects.exists()


def test_club_and_trainer_are_of_this_business(
    desk: Browser, club: Club, stranger: StaffMember, trainer: StaffMember
) -> None:
    theirs = make.make_club(stranger.business)
    their_trainer = make.make_staff(stranger.business, is_instructor=True, name="Foreign Trainer")
    former = make.make_staff(club.business, is_instructor=True, name="Former Trainer")
    former.user.is_active = False
    former.user.save()
    page = desk.get(ADD).text
    assert "Foreign Trainer" not in page
    assert "Former Trainer" not in page
    for changes in ({"club": theirs.pk}, {"trainer": their_trainer.pk}, {"trainer": former.pk}):
        assert desk.post(ADD, filled(club, **changes)).status_code == 422
    assert not Session.objects.exists()


def test_a_manager_adds_in_the_own_club_only(client: Browser, club: Club, manager: StaffMember) -> None:
    other = make.make_club(club.business)
    sign_in(client, manager)
    assert client.post(ADD, filled(other)).status_code == 422
    assert client.post(ADD, filled(club)).status_code == 302
    assert Session.objects.get().club == club


def test_without_a_club_there_is_nothing_to_add_to(client: Browser, stranger: StaffMember) -> None:
    sign_in(client, stranger)
    assert "Add a club first" in said(client.get(ADD))


# --- changing -------------------------------------------------------------------------------------------------------
def test_a_session_is_changed(desk: Browser, club: Club, trainer: StaffMember) -> None:
    session = make.make_session(club, capacity=5)
    assert session.title in desk.get(to_session("edit-session", session)).text
    values = changed(session, title="New Title", trainer=trainer.pk, start="10:00", end="10:30", capacity=6)
    answer = desk.post(to_session("edit-session", session), values)
    assert said(answer) == "The session was saved."
    session.refresh_from_db()
    assert (session.title, session.trainer, session.minutes, session.capacity) == ("New Title", trainer, 30, 6)
    assert wall(session.starts_at, club).time() == datetime.time(10)


def test_what_is_left_as_it_was_stays_to_the_second(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=-0.01, status="scheduled")
    values = changed(session, title="Renamed while it goes on")
    assert desk.post(to_session("edit-session", session), values).status_code == 302
    starts, minutes = session.starts_at, session.minutes
    session.refresh_from_db()
    assert (session.title, session.starts_at, session.minutes) == ("Renamed while it goes on", starts, minutes)


def test_fewer_places_than_are_taken_are_refused(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=5)
    make.make_booking(session, make.make_client(club))
    make.make_booking(session, make.make_client(club), status="cancelled")
    make.make_waiting(session, make.make_client(club), offered_until=make.in_days(1))
    url = to_session("edit-session", session)
    assert "2 places are taken or on offer" in desk.get(url).text
    refused = desk.post(url, changed(session, capacity=1, title="Kept Title"))
    assert refused.status_code == 422
    assert "More places are taken" in refused.text
    assert "Kept Title" in refused.text
    session.refresh_from_db()
    assert session.capacity == 5
    assert desk.post(url, changed(session, capacity=2)).status_code == 302


def test_more_places_go_to_the_waiting_list(desk: Browser, club: Club) -> None:
    session = make.make_session(club, capacity=1)
    make.make_booking(session, make.make_client(club))
    entry = make.make_waiting(session, make.make_client(club))
    answer = desk.post(to_session("edit-session", session), changed(session, capacity=2))
    assert "1 place went to the waiting list." in said(answer)
    assert session.bookings.filter(client=entry.client, status="booked").exists()


def test_no_offer_outlasts_an_earlier_start(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=3)
    entry = make.make_waiting(session, make.make_client(club), offered_until=make.in_days(2.5))
    day = (wall(session.starts_at, club) - datetime.timedelta(days=2)).date()
    desk.post(to_session("edit-session", session), changed(session, day=day, start="10:00", end="11:00"))
    session.refresh_from_db()
    entry.refresh_from_db()
    assert entry.offered_until == session.starts_at


@pytest.mark.parametrize("fields", [{"days": -2, "status": "scheduled"}, {"status": "cancelled"}, {"days": -2}])
def test_what_is_over_or_cancelled_stays_as_it_is(desk: Browser, club: Club, fields: dict[str, Any]) -> None:
    session = make.make_session(club, **fields)
    for name in ("edit-session", "cancel-session"):
        url = to_session(name, session)
        assert "cancelled before, or is over" in said(desk.get(url))
        assert "cancelled before, or is over" in said(desk.post(url, changed(session, title="Too late")))
    page = show(desk, session)
    assert to_session("edit-session", session) not in page
    assert to_session("cancel-session", session) not in page
    session.refresh_from_db()
    assert session.title != "Too late"


def test_a_start_is_not_moved_into_the_past(desk: Browser, club: Club) -> None:
    session = make.make_session(club)
    refused = desk.post(to_session("edit-session", session), changed(session, day="2020-01-01"))
    assert refused.status_code == 422
    assert "This start lies in the past" in refused.text


# --- cancelling whole -----------------------------------------------------------------------------------------------
def test_a_class_is_cancelled_with_everything_in_it(
    desk: Browser, club: Club, manager: StaffMember, trainer: StaffMember
) -> None:
    session = make.make_session(club, trainer=trainer, capacity=2)
    payer, covered = make.make_client(club), make.make_client(club)
    package = make.make_package(payer, credits_used=1)
    make.make_booking(session, payer, package=package)
    make.make_booking(session, covered)
    gone = make.make_booking(session, make.make_client(club), status="cancelled", cancelled_at=make.in_days(-1))
    waits = make.make_waiting(session, make.make_client(club)).client
    ClientMessage.objects.create(client=payer, session=session, kind="reminder", send_after=make.in_days(1))
    url = to_session("cancel-session", session)
    page = desk.get(url).text
    for words in (
        "2 bookings are cancelled, and their clients are told.",
        "1 credit comes back.",
        "1 client is taken off the waiting list, and told.",
    ):
        assert words in page
    assert Booking.objects.filter(status="booked").count() == 2, "looking changes nothing"
    words = said(desk.post(url))
    assert "The session was cancelled. 2 bookings went with it" in words
    assert "1 client who waited is told." in words
    session.refresh_from_db()
    package.refresh_from_db()
    gone.refresh_from_db()
    assert (session.status, package.credits_used) == ("cancelled", 0)
    assert set(session.bookings.values_list("status", flat=True)) == {"cancelled"}
    assert gone.cancelled_at < timezone.now() - datetime.timedelta(hours=1)
    assert not WaitingListEntry.objects.exists()
    assert not session.bookings.filter(client=waits).exists(), "nobody is promoted into what does not take place"
    told = Notification.objects.all()
    assert {line.recipient for line in told} == {manager, trainer}
    assert {line.get_kind_display() for line in told} == {"A class was cancelled"}
    messages = set(ClientMessage.objects.values_list("client", "kind"))
    booked = {(payer.pk, "booking_cancelled"), (covered.pk, "booking_cancelled")}
    assert messages == booked | {(waits.pk, "waiting_ended")}
    before = list(Notification.objects.values()), list(ClientMessage.objects.values())
    assert "cancelled before, or is over" in said(desk.post(url))
    package.refresh_from_db()
    assert package.credits_used == 0
    assert (list(Notification.objects.values()), list(ClientMessage.objects.values())) == before


def test_an_appointment_is_called_one_in_the_inbox(desk: Browser, club: Club, manager: StaffMember) -> None:
    session = make.make_session(club, kind="appointment", capacity=1)
    desk.post(to_session("cancel-session", session))
    assert Notification.objects.get().get_kind_display() == "An appointment was cancelled"


def test_the_rest_of_a_series_goes_where_it_is_asked_for(desk: Browser, club: Club) -> None:
    series = Series.objects.create(club=club, title="Spin")
    sessions = [make.make_session(club, days=days, series=series) for days in (1, 8, 15)]
    past = make.make_session(club, days=-6, series=series)
    page = desk.get(to_session("cancel-session", sessions[1])).text
    assert "Cancel 2 sessions" in page
    desk.post(to_session("cancel-session", sessions[1]), {"series": "yes"})
    states = [Session.objects.get(pk=s.pk).status for s in (past, *sessions)]
    assert states == ["conducted", "scheduled", "cancelled", "cancelled"]
    desk.post(to_session("cancel-session", sessions[0]))
    assert Session.objects.get(pk=sessions[0].pk).status == "cancelled"


def test_what_somebody_came_to_was_held(desk: Browser, club: Club) -> None:
    session = make.make_session(club, days=-0.01, status="scheduled")
    make.make_booking(session, make.make_client(club), status="attended")
    assert "Undo the marks first" in said(desk.post(to_session("cancel-session", session)))
    session.bookings.update(status="booked")
    assert "The session was cancelled." in said(desk.post(to_session("cancel-session", session)))


@pytest.mark.parametrize("free", [True, False], ids=["who can be held", "who is under erasure"])
def test_who_is_booked_while_a_class_is_being_cancelled(
    club: Club, monkeypatch: pytest.MonkeyPatch, free: bool
) -> None:
    """As if the booking had come in while the session's lock was waited for: the first look does not see it."""
    session = make.make_session(club)
    who = make.make_booking(session, make.make_client(club)).client
    looks: list[bool] = []

    def hold(clients: Any, *, using: str, skip_locked: bool = False) -> set[int]:
        looks.append(skip_locked)
        return {who.pk} if free and skip_locked else set()

    monkeypatch.setattr("clubhouse.schedule.sessions.hold_clients", hold)
    classes = Session.objects.filter(pk=session.pk)
    if free:
        assert cancel_sessions(classes, now=timezone.now()).clients_told == 1
    else:
        with pytest.raises(JustChanging):
            cancel_sessions(classes, now=timezone.now())
        session.refresh_from_db()
        assert (session.status, session.bookings.get().status) == ("scheduled", "booked")
    assert looks == [False, True], "whoever holds sessions never waits for a client"


def test_three_hundred_bookings_take_as_many_statements_as_three(club: Club) -> None:
    taken = []
    for count in (3, 300):
        session = make.make_session(club, capacity=count)
        now = timezone.now()
        clients = many_clients(club, count)
        Booking.objects.bulk_create(
            Booking(session=session, client=c, booked_at=now, package=make.make_package(c) if c is clients[0] else None)
            for c in clients
        )
        WaitingListEntry.objects.bulk_create(
            WaitingListEntry(session=session, client=c, joined_at=now) for c in many_clients(club, count)
        )
        with CaptureQueriesContext(connection) as seen:
            done = cancel_sessions(Session.objects.filter(pk=session.pk), now=now)
        assert (done.sessions, done.bookings, done.waiting) == (1, count, count)
        assert (done.clients_told, done.waiting_told) == (count, count)
        taken.append(len(seen))
    assert taken[0] == taken[1]


# --- clubs ----------------------------------------------------------------------------------------------------------
def test_an_administrator_adds_and_edits_a_club(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    assert "No club yet" in client.get(reverse("schedule:clubs")).text
    url = reverse("schedule:add-club")
    assert 'value="Europe/London" selected' in client.get(url).text
    values = {"name": "  North Hall ", "town": "Testford", "timezone": "Pacific/Auckland"}
    assert said(client.post(url, values)) == "The club was added."
    club = Club.objects.get()
    assert (club.name, club.timezone, club.business) == ("North Hall", "Pacific/Auckland", administrator.business)
    again = client.post(url, values | {"name": "north hall"})
    assert again.status_code == 422
    assert "Another club of this business has this name" in again.text
    edit = reverse("schedule:edit-club", args=[club.pk])
    assert client.post(edit, values | {"town": "Elsewhere"}).status_code == 302
    club.refresh_from_db()
    assert club.town == "Elsewhere"
    assert Club.objects.count() == 1
    assert "North Hall" in client.get(reverse("schedule:clubs")).text


@pytest.mark.parametrize(
    "changes",
    [{"name": " "}, {"name": "x" * 121}, {"name": "a\x00"}, {"timezone": "Nowhere/Atlantis"}, {"timezone": ""}],
)
def test_a_club_that_cannot_be_is_refused(client: Browser, administrator: StaffMember, changes: dict[str, str]) -> None:
    values = {"name": "North Hall", "town": "", "timezone": "UTC"} | changes
    assert sign_in(client, administrator).post(reverse("schedule:add-club"), values).status_code == 422
    assert not Club.objects.exists()


def test_an_imported_zone_that_does_not_exist_has_to_be_chosen_anew(
    client: Browser, club: Club, administrator: StaffMember
) -> None:
    Club.objects.filter(pk=club.pk).update(timezone="Nowhere/Atlantis")
    page = sign_in(client, administrator).get(reverse("schedule:edit-club", args=[club.pk])).text
    assert " selected" not in page.partition('name="timezone"')[2].partition("</select>")[0]


def test_the_way_of_the_waiting_lists(client: Browser, club: Club, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    url = reverse("schedule:clubs")
    values = {"waiting_list_promotion": "offer", "waiting_list_offer_minutes": 45}
    assert "was saved" in said(client.post(url, values))
    club.business.refresh_from_db()
    assert (club.business.waiting_list_promotion, club.business.waiting_list_offer_minutes) == ("offer", 45)
    for bad in ({"waiting_list_offer_minutes": 0}, {"waiting_list_offer_minutes": ""}, {"waiting_list_promotion": "x"}):
        assert client.post(url, values | bad).status_code == 422
    session = make.make_session(club, capacity=1)
    make.make_waiting(session, make.make_client(club))
    assert "A freed place is offered to the first in line." in show(client, session)
