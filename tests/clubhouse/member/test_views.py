"""What a member does in the app day by day; each view limited to the member's own."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.member import selectors
from clubhouse.member.models import AppBuild
from clubhouse.messages.models import Notification
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.team.models import StaffMember
from tests.clubhouse.member.pages import at
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def day_of(session: Session) -> dict[str, str]:
    return {"club": str(session.club_id), "day": selectors.local(session).date().isoformat()}


def test_a_class_is_booked_and_cancelled(
    client: Browser, build: AppBuild, member: Client, manager: StaffMember
) -> None:
    session = make.make_session(member.home_club, title="Dawn Spin")
    package = make.make_package(member)
    sign_in(client, member)
    page = client.get(at(build, "classes"), day_of(session)).content.decode()
    assert "Dawn Spin" in page
    assert "12 places free" in page
    answer = client.post(at(build, "book", session.pk), follow=True)
    assert "The place is yours." in answer.content.decode()
    assert "You have a place" in answer.content.decode(), "back on the day of the class"
    booking = Booking.objects.get(client=member)
    package.refresh_from_db()
    assert package.credits_used == 1
    assert "Dawn Spin" in client.get(at(build, "home")).content.decode()
    answer = client.post(at(build, "cancel", booking.pk), {"back": "home"}, follow=True)
    assert "The booking was cancelled." in answer.content.decode()
    booking.refresh_from_db()
    package.refresh_from_db()
    assert (booking.status, package.credits_used) == ("cancelled", 0)
    assert Notification.objects.filter(recipient=manager).count() == 1
    again = client.post(at(build, "cancel", booking.pk), follow=True)
    assert "Nothing was changed" in again.content.decode()


def test_a_full_class_has_a_waiting_list(client: Browser, build: AppBuild, member: Client) -> None:
    session = make.make_session(member.home_club, capacity=1)
    make.make_booking(session, make.make_client(member.home_club))
    sign_in(client, member)
    assert "Full" in client.get(at(build, "classes"), day_of(session)).content.decode()
    assert "Every place is taken" in client.post(at(build, "book", session.pk), follow=True).content.decode()
    client.post(at(build, "wait", session.pk))
    entry = WaitingListEntry.objects.get(client=member)
    assert "Number 1 in the line" in client.get(at(build, "home")).content.decode()
    answer = client.post(at(build, "leave", entry.pk), follow=True)
    assert "no longer on this waiting list" in answer.content.decode()
    assert not WaitingListEntry.objects.exists()


def test_an_offer_is_taken(client: Browser, build: AppBuild, member: Client) -> None:
    session = make.make_session(member.home_club, capacity=1)
    entry = make.make_waiting(session, member, offered_until=make.in_days(0.05))
    sign_in(client, member)
    assert "A place is free for you until" in client.get(at(build, "home")).content.decode()
    client.post(at(build, "accept", entry.pk), {"back": "home"})
    assert Booking.objects.get(client=member).status == "booked"
    assert not WaitingListEntry.objects.exists()


def test_an_offer_that_ran_out_is_said(client: Browser, build: AppBuild, member: Client) -> None:
    entry = make.make_waiting(make.make_session(member.home_club), member, offered_until=make.in_days(-1))
    sign_in(client, member)
    answer = client.post(at(build, "accept", entry.pk), follow=True)
    assert "The offer has run out" in answer.content.decode()
    assert not Booking.objects.exists()


@pytest.mark.parametrize("name", ["cancel", "leave", "accept"])
def test_another_members_place_is_not_there(client: Browser, build: AppBuild, member: Client, name: str) -> None:
    other = make.make_client(member.home_club)
    session = make.make_session(member.home_club)
    row = make.make_booking(session, other) if name == "cancel" else make.make_waiting(session, other)
    sign_in(client, member)
    assert client.post(at(build, name, row.pk)).status_code == 404
    row.refresh_from_db()


@pytest.mark.parametrize("name", ["book", "wait"])
def test_a_class_of_another_business_is_not_there(client: Browser, build: AppBuild, member: Client, name: str) -> None:
    elsewhere = make.make_session(make.make_club(make.make_business()))
    private = make.make_session(member.home_club, kind="appointment", capacity=1)
    sign_in(client, member)
    for session in (elsewhere, private):
        assert client.post(at(build, name, session.pk)).status_code == 404
    assert not Booking.objects.exists()


def test_no_page_shows_what_is_somebody_elses(client: Browser, build: AppBuild, member: Client) -> None:
    other = make.make_client(member.home_club)
    session = make.make_session(member.home_club, title="Shared class")
    make.make_booking(session, other)
    make.make_membership(other, plan="Their plan")
    make.make_package(other, name="Their package")
    make.make_waiting(make.make_session(member.home_club, days=6, title="Their wait"), other)
    sign_in(client, member)
    pages = [client.get(at(build, name)) for name in ("home", "passes", "settings", "preferences", "details", "delete")]
    pages.append(client.get(at(build, "classes"), day_of(session)))
    for page in pages:
        text = page.content.decode()
        for secret in (other.first_name, other.email, "Their plan", "Their package", "Their wait"):
            assert secret not in text


def test_times_are_those_of_the_club(client: Browser, build: AppBuild, member: Client) -> None:
    club = make.make_club(member.business, timezone="Asia/Tokyo")
    tomorrow = (timezone.now() + datetime.timedelta(days=2)).replace(hour=20, minute=30)
    session = make.make_session(club, title="Late in UTC", starts_at=tomorrow)
    assert selectors.local(session).hour == 5
    sign_in(client, member)
    page = client.get(at(build, "classes"), day_of(session)).content.decode()
    assert "Late in UTC" in page
    assert "05:30" in page
    club.timezone = "Mars/Olympus"
    assert selectors.zone_of(club).key == "UTC"


def test_a_day_that_is_none_is_today(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    for asked in ({"day": "2001-01-01"}, {"day": "2026-13-99"}, {"day": "x", "club": "x"}, {"club": "999999"}):
        assert client.get(at(build, "classes"), asked).status_code == 200


def test_passes_are_shown(client: Browser, build: AppBuild, member: Client) -> None:
    make.make_membership(member, plan="Gold", status="frozen")
    make.make_package(member, credits_used=3)
    make.make_package(member, name="Long gone", expires_on=make.today() - datetime.timedelta(days=2))
    make.make_credit(member, "7.25")
    sign_in(client, member)
    page = client.get(at(build, "passes")).content.decode()
    for said in ("Gold", "Frozen", "7 of 10 left", "£7.25"):
        assert said in page
    assert "Long gone" not in page


def test_details_are_corrected_and_found_again(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    values = {"first_name": "Ünal", "last_name": "Ö'Brien", "mobile_no": "+44 7700 900812", "town": "Leeds"}
    assert client.post(at(build, "details"), values)["Location"] == at(build, "preferences")
    member.refresh_from_db()
    assert (member.first_name, member.town) == ("Ünal", "Leeds")
    assert "unal" in member.search_text
    answer = client.post(at(build, "details"), {"first_name": "", "dob": "2999-01-01", "last_name": "Kept"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'class="error-summary"' in page
    assert 'value="Kept"' in page
    assert "lies in the future" in page


def test_details_take_no_field_that_is_not_the_members(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    before = (member.number, member.status, member.notes, member.email)
    client.post(
        at(build, "details"), {"first_name": "A", "number": "X", "status": "deleted", "notes": "x", "email": ""}
    )
    member.refresh_from_db()
    assert (member.number, member.status, member.notes, member.email) == before


def test_news_are_chosen(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    client.post(at(build, "messages"), {"marketing_opt_in": "on"})
    member.refresh_from_db()
    assert member.marketing_opt_in is True
    client.post(at(build, "messages"), {})
    member.refresh_from_db()
    assert member.marketing_opt_in is False


def test_signing_out(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    assert client.post(at(build, "sign-out"))["Location"] == at(build, "sign-in")
    assert client.get(at(build, "home")).status_code == 302
    assert client.post(at(build, "sign-out")).status_code == 302


@pytest.mark.parametrize("name", ["home", "classes", "passes", "delete"])
def test_a_page_runs_the_same_queries_for_few_and_many(
    client: Browser, build: AppBuild, member: Client, name: str
) -> None:
    trainer = make.make_staff(member.business, club=member.home_club, is_instructor=True)
    start = (timezone.now() + datetime.timedelta(days=2)).replace(hour=12)

    def more() -> None:
        session = make.make_session(member.home_club, trainer=trainer, starts_at=start)
        make.make_booking(session, member)
        make.make_waiting(make.make_session(member.home_club, trainer=trainer, starts_at=start), member)
        make.make_membership(member)
        make.make_package(member)
        make.make_credit(member)

    sign_in(client, member)
    asked = {"club": str(member.home_club_id), "day": start.date().isoformat()} if name == "classes" else {"all": "yes"}
    more()
    client.get(at(build, name), asked)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(at(build, name), asked).status_code == 200
        counts.append(len(queries))
        for _ in range(8):
            more()
    assert counts[0] == counts[1]
    assert counts[0] < 25
