"""The day of a club: what stands on it, for whom, and what is said where there is nothing."""

from __future__ import annotations

import datetime
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.schedule import desk
from clubhouse.schedule.clock import bounds, moment, today, wall
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import many_clients, rows
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
URL = "/schedule/"


def tomorrow_at(club: Club, hour: int, days: int = 1) -> datetime.datetime:
    return moment(club, today(club, timezone.now()) + datetime.timedelta(days=days), datetime.time(hour))


def day_of(session: Session) -> str:
    return wall(session.starts_at, session.club).date().isoformat()


def test_the_day_in_order_of_time_with_places_waiting_trainer_and_state(
    client: Browser, club: Club, employee: StaffMember
) -> None:
    evening = make.make_session(club, title="Evening Flow", starts_at=tomorrow_at(club, 18), capacity=2)
    morning = make.make_session(club, title="Dawn Spin", starts_at=tomorrow_at(club, 7), capacity=3, trainer=employee)
    off = make.make_session(club, title="Pilates", starts_at=tomorrow_at(club, 9), status="cancelled")
    talk = make.make_session(club, title="Coaching", starts_at=tomorrow_at(club, 8), kind="appointment", capacity=1)
    make.make_session(club, title="Another Day", starts_at=tomorrow_at(club, 7, days=2))
    make.make_session(make.make_club(club.business), title="Elsewhere", starts_at=tomorrow_at(club, 7))
    for _ in range(2):
        make.make_booking(evening, make.make_client(club))
    make.make_waiting(evening, make.make_client(club))
    make.make_booking(morning, make.make_client(club))
    make.make_booking(talk, make.make_client(club, first_name="Wren", last_name="Ashdown"))
    page = sign_in(client, employee).get(URL, {"club": club.pk, "day": day_of(off)})
    assert page.status_code == 200
    assert rows(page.text) == [
        f"07:00–08:00 Dawn Spin {employee.name} 1 of 3 · 2 free Scheduled",
        "08:00–09:00 Coaching Appointment: Wren Ashdown No trainer 1 of 1 · 0 free Full",
        "09:00–10:00 Pilates No trainer Cancelled",
        "18:00–19:00 Evening Flow No trainer 2 of 2 · 0 free 1 Full",
    ]


def test_what_is_over_says_how_many_came_and_what_goes_on_says_so(
    client: Browser, club: Club, employee: StaffMember
) -> None:
    now = timezone.now()
    noon = moment(club, today(club, now), datetime.time(12))
    for minutes, state in ((-30, "now"), (-60, "over"), (5, "free")):
        session = make.make_session(club, starts_at=noon + datetime.timedelta(minutes=minutes), status="scheduled")
        found = desk.find_session(employee, session.pk, noon)
        assert desk.line_of(found, noon).state == state
    yesterday = make.make_session(club, days=-1)
    for status in ("attended", "attended", "no_show"):
        make.make_booking(yesterday, make.make_client(club), status=status)
    page = sign_in(client, employee).get(URL, {"club": club.pk, "day": day_of(yesterday)}).text
    assert "2 came" in page
    assert "Conducted" in page


def test_a_checked_in_client_still_has_the_place(club: Club, employee: StaffMember) -> None:
    session = make.make_session(club, days=0.02, capacity=2)
    make.make_booking(session, make.make_client(club), status="attended")
    found = desk.find_session(employee, session.pk, timezone.now())
    assert (found.taken, found.attended) == (1, 1)


def test_the_address_alone_shows_today_in_the_colleagues_own_club(
    client: Browser, club: Club, manager: StaffMember
) -> None:
    make.make_club(club.business, name="Aardvark Hall")
    page = sign_in(client, make.make_staff(club.business, "employee", club=club)).get(URL)
    assert page.context["club"] == club
    assert page.context["day"] == today(club, timezone.now())
    assert "Nothing on this day" in page.text
    sign_in(client, make.make_staff(club.business, "employee"))
    assert client.get(URL).context["club"].name == "Aardvark Hall"


def test_the_days_beside_and_the_way_back(client: Browser, club: Club, employee: StaffMember) -> None:
    page = sign_in(client, employee).get(URL, {"day": "2026-03-01"}).text
    assert f'rel="prev" href="?club={club.pk}&amp;day=2026-02-28"' in page
    assert f'rel="next" href="?club={club.pk}&amp;day=2026-03-02"' in page
    assert 'rel="prev"' not in client.get(URL, {"day": "2000-01-01"}).text
    assert 'rel="next"' not in client.get(URL, {"day": "2099-12-31"}).text


