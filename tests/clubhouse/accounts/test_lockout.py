"""Lockout at sign-in: it cannot be used against a person of another business, tells nothing and keeps nothing."""

from __future__ import annotations

import datetime
import logging
import threading

import pytest
from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.auth import authenticate
from django.db import connection
from django.http import HttpRequest
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts import lockout
from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.canaries import word
from tests.support.dump import logical_dump

LIMIT = settings.AXES_FAILURE_LIMIT
TEAM, MEMBER = "team", "member"


def door(business: Business | None, audience: str = TEAM) -> str:
    if audience == MEMBER:
        return reverse("member-sign-in")
    return reverse("business-sign-in", args=[business.slug]) if business else reverse("sign-in")


def attempt(url: str, email: str, password: str = "wrong", **more: str):  # noqa: S107
    return Browser().post(url, {"email": email, "password": password} | more, headers={"User-Agent": "Canary/9"})


def lock(url: str, email: str, **more: str) -> None:
    for _ in range(LIMIT):
        assert attempt(url, email, **more).status_code == 422


@pytest.mark.parametrize("named", [True, False])
def test_after_too_many_tries_the_right_password_waits_too(employee: StaffMember, named: bool) -> None:
    url = door(employee.business if named else None)
    lock(url, employee.user.email)
    answer = attempt(url, employee.user.email, make.PASSWORD)
    assert answer.status_code == 429
    page = answer.content.decode()
    assert "Wait 15 minutes" in page
    assert f'value="{employee.user.email}"' in page, "the form is kept"
    assert make.PASSWORD not in page


def test_after_the_cool_off_it_works_again(employee: StaffMember) -> None:
    url = door(employee.business)
    lock(url, employee.user.email)
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    assert attempt(url, employee.user.email, make.PASSWORD).status_code == 302
    assert not AccessAttempt.objects.exists(), "a success forgets the tries"


def test_tries_while_locked_do_not_lengthen_the_wait(employee: StaffMember) -> None:
    url = door(employee.business)
    lock(url, employee.user.email)
    before = AccessAttempt.objects.get()
    attempt(url, employee.user.email)
    after = AccessAttempt.objects.get()
    assert (after.attempt_time, after.failures_since_start) == (before.attempt_time, LIMIT)


@pytest.mark.parametrize("named", [True, False])
def test_a_success_clears_it(employee: StaffMember, named: bool) -> None:
    url = door(employee.business if named else None)
    for _ in range(2):
        for _ in range(LIMIT - 1):
            attempt(url, employee.user.email)
        assert attempt(url, employee.user.email, make.PASSWORD).status_code == 302


def test_bad_tries_in_one_business_lock_nobody_of_another(employee: StaffMember) -> None:
    """The same address in two businesses, and in one of them under the other audience too."""
    other = make.make_business()
    twin = make.make_staff(other, user=make.make_user(other, User.Audience.TEAM, employee.user.email))
    member = make.make_client(make.make_club(other), email=employee.user.email, member=True)
    lock(door(other), employee.user.email)
    assert attempt(door(other), employee.user.email, make.PASSWORD).status_code == 429
    assert attempt(door(None), employee.user.email, make.PASSWORD, business=other.slug).status_code == 429
    assert attempt(door(employee.business), employee.user.email, make.PASSWORD).status_code == 302
    assert attempt(door(None), employee.user.email, make.PASSWORD, business=employee.business.slug).status_code == 302
    member_door = door(None, MEMBER)
    assert attempt(member_door, member.email, make.PASSWORD, business=other.slug).status_code == 302
    twin.user.set_password("another long password")
    twin.user.save()
    assert attempt(door(None), employee.user.email, make.PASSWORD).status_code == 302, "the door of no business"


def answers(url: str, email: str, **more: str) -> list[tuple[int, list[str]]]:
    found = []
    for _ in range(LIMIT + 2):
        answer = attempt(url, email, **more)
        found.append((answer.status_code, [str(error) for error in answer.context["form"].non_field_errors()]))
    return found


@pytest.mark.parametrize("first", ["named", "general"])
def test_a_known_and_an_unknown_address_are_answered_alike_at_every_door(employee: StaffMember, first: str) -> None:
    doors = [door(employee.business), door(None)]
    if first == "general":
        doors.reverse()
    known = [answers(url, employee.user.email) for url in doors]
    unknown = [answers(url, "nobody@example.com") for url in doors]
    assert known == unknown
    assert [status for status, _ in known[0]] == [422] * LIMIT + [429] * 2


