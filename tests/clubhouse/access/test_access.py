"""Every view × role × business: whoever adds a view without a line in the table fails the last test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clubhouse.accounts.models import Business, User
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.clubhouse.access.ground import Ground
from tests.clubhouse.access.table import ELSEWHERE, MEMBER, OPERATOR, ROLES, TABLE, Line
from tests.support import factories as make
from tests.support.sign_in import sign_in

TESTS = Path(__file__).resolve().parents[2]
LINES = pytest.mark.parametrize("line", TABLE, ids=[line.view for line in TABLE])
#: What a permitted person is answered: the page, the way on, or a form with what is to be mended.
SERVED = {200, 302, 303, 409, 422}


@pytest.fixture
def ground(club: Club, administrator: StaffMember) -> Ground:
    return Ground(club, administrator)


@pytest.fixture
def everyone(request: pytest.FixtureRequest, business: Business, club: Club) -> dict[str, Browser]:
    """A browser for each role, signed in."""
    people: dict[str, Any] = {
        "employee": request.getfixturevalue("employee"),
        "manager": request.getfixturevalue("manager"),
        "administrator_without_delete": request.getfixturevalue("administrator_without_delete"),
        "administrator": request.getfixturevalue("administrator"),
        "member": request.getfixturevalue("member"),
        "operator": make.make_user(None, User.Audience.OPERATOR),
    }
    assert people.keys() == ROLES
    return {role: sign_in(Browser(), who) for role, who in people.items()}


def ask(browser: Browser, method: str, url: str) -> Any:
    answer = browser.generic(method, url)
    if answer.streaming:
        b"".join(answer.streaming_content)
        # Closing the file ends the request, and that would end the connection of this test's transaction.
        request_finished.disconnect(close_old_connections)
        answer.close()
        request_finished.connect(close_old_connections)
    return answer


def to_a_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and answer["Location"].split("?")[0].endswith("sign-in/")


def refused(line: Line, role: str, answer: Any) -> bool:
    """Whom a page is not for: colleagues are told who may, the others are led to the sign-in that the page needs."""
    if line.who == MEMBER:
        return to_a_sign_in(answer)
    if line.who == OPERATOR or role in {"member", "operator"}:
        return answer.status_code in {403, 404} or to_a_sign_in(answer)
    return answer.status_code == 403 and "administrator" in answer.content.decode()


@LINES
def test_each_role(line: Line, ground: Ground, everyone: dict[str, Browser]) -> None:
    """Those who may are served, those who may not are refused, and nobody meets an error."""
    # Who may not comes first: whoever may could change what the address is about.
    url = reverse(line.view, args=ground.arguments(line.needs))
    for role in sorted(ROLES - line.who):
        for method in line.methods.split():
            answer = ask(everyone[role], method, url)
            assert refused(line, role, answer), f"{role} with {method}: {answer.status_code}"
    for role in sorted(line.who):
        for method in line.methods.split():
            url = reverse(line.view, args=ground.arguments(line.needs))
            answer = ask(everyone[role], method, url)
            assert answer.status_code in SERVED, f"{role} with {method}: {answer.status_code}"
            assert not to_a_sign_in(answer) or line.view in ENDS_SIGN_INS, f"{role} with {method} is sent to sign in"


#: Whose answer is the sign-in page, because that is what they do.
ENDS_SIGN_INS = {"sign-out-everywhere", "member-end-everywhere"}


@LINES
def test_signed_out_and_wrong_methods(line: Line, ground: Ground, everyone: dict[str, Browser]) -> None:
    """Nobody is served without signing in, and no view takes a method that it does not know."""
    url = reverse(line.view, args=ground.arguments(line.needs))
    for method in line.methods.split():
        assert to_a_sign_in(ask(Browser(), method, url)), method
    someone = everyone[max(line.who)]
    for method in {"GET", "POST", "PUT", "DELETE"} - set(line.methods.split()):
        assert ask(someone, method, url).status_code == 405, method


@pytest.mark.parametrize("line", [line for line in TABLE if line.record], ids=lambda line: line.view)
def test_a_stranger_of_another_business(line: Line, ground: Ground) -> None:
    """To others the record does not exist, whatever they may do in their own business."""
    elsewhere = make.make_club(make.make_business())
    stranger = (
        make.make_client(elsewhere, member=True)
        if line.who == MEMBER
        else make.make_staff(elsewhere.business, "administrator", delete_accounts=True)
    )
    url = reverse(line.view, args=ground.arguments(line.needs))
    browser = sign_in(Browser(), stranger)
    for method in line.methods.split():
        answer = ask(browser, method, url)
        assert answer.status_code == 404 or (line.who == MEMBER and to_a_sign_in(answer)), method


@pytest.mark.parametrize(
    "line",
    [line for line in TABLE if line.record and "manager" in line.who and line.needs not in {"case"}],
    ids=lambda line: line.view,
)
def test_the_manager_of_another_club(line: Line, ground: Ground, business: Business) -> None:
    """A manager sees one club (the words of the documents): what belongs to another is not found."""
    manager = make.make_staff(business, "manager", club=make.make_club(business))
    url = reverse(line.view, args=ground.arguments(line.needs))
    browser = sign_in(Browser(), manager)
    for method in line.methods.split():
        assert ask(browser, method, url).status_code == 404, method


def views(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for entry in patterns:
        if isinstance(entry, URLResolver):
            inner = f"{prefix}{entry.namespace}:" if entry.namespace else prefix
            yield from views(entry.url_patterns, inner)
        else:
            yield f"{prefix}{entry.name}"


def test_every_view_is_in_the_table_or_has_tests_of_its_own() -> None:
    """The API and the embed have tables of their own beside their tests."""
    listed = {line.view for line in TABLE}
    elsewhere = {view for names in ELSEWHERE.values() for view in names}
    assert not listed & elsewhere
    found = {view for view in views(get_resolver().url_patterns) if not view.startswith(("api:", "embed:"))}
    assert found == listed | elsewhere


@pytest.mark.parametrize("file", sorted(ELSEWHERE))
def test_what_is_said_to_be_tested_elsewhere_is(file: str) -> None:
    source = (TESTS / file).read_text()
    missing = [
        view for view in ELSEWHERE[file] if not re.search(rf"\b{view.split(':')[-1].removesuffix('-hook')}\b", source)
    ]
    assert not missing
