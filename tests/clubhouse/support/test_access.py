"""Every view of Support and of the operator's console against everybody who might ask for it."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.support import operator_urls, urls
from clubhouse.support.models import Case
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

#: Name of the view; whether it is about one request; what it takes.
TEAM = [("list", False, "GET"), ("new", False, "GET POST"), ("case", True, "GET POST"), ("withdraw", True, "POST")]
OPERATOR = [
    ("cases", False, "GET"),
    ("case", True, "GET"),
    ("screenshot", True, "GET"),
    ("ask", True, "POST"),
    ("refuse", True, "POST"),
    ("open", True, "POST"),
    ("deletion", True, "GET POST"),
]
#: Open to anybody.
DOORS = [("sign-in", "GET POST"), ("sign-out", "POST")]
ALL = [(f"support:{n}", c, m) for n, c, m in TEAM] + [(f"operator:{n}", c, m) for n, c, m in OPERATOR]


def at(name: str, case: Case | None) -> str:
    return reverse(name, args=[case.pk] if case else [])


@pytest.mark.parametrize(("name", "about", "methods"), TEAM)
def test_team(
    client: Browser, case: Case, employee: StaffMember, stranger: StaffMember, name: str, about: bool, methods: str
) -> None:
    url = at(f"support:{name}", case if about else None)
    for method in methods.split():
        sign_in(client, employee)
        assert client.generic(method, url).status_code in {200, 302, 422}
        sign_in(client, stranger)
        assert client.generic(method, url).status_code == (404 if about else 409 if method == "POST" else 200)
        client.logout()
        assert client.generic(method, url)["Location"].startswith(reverse("sign-in"))


def test_a_group_without_contacts_is_refused(client: Browser, case: Case, employee: StaffMember) -> None:
    employee.access_group.contacts = False
    employee.access_group.save()
    sign_in(client, employee)
    for name, about, methods in TEAM:
        url = at(f"support:{name}", case if about else None)
        assert {client.generic(method, url).status_code for method in methods.split()} == {403}
    assert reverse("support:list") not in client.get(reverse("messages:inbox")).content.decode()


@pytest.mark.parametrize(("name", "about", "methods"), OPERATOR)
def test_console(
    client: Browser,
    case: Case,
    operator: User,
    employee: StaffMember,
    administrator: StaffMember,
    member: Client,
    name: str,
    about: bool,
    methods: str,
) -> None:
    url = at(f"operator:{name}", case if about else None)
    for method in methods.split():
        sign_in(client, operator)
        answer = client.generic(method, url)
        assert answer.status_code in {200, 302}
        assert "no-store" in answer["Cache-Control"]
        if answer.streaming:
            assert b"".join(answer.streaming_content).startswith(b"\x89PNG")
            [close() for close in answer._resource_closers]
        for other in (employee, administrator, member):
            sign_in(client, other)
            assert client.generic(method, url).status_code == 403
        client.logout()
        assert client.generic(method, url)["Location"].startswith(reverse("operator:sign-in"))


@pytest.mark.parametrize(("name", "about", "methods"), ALL)
def test_the_wrong_method(
    client: Browser, case: Case, operator: User, employee: StaffMember, name: str, about: bool, methods: str
) -> None:
    sign_in(client, operator if name.startswith("operator") else employee)
    for method in {"GET", "POST", "PUT", "DELETE"} - set(methods.split()):
        assert client.generic(method, at(name, case if about else None)).status_code == 405


def test_a_request_that_is_not_there(client: Browser, operator: User, employee: StaffMember) -> None:
    for name, about, methods in ALL:
        if about:
            sign_in(client, operator if name.startswith("operator") else employee)
            for method in methods.split():
                assert client.generic(method, reverse(name, args=[10**12])).status_code == 404


def addresses(resolver: URLResolver, before: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for entry in resolver.url_patterns:
        if entry.pattern.converters:
            continue
        name = f"{before}{entry.namespace}:" if isinstance(entry, URLResolver) and entry.namespace else before
        found += addresses(entry, name) if isinstance(entry, URLResolver) else [(f"{before}{entry.name}", entry)]
    return found


def test_the_operator_sees_requests_and_nothing_else(
    client: Browser, case: Case, operator: User, person: Client, settings: object
) -> None:
    """Every other address of the deployment that needs no key, and a profile by its key."""
    sign_in(client, operator)
    open_to_all = set()
    for name, _ in addresses(get_resolver()):
        if name.startswith("operator:"):
            continue
        answer = client.get(reverse(name))
        said = b"" if answer.streaming else answer.content
        assert person.last_name.encode() not in said, name
        assert person.email.encode() not in said, name
        if answer.status_code == 200:
            open_to_all.add(name.partition(":")[0])
    assert not open_to_all & {"clients", "users", "privacy", "schedule", "team", "reports", "messages", "webhooks"}
    for name in ("clients:profile", "clients:information", "users:profile", "clients:edit"):
        assert client.get(reverse(name, args=[person.pk])).status_code == 403
    assert client.get(reverse("home"))["Location"] == reverse("operator:cases")


def test_the_operator_signs_in_and_out(client: Browser, operator: User) -> None:
    url = reverse("operator:sign-in")
    assert client.get(url).status_code == 200
    wrong = client.post(url, {"email": operator.email, "password": "wrong"})
    assert wrong.status_code == 422
    assert "do not match an account" in wrong.content.decode()
    wanted = reverse("operator:cases")
    done = client.post(url, {"email": operator.email, "password": make.PASSWORD, "next": "https://elsewhere.example/"})
    assert (done.status_code, done["Location"]) == (302, wanted)
    assert client.get(url)["Location"] == wanted
    assert client.post(reverse("operator:sign-out"))["Location"] == url
    assert client.get(wanted).status_code == 302
    assert client.post(reverse("operator:sign-out")).status_code == 302, "although the sign-in has ended"


def test_too_many_tries_lock_the_operators_door(client: Browser, operator: User) -> None:
    url = reverse("operator:sign-in")
    tries = [client.post(url, {"email": operator.email, "password": f"wrong{n}"}).status_code for n in range(5)]
    assert set(tries) == {422}
    locked = client.post(url, {"email": operator.email, "password": make.PASSWORD})
    assert locked.status_code == 429
    assert "too many tries" in locked.content.decode()


def test_nobody_else_signs_in_at_the_operators_door(
    client: Browser, administrator: StaffMember, member: Client
) -> None:
    for email in (administrator.user.email, member.email):
        answer = client.post(reverse("operator:sign-in"), {"email": email, "password": make.PASSWORD})
        assert answer.status_code == 422


def test_every_view_is_in_the_table() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == {row[0] for row in TEAM}
    assert {pattern.name for pattern in operator_urls.urlpatterns} == {row[0] for row in OPERATOR} | {
        d[0] for d in DOORS
    }