def test_they_cost_the_same_number_of_statements(employee: StaffMember) -> None:
    counts = set()
    for email in (employee.user.email, "nobody@example.com"):
        with CaptureQueriesContext(connection) as caught:
            attempt(door(employee.business), email)
        counts.add(len(caught))
    assert len(counts) == 1


def test_a_bad_guess_costs_as_much_whoever_else_guesses(employee: StaffMember) -> None:
    """A fixed number of statements, with one row of tries or with many."""
    lockout.count("day:first")
    attempt(door(employee.business), employee.user.email)
    few = len(_caught(employee))
    for number in range(200):
        lockout.count(f"day:{number}")
    assert len(_caught(employee)) == few


def _caught(employee: StaffMember) -> CaptureQueriesContext:
    with CaptureQueriesContext(connection) as caught:
        attempt(door(employee.business), employee.user.email)
    return caught


@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_person_is_kept(employee: StaffMember, caplog: pytest.LogCaptureFixture) -> None:
    """Not the address, the form, the network address, the browser or the page; neither in a log."""
    secret, unknown = word("typed"), f"{word('Unknown')}@example.com"
    logging.getLogger("axes").addHandler(caplog.handler)
    try:
        for url, email in ((door(employee.business), employee.user.email), (door(None), unknown)):
            Browser(REMOTE_ADDR="203.0.113.77").post(
                url + "?from=" + word("page"), {"email": email, "password": secret}, headers={"User-Agent": "Canary/9"}
            )
    finally:
        logging.getLogger("axes").removeHandler(caplog.handler)
    rows = list(AccessAttempt.objects.values())
    assert len(rows) == 2
    dump = logical_dump(connection).lower()
    said = caplog.text.lower().encode()
    for value in (secret, unknown, "203.0.113.77", "Canary/9"):
        assert value.lower().encode() not in dump + said
    for row in rows:
        assert row["get_data"] == row["post_data"] == ""
        assert row["path_info"] == row["http_accept"] == row["user_agent"] == "<unknown>"
        assert row["ip_address"] == lockout.NOWHERE
    assert str(employee.user.pk) in {row["username"] for row in rows}
    assert not AccessLog.objects.exists()
    assert not AccessFailureLog.objects.exists()
    assert not AccessAttemptExpiration.objects.exists()


def test_the_key_of_an_unknown_address_changes_with_the_day() -> None:
    now = timezone.now()
    today = lockout.address_key(TEAM, "gym", "a@example.com", now=now)
    assert today == lockout.address_key(TEAM, "GYM", " A@example.com", now=now)
    others = {
        lockout.address_key(TEAM, "gym", "a@example.com", now=now + datetime.timedelta(days=1)),
        lockout.address_key(MEMBER, "gym", "a@example.com", now=now),
        lockout.address_key(TEAM, "other", "a@example.com", now=now),
        lockout.address_key(TEAM, "gym", "b@example.com", now=now),
    }
    assert len(others | {today}) == 5


def test_djangos_own_way_counts_too_and_keeps_nothing(employee: StaffMember) -> None:
    request = HttpRequest()
    request.method, request.META = "POST", {"REMOTE_ADDR": "203.0.113.77", "HTTP_USER_AGENT": "Canary/9"}
    request.POST = request.POST.copy()
    request.POST["password"] = "typed-canary"
    given = {"business": employee.business, "email": employee.user.email, "password": "wrong"}
    for _ in range(LIMIT):
        assert authenticate(request, **given) is None
    row = AccessAttempt.objects.get()
    assert (row.username, row.ip_address) == (str(employee.user.pk), lockout.NOWHERE)
    assert row.post_data.strip("\n-") == row.get_data.strip("\n-") == "", "axes' own separators, and nothing between"
    assert row.user_agent != "Canary/9"
    assert attempt(door(employee.business), employee.user.email, make.PASSWORD).status_code == 429


def test_what_is_old_is_forgotten(employee: StaffMember) -> None:
    lockout.count("day:old")
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME)
    lockout.count("day:new")
    lockout.forget_old(timezone.now())
    assert [row.username for row in AccessAttempt.objects.all()] == ["day:new"]


