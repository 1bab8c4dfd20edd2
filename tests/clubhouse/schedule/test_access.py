"""Every view of the schedule against everybody who might ask for it; a view without a line here fails the last test."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import get_resolver, reverse

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

#: Name of the view; what its address needs; what it takes; the areas it needs, or "administrator".
VIEWS = [
    ("day", "", "GET", "schedule"),
    ("add", "", "GET POST", "schedule"),
    ("session", "session", "GET", "schedule"),
    ("edit-session", "session", "GET POST", "schedule"),
    ("cancel-session", "session", "GET POST", "schedule"),
    ("book", "session", "POST", "schedule contacts"),
    ("wait", "session", "POST", "schedule contacts"),
    ("mark", "booking", "POST", "schedule"),
    ("cancel-place", "booking", "POST", "schedule"),
    ("give-place", "entry", "POST", "schedule"),
    ("make-offer", "entry", "POST", "schedule"),
    ("remove-waiting", "entry", "POST", "schedule"),
    ("clubs", "", "GET POST", "administrator"),
    ("add-club", "", "GET POST", "administrator"),
    ("edit-club", "club", "GET POST", "administrator"),
]
#: Those of a profile; their own tests are in test_settle.py.
OF_A_PROFILE = {"cancel-booking", "cancel-bookings", "leave-waiting-list"}
every_view = pytest.mark.parametrize(("name", "needs", "methods", "area"), VIEWS, ids=[row[0] for row in VIEWS])


@pytest.fixture
def scene(club: Club) -> dict[str, list[int]]:
    """What the addresses are made of: a session of ``club`` with a booking and a waiting list."""
    session = make.make_session(club, days=0.03, capacity=5, title="Quiet Hour")
    booking = make.make_booking(session, make.make_client(club))
    entry = make.make_waiting(session, make.make_client(club))
    return {
        "": [],
        "club": [club.pk],
        "session": [session.pk],
        "booking": [session.pk, booking.pk],
        "entry": [session.pk, entry.pk],
    }


def everything() -> list[Any]:
    models = (Session, Booking, WaitingListEntry, Club, Business)
    return [list(model.objects.order_by("pk").values()) for model in models]


def ask(browser: Browser, method: str, url: str) -> Any:
    # With a client who waits, so that what is allowed has something to do.
    waits = WaitingListEntry.objects.values_list("client", flat=True).first()
    data = {"status": "attended", "client": waits or "", "unpaid": "yes"}
    return browser.get(url) if method == "GET" else browser.post(url, data)


@every_view
def test_who_may(
    client: Browser,
    scene: dict[str, list[int]],
    business: Business,
    club: Club,
    name: str,
    needs: str,
    methods: str,
    area: str,
) -> None:
    url = reverse(f"schedule:{name}", args=scene[needs])
    all_may = {"employee", "manager", "administrator"}
    may = {"administrator"} if area == "administrator" else all_may
    for role in sorted(all_may):
        sign_in(client, make.make_staff(business, role, club=club if role != "administrator" else None))
        for method in methods.split():
            answer = ask(client, method, url)
            assert (answer.status_code in {200, 302, 404, 422}) == (role in may), f"{role}, {method}"
            assert role in may or (answer.status_code == 403 and "administrator" in answer.text)


@every_view
def test_a_colleague_without_the_area(
    client: Browser,
    scene: dict[str, list[int]],
    business: Business,
    name: str,
    needs: str,
    methods: str,
    area: str,
) -> None:
    url, before = reverse(f"schedule:{name}", args=scene[needs]), everything()
    areas = ["schedule"] if area == "administrator" else area.split()
    for missing in areas:
        group = make.make_group(business, **{"contacts": True, "schedule": True, missing: False})
        sign_in(client, make.make_staff(business, access_group=group))
        for method in methods.split():
            answer = ask(client, method, url)
            assert answer.status_code == 403
            assert "Quiet Hour" not in answer.text
    assert everything() == before


@every_view
def test_others_find_nothing(
    client: Browser,
    scene: dict[str, list[int]],
    business: Business,
    stranger: StaffMember,
    name: str,
    needs: str,
    methods: str,
    area: str,
) -> None:
    make.make_club(stranger.business)
    url, before = reverse(f"schedule:{name}", args=scene[needs]), everything()
    elsewhere = make.make_staff(business, "manager", club=make.make_club(business))
    before = everything()
    for who in (stranger, elsewhere):
        sign_in(client, who)
        for method in methods.split():
            if not needs and method == "POST":
                continue
            answer = ask(client, method, url)
            assert "Quiet Hour" not in answer.text
            if needs:
                forbidden = area == "administrator" and who is elsewhere
                assert answer.status_code == (403 if forbidden else 404)
    assert everything() == before


@every_view
def test_members_and_the_signed_out(
    client: Browser,
    scene: dict[str, list[int]],
    member: Client,
    name: str,
    needs: str,
    methods: str,
    area: str,
) -> None:
    url, before = reverse(f"schedule:{name}", args=scene[needs]), everything()
    for method in methods.split():
        answer = ask(client, method, url)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, reverse("sign-in"))
    sign_in(client, member)
    for method in methods.split():
        assert ask(client, method, url).status_code == 403
    assert everything() == before


@every_view
def test_the_wrong_method(
    client: Browser,
    scene: dict[str, list[int]],
    administrator: StaffMember,
    name: str,
    needs: str,
    methods: str,
    area: str,
) -> None:
    url, before = reverse(f"schedule:{name}", args=scene[needs]), everything()
    sign_in(client, administrator)
    for method in {"GET", "POST", "PUT", "DELETE"} - set(methods.split()):
        assert client.generic(method, url).status_code == 405, method
    assert everything() == before


@every_view
def test_nothing_is_changed_from_another_site(
    scene: dict[str, list[int]], administrator: StaffMember, name: str, needs: str, methods: str, area: str
) -> None:
    if "POST" not in methods:
        assert methods == "GET"
        return
    browser = sign_in(Browser(enforce_csrf_checks=True), administrator)
    before = everything()
    assert ask(browser, "POST", reverse(f"schedule:{name}", args=scene[needs])).status_code == 403
    assert everything() == before


def test_every_view_is_listed() -> None:
    names = {name for name in get_resolver("clubhouse.schedule.urls").reverse_dict if isinstance(name, str)}
    assert "session" in names
    assert names == {row[0] for row in VIEWS} | OF_A_PROFILE
