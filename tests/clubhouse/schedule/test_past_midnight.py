"""What ends after midnight: it belongs to the day on which it begins, at the desk, in the app, the frame, the API and
the reports; also in the nights in which the clocks change."""

from __future__ import annotations

import datetime
import re
import uuid
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.api import tokens
from clubhouse.clients.models import Client
from clubhouse.embed import services as embeds
from clubhouse.embed.models import Embed
from clubhouse.member.models import AppBuild
from clubhouse.reports import selectors as reports
from clubhouse.reports.periods import Month, Period
from clubhouse.schedule import desk
from clubhouse.schedule.clock import bounds, lasting, moment, today, wall
from clubhouse.schedule.models import Club, Session
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import rows, said, to_session
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
ADD = "/schedule/sessions/add/"
LATE, EARLY = datetime.time(23, 30), datetime.time(0, 30)


def filled(club: Club, /, **changes: Any) -> dict[str, Any]:
    day = today(club, timezone.now()) + datetime.timedelta(days=3)
    values = {"club": club.pk, "title": "Late Flow", "trainer": "", "day": day, "start": "23:30", "end": "00:30"}
    return values | {"capacity": 14, "weeks": 1, "kind": "class", "token": "0123456789abcdef"} | changes


def tomorrow(club: Club) -> datetime.date:
    return today(club, timezone.now()) + datetime.timedelta(days=1)


def late_class(club: Club, **fields: Any) -> Session:
    """Tomorrow from half past eleven at night, for an hour."""
    return make.make_session(
        club, title="Late Flow", starts_at=moment(club, tomorrow(club), LATE), minutes=60, **fields
    )


# --- entering it ----------------------------------------------------------------------------------------------------
def test_a_class_past_midnight_is_added_and_moved(client: Browser, club: Club, employee: StaffMember) -> None:
    assert "An end before the start is on the next day." in sign_in(client, employee).get(ADD).text
    assert "It is on the schedule." in said(client.post(ADD, filled(club)))
    session = Session.objects.get()
    assert (wall(session.starts_at, club).time(), session.minutes) == (LATE, 60)
    url = to_session("edit-session", session)
    page = client.get(url).text
    assert 'value="23:30"' in page
    assert 'value="00:30"' in page
    values = filled(club, day=wall(session.starts_at, club).date())
    assert client.post(url, values | {"start": "22:00", "end": "01:15"}).status_code == 302
    session.refresh_from_db()
    assert session.minutes == 195
    assert client.post(url, values | {"start": "08:00", "end": "20:30"}).status_code == 302, "no limit within a day"


@pytest.mark.parametrize(("start", "end"), [("18:30", "17:30"), ("18:30", "18:30"), ("18:30", "06:31")])
def test_a_slip_is_no_night(client: Browser, club: Club, employee: StaffMember, start: str, end: str) -> None:
    refused = sign_in(client, employee).post(ADD, filled(club, start=start, end=end))
    assert refused.status_code == 422
    assert "one after midnight is at most 12 hours away" in refused.text
    assert not Session.objects.exists()


@pytest.mark.parametrize("minutes", [36 * 60, 13 * 60])
def test_what_is_longer_than_a_form_can_say_keeps_its_length(
    client: Browser, club: Club, employee: StaffMember, minutes: int
) -> None:
    starts = moment(club, datetime.date(2031, 6, 6), datetime.time(18))
    retreat = make.make_session(club, starts_at=starts, minutes=minutes)
    end = wall(retreat.ends_at, club).strftime("%H:%M")
    values = {"title": "Retreat", "trainer": "", "start": "18:00", "end": end, "capacity": 12}
    for day in ("2031-06-06", "2031-06-13"):
        assert sign_in(client, employee).post(to_session("edit-session", retreat), values | {"day": day}).headers[
            "Location"
        ] == to_session("session", retreat)
        retreat.refresh_from_db()
        assert (retreat.minutes, wall(retreat.starts_at, club).date().isoformat()) == (minutes, day)