@pytest.mark.django_db(transaction=True)
def test_many_tries_at_once_are_no_way_around(employee: StaffMember) -> None:
    allowed: list[bool] = []
    start = threading.Barrier(LIMIT * 2)

    def go() -> None:
        try:
            start.wait(timeout=30)
            allowed.append(lockout.Attempt("day:many").allowed)
        finally:
            connection.close()

    threads = [threading.Thread(target=go) for _ in range(LIMIT * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(allowed) == LIMIT * 2
    assert sum(allowed) <= LIMIT


def test_the_tries_go_with_the_account(member: Client, administrator: StaffMember) -> None:
    lock(door(None, MEMBER), member.email, business=member.business.slug)
    lockout.count("day:somebody-else")
    key = str(member.user.pk)
    # As axes would fill a row in, were it not handed a blank request.
    AccessAttempt.objects.create(username=key, user_agent="an agent", post_data="a form", failures_since_start=1)
    assert AccessAttempt.objects.filter(username=key).count() == 2
    found = look(member)
    assert any("failed sign-ins" in line.label.lower() for line in found.removed)
    erase(member, by=administrator.user, reason="test", fingerprint=found.fingerprint)
    assert [row.username for row in AccessAttempt.objects.all()] == ["day:somebody-else"]


# --- the administrator ----------------------------------------------------------------------------------------------
def test_an_administrator_unlocks_a_colleague_and_a_member(
    client: Browser, administrator: StaffMember, employee: StaffMember, member: Client
) -> None:
    lock(door(employee.business), employee.user.email)
    lock(door(None), employee.user.email)
    lock(door(None, MEMBER), member.email, business=member.business.slug)
    client.force_login(administrator.user)
    page = client.get(reverse("sign-in-settings")).content.decode()
    assert employee.name in page
    assert member.display_name in page
    for who in (employee, member):
        url = reverse("unlock", args=[who.user.pk])
        assert client.post(url)["Location"] == reverse("sign-in-settings")
        assert client.post(url).status_code == 302, "a second click changes nothing"
    assert attempt(door(employee.business), employee.user.email, make.PASSWORD).status_code == 302
    assert attempt(door(None), employee.user.email, make.PASSWORD).status_code == 302
    url = door(None, MEMBER)
    assert attempt(url, member.email, make.PASSWORD, business=member.business.slug).status_code == 302
    assert "Nobody is locked out" in client.get(reverse("sign-in-settings")).content.decode()


def test_the_list_names_nobody_of_another_business(
    client: Browser, administrator: StaffMember, stranger: StaffMember
) -> None:
    lock(door(stranger.business), stranger.user.email)
    client.force_login(administrator.user)
    assert stranger.name not in client.get(reverse("sign-in-settings")).content.decode()
    assert client.post(reverse("unlock", args=[stranger.user.pk])).status_code == 404
    assert attempt(door(stranger.business), stranger.user.email, make.PASSWORD).status_code == 429


@pytest.mark.parametrize("many", [1, 40])
def test_the_list_takes_a_fixed_number_of_statements(
    client: Browser, administrator: StaffMember, many: int, django_assert_max_num_queries
) -> None:
    for _ in range(many):
        staff = make.make_staff(administrator.business)
        AccessAttempt.objects.create(
            username=str(staff.user.pk), ip_address=lockout.NOWHERE, failures_since_start=LIMIT
        )
    client.force_login(administrator.user)
    with django_assert_max_num_queries(14):
        page = client.get(reverse("sign-in-settings")).content.decode()
    assert page.count(">Unlock</button>") == many


def test_the_idle_limit_is_set_and_refused_with_the_cure(client: Browser, administrator: StaffMember) -> None:
    client.force_login(administrator.user)
    url = reverse("sign-in-settings")
    for wrong in ("", "-1", "4", "999999999999", "soon"):
        answer = client.post(url, {"minutes": wrong})
        assert answer.status_code == 422, wrong
        assert 'href="#id_minutes"' in answer.content.decode()
    assert client.post(url, {"minutes": "30"}).status_code == 302
    administrator.business.refresh_from_db()
    assert administrator.business.team_idle_minutes == 30
    client.post(url, {"minutes": "0"})
    administrator.business.refresh_from_db()
    assert administrator.business.team_idle_minutes == 0
