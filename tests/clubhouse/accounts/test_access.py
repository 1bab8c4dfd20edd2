"""Every view of sign-in, clients, users and privacy against everybody who might ask for it.

One table says who may; whoever adds a view to one of these address lists without a line here fails the last test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import get_resolver, reverse

from clubhouse.clients.models import Client, ProfileImage
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe.models import Effect
from tests.support import factories as make
from tests.support.record import picture
from tests.support.sign_in import sign_in

EVERYONE = {"employee", "manager", "administrator_without_delete", "administrator"}
ADMINISTRATORS = {"administrator_without_delete", "administrator"}
DELETERS = {"administrator"}

#: Name of the view; what its address needs; what it takes; who may; whether it is about a record of one business.
VIEWS: list[tuple[str, str, str, set[str], bool]] = [
    ("clients:list", "", "GET", EVERYONE, False),
    ("clients:deleted", "", "GET", ADMINISTRATORS, False),
    ("clients:profile", "client", "GET", EVERYONE, True),
    ("clients:information", "client", "GET", EVERYONE, True),
    ("clients:image", "pictured", "GET", EVERYONE, True),
    ("clients:edit", "client", "GET POST", EVERYONE, True),
    ("clients:delete", "client", "POST", DELETERS, True),
    ("clients:remove-linking", "linking", "POST", EVERYONE, True),
    ("clients:new", "", "GET POST", EVERYONE, False),
    ("clients:timeline", "client", "GET", EVERYONE, True),
    ("clients:picture", "client", "GET POST", EVERYONE, True),
    ("clients:add-linking", "client", "GET POST", EVERYONE, True),
    ("clients:add-note", "client", "POST", EVERYONE, True),
    ("clients:edit-note", "note", "GET POST", ADMINISTRATORS | {"employee"}, True),
    ("clients:delete-note", "note", "POST", ADMINISTRATORS | {"employee"}, True),
    ("clients:add-trainer", "client", "POST", EVERYONE, True),
    ("clients:remove-trainer", "trainer", "POST", EVERYONE, True),
    ("users:list", "", "GET", ADMINISTRATORS, False),
    ("users:profile", "client", "GET", ADMINISTRATORS, True),
    ("users:edit", "client", "GET POST", ADMINISTRATORS, True),
    ("users:consequences", "client", "GET", DELETERS, True),
    ("users:colleague", "colleague", "GET", ADMINISTRATORS, True),
    ("privacy:settings", "", "GET POST", ADMINISTRATORS, False),
    ("privacy:retry-all", "", "POST", ADMINISTRATORS, False),
    ("privacy:retry", "overdue", "POST", ADMINISTRATORS, False),
    ("privacy:explanation", "", "GET", ADMINISTRATORS, False),
    ("privacy:already-deleted", "", "GET", ADMINISTRATORS, False),
    ("privacy:residue", "client", "GET", DELETERS, True),
    ("privacy:receipt", "receipt", "GET", ADMINISTRATORS, True),
    ("privacy:progress", "receipt", "GET", ADMINISTRATORS, True),
    ("sign-ins", "", "GET", EVERYONE, False),
    ("sign-out-everywhere", "", "POST", EVERYONE, False),
    ("sign-in-settings", "", "GET POST", ADMINISTRATORS, False),
    ("unlock", "account", "POST", ADMINISTRATORS, True),
]
#: Open to anybody, or to members; their own tests are in test_sign_in.py, test_passwords.py and test_sign_ins.py.
OPEN = {
    "password",
    "password-asked",
    "password-send",
    "password-choose",
    "business-password",
    "member-password",
    "member-sign-ins",
    "member-end-everywhere",
    "home",
    "sign-in",
    "sign-out",
    "member-home",
    "member-sign-in",
    "business-sign-in",
    "business-member-sign-in",
}
IDS = [row[0] for row in VIEWS]


@pytest.fixture
def address(club: Club, administrator: StaffMember, employee: StaffMember) -> Callable[[str, str], str]:
    """The address of a view, about records of ``business``."""

    def make_address(name: str, needs: str) -> str:
        client = make.make_client(club)
        if needs == "client":
            return reverse(name, args=[client.pk])
        if needs == "pictured":
            ProfileImage.objects.create(client=client, original=picture("x"))
            return reverse(name, args=[client.pk])
        if needs == "linking":
            return reverse(name, args=[make.make_linking("family", client, make.make_client(club)).pk])
        if needs == "note":
            # Who wrote it may change it, and administrators may.
            return reverse(name, args=[client.client_notes.create(author=employee, text="x").pk])
        if needs == "trainer":
            return reverse(name, args=[client.client_trainers.create(trainer=employee).pk])
        if needs == "colleague":
            return reverse(name, args=[employee.pk])
        if needs == "account":
            return reverse(name, args=[employee.user.pk])
        if needs == "overdue":
            waits = {"payload": {"business": club.business_id}, "attempts": 1, "last_error": "It failed."}
            return reverse(name, args=[Effect.objects.create(kind="webhook.deliver", **waits).pk])
        if needs == "receipt":
            done = erase(client, by=administrator.user, reason="test", fingerprint=look(client).fingerprint)
            return reverse(name, args=[done.number])
        return reverse(name)

    return make_address


def ask(browser: Browser, method: str, url: str) -> Any:
    answer = browser.generic(method, url)
    if answer.streaming:
        assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
        answer.close()
    return answer


@pytest.mark.parametrize(("name", "needs", "methods", "who", "record"), VIEWS, ids=IDS)
@pytest.mark.parametrize("role", sorted(EVERYONE))
def test_each_role(
    request: pytest.FixtureRequest,
    client: Browser,
    address: Callable[[str, str], str],
    role: str,
    name: str,
    needs: str,
    methods: str,
    who: set[str],
    record: bool,
) -> None:
    url = address(name, needs)
    sign_in(client, request.getfixturevalue(role))
    for method in methods.split():
        answer = ask(client, method, url)
        if role in who:
            assert answer.status_code in {200, 302, 422}, f"{role} may use {name} with {method}"
        else:
            assert answer.status_code == 403, f"{role} may not use {name} with {method}"
            assert "administrator" in answer.content.decode(), "the refusal says who can"


@pytest.mark.parametrize(("name", "needs", "methods", "who", "record"), VIEWS, ids=IDS)
def test_signed_out(
    client: Browser,
    address: Callable[[str, str], str],
    name: str,
    needs: str,
    methods: str,
    who: set[str],
    record: bool,
) -> None:
    url = address(name, needs)
    for method in methods.split():
        answer = ask(client, method, url)
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize(("name", "needs", "methods", "who", "record"), VIEWS, ids=IDS)
def test_a_member(
    client: Browser,
    member: Client,
    address: Callable[[str, str], str],
    name: str,
    needs: str,
    methods: str,
    who: set[str],
    record: bool,
) -> None:
    url = address(name, needs)
    sign_in(client, member)
    for method in methods.split():
        assert ask(client, method, url).status_code == 403


@pytest.mark.parametrize(
    ("name", "needs", "methods", "who", "record"), [row for row in VIEWS if row[4]], ids=[r[0] for r in VIEWS if r[4]]
)
def test_a_stranger_from_another_business(
    client: Browser,
    stranger: StaffMember,
    address: Callable[[str, str], str],
    name: str,
    needs: str,
    methods: str,
    who: set[str],
    record: bool,
) -> None:
    url = address(name, needs)
    sign_in(client, stranger)
    for method in methods.split():
        assert ask(client, method, url).status_code == 404


@pytest.mark.parametrize(("name", "needs", "methods", "who", "record"), VIEWS, ids=IDS)
def test_the_wrong_method(
    client: Browser,
    administrator: StaffMember,
    address: Callable[[str, str], str],
    name: str,
    needs: str,
    methods: str,
    who: set[str],
    record: bool,
) -> None:
    url = address(name, needs)
    sign_in(client, administrator)
    for method in {"GET", "POST", "PUT", "DELETE"} - set(methods.split()):
        assert ask(client, method, url).status_code == 405


def test_a_group_without_contacts_is_refused(client: Browser, employee: StaffMember, club: Club) -> None:
    employee.access_group.contacts = False
    employee.access_group.save()
    record = make.make_client(club)
    sign_in(client, employee)
    for name in ("clients:list", "clients:profile", "clients:information", "clients:edit"):
        answer = client.get(reverse(name, args=[] if name == "clients:list" else [record.pk]))
        assert answer.status_code == 403
        assert "Contacts" in answer.content.decode()


def test_a_permission_that_is_taken_away_is_gone_with_the_next_request(
    client: Browser, administrator: StaffMember, club: Club
) -> None:
    url = reverse("users:consequences", args=[make.make_client(club).pk])
    sign_in(client, administrator)
    assert client.get(url).status_code == 200
    administrator.access_group.delete_accounts = False
    administrator.access_group.save()
    assert client.get(url).status_code == 403


def test_a_manager_sees_the_clients_of_the_own_club_only(client: Browser, manager: StaffMember) -> None:
    elsewhere = make.make_client(make.make_club(manager.business))
    here = make.make_client(manager.club)
    sign_in(client, manager)
    listed = client.get(reverse("clients:list")).content.decode()
    assert here.last_name in listed
    assert elsewhere.last_name not in listed
    assert client.get(reverse("clients:profile", args=[elsewhere.pk])).status_code == 404
    assert client.get(reverse("clients:profile", args=[here.pk])).status_code == 200


def test_every_view_of_these_lists_is_in_the_table() -> None:
    known = set(IDS) | OPEN
    found = set()
    for entry in get_resolver().url_patterns:
        module = getattr(getattr(entry, "urlconf_name", None), "__name__", "")
        if module in {f"clubhouse.{name}" for name in ("clients.urls", "clients.user_urls", "privacy.urls")}:
            found |= {f"{entry.namespace}:{pattern.name}" for pattern in entry.url_patterns}
        if module == "clubhouse.accounts.urls":
            found |= {pattern.name for pattern in entry.url_patterns}
    assert found == known
