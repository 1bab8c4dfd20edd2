"""A client's profile, as each colleague sees it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.clients.models import Client, ClientLinking, ClientNote
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in


def profile(browser: Browser, client: Client, door: str = "clients") -> str:
    return browser.get(reverse(f"{door}:profile", args=[client.pk])).content.decode()


@pytest.mark.parametrize("door", ["clients", "users"])
def test_it_shows_who_and_what(client: Browser, administrator: StaffMember, client_record: Record, door: str) -> None:
    sign_in(client, administrator)
    page = profile(client, client_record.client, door)
    for value in (
        client_record.canaries.last_name,
        client_record.canaries.mobile_no,
        client_record.canaries.client_note,
        client_record.upcoming.title,
        client_record.past.title,
        client_record.trainer.name,
        client_record.friend.last_name,
        "Book a Buddy",
        "ending 4242",
        "£39.00",
    ):
        assert value.replace("'", "&#x27;") in page
    for anchor in ("bookings", "invoices", "credits", "packages", "memberships", "linkings"):
        assert f'id="{anchor}"' in page
    assert 'aria-label="Client Information"' in page
    assert 'aria-label="Edit"' in page


def test_areas_that_the_group_does_not_include_are_not_shown(
    client: Browser, employee: StaffMember, client_record: Record
) -> None:
    assert not employee.access_group.retail
    sign_in(client, employee)
    page = profile(client, client_record.client)
    assert client_record.upcoming.title in page
    assert 'id="invoices"' not in page
    assert "does not include Retail" in page
    employee.access_group.schedule = False
    employee.access_group.save()
    page = profile(client, client_record.client)
    assert client_record.upcoming.title not in page
    assert "Schedule and Retail" in page


def test_queries_are_the_same_for_few_rows_and_for_a_thousand(
    client: Browser, administrator: StaffMember, club: Club
) -> None:
    record, friend = make.make_client(club), make.make_client(club)
    sign_in(client, administrator)
    counts = []
    for number in (10, 990):
        sessions = Session.objects.bulk_create(
            Session(club=club, title="Spin", starts_at=make.in_days(1 if n % 2 else -1)) for n in range(number)
        )
        Booking.objects.bulk_create(
            Booking(session=one, client=record, booked_by=friend, booked_at=make.in_days(-2)) for one in sessions
        )
        ClientNote.objects.bulk_create(ClientNote(client=record, author=administrator, text="x") for _ in sessions)
        others = Client.objects.bulk_create(
            Client(business=club.business, home_club=club, number=f"L{number}-{n}", joined_on=make.today())
            for n in range(number)
        )
        ClientLinking.objects.bulk_create(ClientLinking(kind="family", client=record, other=one) for one in others)
        with CaptureQueriesContext(connection) as queries:
            profile(client, record)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 25


def test_a_long_list_is_shown_in_part_until_all_is_asked_for(
    client: Browser, administrator: StaffMember, club: Club
) -> None:
    record = make.make_client(club)
    for _ in range(22):
        make.make_booking(make.make_session(club, days=-5), record)
    sign_in(client, administrator)
    url = reverse("clients:profile", args=[record.pk])
    assert len(client.get(url).context["profile"].past.rows) == 20
    assert "?all=past#history" in client.get(url).content.decode()
    assert len(client.get(url, {"all": "past"}).context["profile"].past.rows) == 22


def test_removing_a_linking_from_either_side(client: Browser, employee: StaffMember, club: Club) -> None:
    one, two = make.make_client(club), make.make_client(club)
    sign_in(client, employee)
    for chosen in (one, two):
        linking = make.make_linking("paid_by", one, two)
        answer = client.post(reverse("clients:remove-linking", args=[linking.pk]), {"client": chosen.pk})
        assert answer["Location"] == reverse("clients:profile", args=[chosen.pk]) + "#linkings"
        assert not ClientLinking.objects.exists()
    assert client.post(reverse("clients:remove-linking", args=[linking.pk])).status_code == 404


def test_removing_a_linking_leads_to_nobody_elses_profile(client: Browser, employee: StaffMember, club: Club) -> None:
    linking = make.make_linking("family", make.make_client(club), make.make_client(club))
    sign_in(client, employee)
    answer = client.post(reverse("clients:remove-linking", args=[linking.pk]), {"client": "https://evil.example"})
    assert answer["Location"].startswith(f"/clients/{linking.client_id}/")


def test_markup_in_a_name_is_text(client: Browser, employee: StaffMember, club: Club) -> None:
    record = make.make_client(club, last_name="<img src=x onerror=alert(1)>")
    sign_in(client, employee)
    assert "<img src=x" not in profile(client, record)
