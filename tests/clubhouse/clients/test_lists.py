"""Clients, Users and Deleted Clients."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in


@pytest.fixture
def zoe(club: Club) -> Client:
    return make.make_client(
        club,
        first_name="Zoë",
        last_name="O’Brien",
        email="zoe@brien.example",
        number="A-77",
        mobile_no="+44 7700 900812",
    )


def names(browser: Browser, url: str, **query: str) -> list[str]:
    return [found.last_name for found in browser.get(url, query).context["page"].object_list]


@pytest.mark.parametrize("door", ["clients:list", "users:list"])
@pytest.mark.parametrize(
    "query",
    [
        "zoe",
        "o'brien",
        "Brien Zoë",
        "ZOE@BRIEN",
        "07700 900812",
        "+447700900812",
        "(0)7700-900-812",
        "0044 7700 900812",
        "a-77",
    ],
)
def test_a_client_is_found_by_name_address_phone_and_id(
    client: Browser, administrator: StaffMember, zoe: Client, club: Club, door: str, query: str
) -> None:
    make.make_client(club, last_name="Somebody")
    sign_in(client, administrator)
    assert names(client, reverse(door), q=query) == ["O’Brien"]


def test_the_filter_by_status(client: Browser, employee: StaffMember, zoe: Client, club: Club) -> None:
    make.make_client(club, last_name="Lead", status="lead")
    sign_in(client, employee)
    assert names(client, reverse("clients:list"), status="lead") == ["Lead"]
    assert len(names(client, reverse("clients:list"), status="nonsense")) == 2
    assert len(names(client, reverse("clients:list"), status="deleted")) == 2


def test_each_kind_of_empty_says_which(client: Browser, administrator: StaffMember, club: Club) -> None:
    sign_in(client, administrator)
    assert "No clients yet" in client.get(reverse("clients:list")).content.decode()
    assert "No client has been deleted" in client.get(reverse("clients:deleted")).content.decode()
    make.make_client(club)
    assert "No client matches" in client.get(reverse("clients:list"), {"q": "qqqq"}).content.decode()
    assert "Nobody matches" in client.get(reverse("users:list"), {"q": "qqqq"}).content.decode()
    assert "No deleted client has" in client.get(reverse("clients:deleted"), {"q": "1"}).content.decode()


@pytest.mark.parametrize("query", ["\x00", "%", "'", "\\", "<script>", "x" * 5000, "‮", "+", "()"])
def test_odd_queries_are_answered(client: Browser, employee: StaffMember, zoe: Client, query: str) -> None:
    sign_in(client, employee)
    answer = client.get(reverse("clients:list"), {"q": query, "page": "zzz"})
    assert answer.status_code == 200
    assert "<script>" not in answer.content.decode()


def test_nobody_of_another_business_is_listed(
    client: Browser, administrator: StaffMember, stranger: StaffMember
) -> None:
    other = make.make_client(make.make_club(stranger.business))
    sign_in(client, administrator)
    for door in ("clients:list", "users:list"):
        page = client.get(reverse(door), {"q": other.last_name}).content.decode()
        assert other.email not in page
    assert stranger.name not in client.get(reverse("users:list")).content.decode()


def test_users_lists_colleagues_and_marks_them(
    client: Browser, administrator: StaffMember, employee: StaffMember
) -> None:
    sign_in(client, administrator)
    page = client.get(reverse("users:list"), {"q": employee.user.email})
    assert [found.pk for found in page.context["colleagues"]] == [employee.pk]
    assert "Colleague</span>" in page.content.decode()
    record = client.get(reverse("users:colleague", args=[employee.pk])).content.decode()
    assert employee.access_group.name in record


@pytest.mark.parametrize("url", ["clients:list", "users:list", "clients:deleted"])
def test_queries_are_the_same_for_ten_and_a_thousand(
    client: Browser, administrator: StaffMember, club: Club, url: str
) -> None:
    sign_in(client, administrator)
    counts = []
    for number in (10, 990):
        Client.objects.bulk_create(
            Client(
                business=club.business,
                home_club=club,
                number=f"{number}-{n}",
                first_name="[deleted]" if url == "clients:deleted" else "Many",
                status="deleted" if url == "clients:deleted" else "active",
                joined_on=make.today(),
                search_text="many",
            )
            for n in range(number)
        )
        client.get(reverse(url))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(reverse(url), {"q": "" if url == "clients:deleted" else "many"}).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 10


def test_pages(client: Browser, employee: StaffMember, club: Club) -> None:
    for n in range(51):
        make.make_client(club, last_name=f"Page{n:02d}")
    sign_in(client, employee)
    first = client.get(reverse("clients:list"), {"q": "page"})
    assert "1–50 of 51 clients" in first.content.decode()
    assert 'href="?q=page&amp;page=2"' in first.content.decode()
    assert names(client, reverse("clients:list"), q="page", page="2") == ["Page50"]
