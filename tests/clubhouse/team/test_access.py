"""Every view of Team settings against everybody who might ask for it."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.clients.models import Client
from clubhouse.team import urls
from clubhouse.team.models import StaffMember
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

#: Name of the view; what its address needs; what it takes; whether Access is needed.
VIEWS = [
    ("settings", "", "GET", False),
    ("groups", "", "GET", True),
    ("new-group", "", "GET POST", True),
    ("group", "group", "GET POST", True),
    ("members", "", "GET", True),
    ("new-member", "", "GET POST", True),
    ("member", "colleague", "GET POST", True),
    ("activity", "colleague", "POST", True),
    ("make-link", "colleague", "POST", True),
]
#: Open to whoever has a link; their tests are in test_members.py.
OPEN = {"join", "join-send"}
IDS = [row[0] for row in VIEWS]


def address(name: str, needs: str, employee: StaffMember) -> str:
    rest = {"group": [employee.access_group_id], "colleague": [employee.pk]}.get(needs, [])
    return reverse(f"team:{name}", args=rest)


@pytest.mark.parametrize(("name", "needs", "methods", "access"), VIEWS, ids=IDS)
def test_roles(
    client: Browser,
    administrator: StaffMember,
    employee: StaffMember,
    manager: StaffMember,
    name: str,
    needs: str,
    methods: str,
    access: bool,
) -> None:
    url = address(name, needs, employee)
    for method in methods.split():
        for refused in (employee, manager):
            assert sign_in(client, refused).generic(method, url).status_code == 403
        assert sign_in(client, administrator).generic(method, url).status_code in {200, 302, 422}


@pytest.mark.parametrize(("name", "needs", "methods", "access"), VIEWS, ids=IDS)
def test_an_administrator_without_access(
    client: Browser,
    administrator: StaffMember,
    administrator_without_delete: StaffMember,
    employee: StaffMember,
    name: str,
    needs: str,
    methods: str,
    access: bool,
) -> None:
    administrator_without_delete.access_group.access = False
    administrator_without_delete.access_group.save()
    sign_in(client, administrator_without_delete)
    for method in methods.split():
        answer = client.generic(method, address(name, needs, employee))
        assert answer.status_code == (403 if access else 200)


@pytest.mark.parametrize(("name", "needs", "methods", "access"), VIEWS, ids=IDS)
def test_signed_out_a_member_and_a_stranger(
    client: Browser,
    employee: StaffMember,
    member: Client,
    stranger: StaffMember,
    name: str,
    needs: str,
    methods: str,
    access: bool,
) -> None:
    url = address(name, needs, employee)
    for method in methods.split():
        assert Browser().generic(method, url)["Location"].startswith(reverse("sign-in"))
        assert sign_in(Browser(), member).generic(method, url).status_code == 403
        if needs:
            assert sign_in(client, stranger).generic(method, url).status_code == 404


@pytest.mark.parametrize(("name", "needs", "methods", "access"), VIEWS, ids=IDS)
def test_the_wrong_method(
    client: Browser,
    administrator: StaffMember,
    employee: StaffMember,
    name: str,
    needs: str,
    methods: str,
    access: bool,
) -> None:
    sign_in(client, administrator)
    for method in {"GET", "POST", "PUT", "DELETE"} - set(methods.split()):
        assert client.generic(method, address(name, needs, employee)).status_code == 405


def test_lists_show_no_other_business(client: Browser, administrator: StaffMember, stranger: StaffMember) -> None:
    sign_in(client, administrator)
    for name in ("team:groups", "team:members", "team:new-member"):
        page = client.get(reverse(name)).content.decode()
        assert stranger.access_group.name not in page.replace(administrator.access_group.name, "")
        assert stranger.user.email not in page


def test_every_view_is_in_the_table() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == {row[0] for row in VIEWS} | OPEN
