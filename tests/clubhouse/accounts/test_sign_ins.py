"""One's own sign-ins, ending them all, and sign-ins that end by themselves."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts.models import Session
from clubhouse.accounts.signing_in import device
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148"


@pytest.fixture
def build(member: Client) -> AppBuild:
    business = member.business
    return AppBuild.objects.create(business=business, name="App", slug=business.slug, account_deletion=True)


def enter(url: str, who: StaffMember | Client, agent: str = "") -> Browser:
    browser = Browser(headers={"user-agent": agent}) if agent else Browser()
    answer = browser.post(url, {"email": who.user.email, "password": make.PASSWORD}, REMOTE_ADDR="203.0.113.9")
    assert answer.status_code == 302
    return browser


@pytest.mark.parametrize(
    ("agent", "kind"),
    [
        (PHONE, "phone"),
        ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Chrome/120 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X710) Chrome/120 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)", "tablet"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/120.0", "computer"),
        ("", ""),
    ],
)
def test_the_kind_of_device(agent: str, kind: str) -> None:
    assert device(agent) == kind


def test_a_colleague_sees_their_sign_ins_and_ends_them(employee: StaffMember, manager: StaffMember) -> None:
    door = reverse("business-sign-in", args=[employee.business.slug])
    desk, phone = enter(door, employee), enter(door, employee, PHONE)
    other = sign_in(Browser(), manager)
    page = phone.get(reverse("sign-ins")).content.decode()
    assert page.count("Signed in ") == 2
    assert page.count("This one") == 1
    assert "Phone" in page
    for row in Session.objects.filter(user=employee.user):
        assert row.session_key not in page
    answer = phone.post(reverse("sign-out-everywhere"), follow=True)
    assert "signed out on every device" in answer.content.decode()
    assert not Session.objects.filter(user=employee.user).exists()
    assert desk.get(reverse("clients:list"))["Location"].startswith(reverse("sign-in"))
    assert other.get(reverse("sign-ins")).status_code == 200, "a colleague's stays"


def test_a_member_sees_their_sign_ins_and_ends_them(member: Client, build: AppBuild) -> None:
    door = reverse("member:sign-in", args=[build.slug])
    first, second = enter(door, member, PHONE), enter(door, member)
    url = reverse("member-sign-ins", args=[build.slug])
    assert url in second.get(reverse("member:preferences", args=[build.slug])).content.decode()
    page = second.get(url).content.decode()
    assert page.count("Signed in ") == 2
    assert second.post(reverse("member-end-everywhere", args=[build.slug]))["Location"].startswith(door)
    assert first.get(url)["Location"].startswith(door)
    assert second.get(url)["Location"].startswith(door)


def test_no_address_of_the_network_is_kept(member: Client, build: AppBuild) -> None:
    enter(reverse("member:sign-in", args=[build.slug]), member, PHONE)
    row = Session.objects.get(user=member.user)
    assert "203.0.113.9" not in str(row.get_decoded())
    assert "iPhone" not in str(row.get_decoded())
    assert (row.device, row.signed_in_at is None) == ("phone", False)


@pytest.mark.parametrize("who", ["nobody", "stranger", "colleague"])
def test_others_do_not_see_a_members(
    request: pytest.FixtureRequest, client: Browser, member: Client, build: AppBuild, who: str
) -> None:
    if who == "stranger":
        sign_in(client, make.make_client(make.make_club(make.make_business()), member=True))
    elif who == "colleague":
        sign_in(client, request.getfixturevalue("administrator"))
    sign_in(Browser(), member)
    url, end = (reverse(name, args=[build.slug]) for name in ("member-sign-ins", "member-end-everywhere"))
    assert client.get(url)["Location"].startswith(reverse("member:sign-in", args=[build.slug]))
    assert client.post(end).status_code == 302
    assert Session.objects.filter(user=member.user).exists()


def test_wrong_methods(client: Browser, member: Client, build: AppBuild) -> None:
    sign_in(client, member)
    assert client.post(reverse("member-sign-ins", args=[build.slug])).status_code == 405
    assert client.get(reverse("member-end-everywhere", args=[build.slug])).status_code == 405


def test_the_list_takes_a_fixed_number_of_statements(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    counts = []
    for many in (1, 40):
        for number in range(many):
            Session.objects.create(
                session_key=f"s{many}-{number}", session_data="e30", expire_date=make.in_days(1), user=employee.user
            )
        with CaptureQueriesContext(connection) as caught:
            assert client.get(reverse("sign-ins")).status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1]


# --- idle limits ----------------------------------------------------------------------------------------------------
def rest(minutes: float) -> None:
    Session.objects.update(seen_at=timezone.now() - datetime.timedelta(minutes=minutes))


def test_a_sign_in_that_rests_too_long_ends_on_the_server(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    rest(59)
    assert client.get(reverse("clients:list")).status_code == 200
    assert timezone.now() - Session.objects.get().seen_at < datetime.timedelta(minutes=1), "it was used just now"
    rest(61)
    kept = client.cookies["sessionid"].value
    assert client.get(reverse("clients:list"))["Location"].startswith(reverse("sign-in"))
    assert not Session.objects.filter(user=employee.user).exists()
    client.cookies["sessionid"] = kept
    assert client.get(reverse("clients:list")).status_code == 302, "the old cookie opens nothing"


def test_the_business_sets_the_limit(client: Browser, employee: StaffMember) -> None:
    for minutes, rests, open_ in ((5, 6, False), (0, 700, True), (120, 61, True)):
        employee.business.team_idle_minutes = minutes
        employee.business.save()
        sign_in(client, employee)
        rest(rests)
        assert (client.get(reverse("clients:list")).status_code == 200) is open_


def test_a_post_of_a_sign_in_that_has_ended_changes_nothing(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    rest(61)
    client.post(reverse("sign-in-settings"), {"minutes": "30"})
    administrator.business.refresh_from_db()
    assert administrator.business.team_idle_minutes == 60


def test_a_members_sign_in_does_not_end_by_resting(client: Browser, member: Client, build: AppBuild) -> None:
    sign_in(client, member)
    rest(600)
    assert client.get(reverse("member:home", args=[build.slug])).status_code == 200


def test_what_has_rested_too_long_is_not_listed(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    Session.objects.create(
        session_key="resting",
        session_data="e30",
        expire_date=make.in_days(1),
        user=employee.user,
        seen_at=timezone.now() - datetime.timedelta(hours=2),
    )
    page = client.get(reverse("sign-ins")).content.decode()
    assert page.count("Last used ") == 1


def test_use_is_written_down_once_a_minute(client: Browser, employee: StaffMember) -> None:
    sign_in(client, employee)
    client.get(reverse("sign-ins"))
    with CaptureQueriesContext(connection) as caught:
        client.get(reverse("sign-ins"))
    assert not [query for query in caught if query["sql"].startswith("UPDATE")]
    rest(2)
    with CaptureQueriesContext(connection) as caught:
        client.get(reverse("sign-ins"))
    assert len([query for query in caught if query["sql"].startswith("UPDATE")]) == 1