# --- the nights in which the clocks change --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("zone", "day", "start", "end", "minutes", "shown"),
    [
        # London: at one o'clock it is two o'clock, and in autumn two o'clock is one o'clock once more.
        ("Europe/London", (2031, 3, 29), (23, 30), (2, 30), 120, "23:30–02:30"),
        ("Europe/London", (2031, 10, 25), (23, 30), (2, 30), 240, "23:30–02:30"),
        ("Europe/London", (2031, 3, 30), (1, 30), (2, 15), 45, "02:30–03:15"),
        # Cairo: at midnight it is one o'clock, and in autumn midnight is eleven o'clock once more, of the same day.
        ("Africa/Cairo", (2031, 4, 24), (23, 30), (1, 30), 60, "23:30–01:30"),
        ("Africa/Cairo", (2031, 4, 24), (23, 30), (0, 30), 60, "23:30–01:30"),
        ("Africa/Cairo", (2031, 10, 30), (23, 30), (0, 30), 120, "23:30–00:30"),
        ("Africa/Cairo", (2031, 10, 30), (22, 30), (23, 45), 75, "22:30–23:45"),
    ],
)
def test_it_ends_when_the_clock_says_so(
    business: Any,
    zone: str,
    day: tuple[int, ...],
    start: tuple[int, ...],
    end: tuple[int, ...],
    minutes: int,
    shown: str,
) -> None:
    club, date = make.make_club(business, timezone=zone), datetime.date(*day)
    begins = moment(club, date, datetime.time(*start))
    assert lasting(club, begins, datetime.time(*start), datetime.time(*end)) == minutes
    session = Session(club=club, starts_at=begins, minutes=minutes)
    ends = (wall(session.starts_at, club), wall(session.ends_at, club))
    assert "–".join(at.strftime("%H:%M") for at in ends) == shown
    first, last = bounds(club, date)
    assert first <= begins < last


def test_a_series_ends_by_the_clock_in_every_week(client: Browser, club: Club, employee: StaffMember) -> None:
    sign_in(client, employee).post(ADD, filled(club, day="2031-03-22", weeks=3, end="02:30"))
    assert list(Session.objects.order_by("starts_at").values_list("minutes", flat=True)) == [180, 120, 180]
    assert {wall(s.ends_at, club).time() for s in Session.objects.all()} == {datetime.time(2, 30)}


# --- where it stands ------------------------------------------------------------------------------------------------
def test_the_desk_sees_it_on_its_day_and_what_goes_on_on_the_next(
    client: Browser, club: Club, employee: StaffMember
) -> None:
    session = late_class(club)
    late_class(club, status="cancelled")
    make.make_session(club, starts_at=session.starts_at - datetime.timedelta(hours=3), title="Over by Midnight")
    sign_in(client, employee)
    page = client.get("/schedule/", {"club": club.pk, "day": tomorrow(club).isoformat()}).text
    assert "23:30–00:30 Late Flow No trainer 0 of 12 · 12 free Scheduled" in rows(page)
    assert "Since the day before" not in page
    after = client.get(
        "/schedule/", {"club": club.pk, "day": (tomorrow(club) + datetime.timedelta(days=1)).isoformat()}
    )
    assert [line.session for line in after.context["late"]] == [session]
    assert "Since the day before" in after.text
    assert "Nothing on this day" in after.text
    ten_past = moment(club, tomorrow(club) + datetime.timedelta(days=1), datetime.time(0, 10))
    assert desk.into_the_day(club, wall(ten_past, club).date(), ten_past)[0].state == "now"


def test_member_frame_and_api_see_it_on_its_day_alone(client: Browser, club: Club, member: Client) -> None:
    session = late_class(club)
    build = AppBuild.objects.create(business=club.business, name="App", slug="app", account_deletion=True)
    embeds.add_site(club.business, "https://www.harbour.example")
    _, token = tokens.make(
        member.user, form=uuid.uuid4(), name="A test", scopes=["schedule:read"], days=30, now=timezone.now()
    )
    sign_in(client, member)
    for days, there in ((0, True), (1, False)):
        day = (tomorrow(club) + datetime.timedelta(days=days)).isoformat()
        asked = {"club": club.pk, "day": day}
        for url in (
            reverse("member:classes", args=[build.slug]),
            reverse("embed:show", args=[Embed.objects.get().public_id]),
        ):
            page = client.get(url, asked).text
            assert re.search(f'{day}" (aria-current="date"|selected)', page), "it shows this day"
            assert ("Late Flow" in page) is there
            assert ("23:30" in page) is there
        found = Browser().get("/api/v1/schedule", asked, headers={"Authorization": f"Bearer {token}"}).json()
        assert [one["id"] for one in found] == [session.pk] * there


def test_a_report_counts_it_in_the_month_in_which_it_begins(club: Club) -> None:
    starts = moment(club, datetime.date(2026, 3, 31), LATE)
    session = make.make_session(club, starts_at=starts, minutes=60, status="scheduled")
    make.make_booking(session, make.make_client(club), status="attended")
    both = Period(Month(2026, 3), Month(2026, 4))
    at_ten_past, at_one = (starts + datetime.timedelta(minutes=n) for n in (40, 90))
    assert reports.attendance([club], both, "month", at_one) == {
        Month(2026, 3): reports.Attendance(sessions=1, attended=1)
    }
    assert list(reports.held([club], both, at_ten_past)) == [], "it goes on until half past twelve"
    assert [one.pk for one in reports.held([club], both, at_one)] == [session.pk]