def test_a_day_is_the_clubs_own(client: Browser, club: Club, employee: StaffMember) -> None:
    far = make.make_club(club.business, timezone="Pacific/Auckland")
    begin, end = bounds(far, datetime.date(2026, 6, 1))
    assert begin.astimezone(ZoneInfo("UTC")).isoformat() == "2026-05-31T12:00:00+00:00"
    make.make_session(far, title="First Light", starts_at=begin)
    make.make_session(far, title="Next Day", starts_at=end)
    page = sign_in(client, employee).get(URL, {"club": far.pk, "day": "2026-06-01"}).text
    assert "First Light" in page
    assert "00:00–01:00" in page
    assert "Next Day" not in page
    lost = make.make_club(club.business, timezone="Nowhere/Atlantis")
    assert client.get(URL, {"club": lost.pk}).status_code == 200


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"day": "yesterday"}, "This is no day"),
        ({"day": "2026-02-30"}, "This is no day"),
        ({"day": "0001-01-01"}, "between 1 Jan 2000 and 31 Dec 2099"),
        ({"day": "9999-12-31"}, "between 1 Jan 2000 and 31 Dec 2099"),
        ({"club": "x"}, "There is no such club here"),
        ({"club": "\x00"}, "There is no such club here"),
    ],
)
def test_what_cannot_be_shown_is_said(
    client: Browser, club: Club, employee: StaffMember, query: dict[str, str], said: str
) -> None:
    page = sign_in(client, employee).get(URL, query)
    assert page.status_code == 400
    assert said in page.text
    assert "<tbody>" not in page.text


def test_a_manager_sees_the_own_club_only(client: Browser, club: Club, manager: StaffMember) -> None:
    other = make.make_club(club.business, name="The Other Club")
    page = sign_in(client, manager).get(URL)
    assert page.context["clubs"] == [club]
    assert "The Other Club" not in page.text
    assert client.get(URL, {"club": other.pk}).status_code == 400


def test_another_business_is_no_club_here(client: Browser, club: Club, stranger: StaffMember) -> None:
    sign_in(client, stranger)
    empty = client.get(URL)
    assert empty.status_code == 200
    assert "No club yet" in empty.text
    make.make_club(stranger.business)
    refused = client.get(URL, {"club": club.pk})
    assert refused.status_code == 400
    assert club.name not in refused.text


def test_without_a_club_it_says_who_can_add_one(client: Browser, stranger: StaffMember) -> None:
    colleague = make.make_staff(stranger.business, "employee")
    assert "An administrator of your business can add" in sign_in(client, colleague).get(URL).text


def test_names_are_for_those_whose_group_includes_contacts(client: Browser, club: Club) -> None:
    talk = make.make_session(club, kind="appointment", capacity=1)
    who = make.make_client(club, first_name="Wren", last_name="Ashdown", number="N-77")
    make.make_booking(talk, who)
    colleague = make.make_staff(club.business, access_group=make.make_group(club.business, contacts=False))
    page = sign_in(client, colleague).get(URL, {"club": club.pk, "day": day_of(talk)}).text
    assert "Ashdown" not in page
    assert "#N-77" in page


def test_the_menu_leads_here(client: Browser, club: Club, employee: StaffMember) -> None:
    inbox = reverse("messages:inbox")
    assert f'href="{URL}"' in sign_in(client, employee).get(inbox).text
    without = make.make_staff(club.business, access_group=make.make_group(club.business, schedule=False))
    assert f'href="{URL}"' not in sign_in(client, without).get(inbox).text
    assert client.get(URL).status_code == 403


def test_as_many_queries_for_three_hundred_bookings_as_for_three(
    client: Browser, club: Club, employee: StaffMember
) -> None:
    sign_in(client, employee)

    def queries(sessions: int, bookings: int) -> int:
        starts = tomorrow_at(club, 10)
        comers = many_clients(club, bookings)
        for kind in ("class", "appointment") * sessions:
            session = make.make_session(club, starts_at=starts, kind=kind, capacity=400)
            Booking.objects.bulk_create(Booking(session=session, client=c, booked_at=timezone.now()) for c in comers)
        with CaptureQueriesContext(connection) as seen:
            page = client.get(URL, {"club": club.pk, "day": starts.date().isoformat()})
        assert page.status_code == 200
        return len(seen)

    few = queries(1, 3)
    assert queries(2, 150) == few
