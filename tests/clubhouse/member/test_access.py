"""Every view of the member app against everybody who might ask for it.

One table says what each address takes; a view without a line here fails the last test.
"""

from __future__ import annotations

import uuid

import pytest
from django.test import Client as Browser
from django.utils import timezone

from clubhouse.api import tokens
from clubhouse.clients.models import Client
from clubhouse.member import build_urls, urls
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.clubhouse.member.pages import at
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

#: Name of the view; what its address needs beside the build; what it takes.
MEMBERS: list[tuple[str, tuple[object, ...], str]] = [
    ("home", (), "GET"),
    ("classes", (), "GET"),
    ("book", ("session",), "POST"),
    ("buddy", ("session",), "GET POST"),
    ("wait", ("session",), "POST"),
    ("cancel", ("booking",), "POST"),
    ("leave", ("entry",), "POST"),
    ("accept", ("entry",), "POST"),
    ("passes", (), "GET"),
    ("settings", (), "GET"),
    ("preferences", (), "GET"),
    ("details", (), "GET POST"),
    ("address", (), "GET POST"),
    ("messages", (), "GET POST"),
    ("language", (), "GET POST"),
    ("copy", (), "GET POST"),
    ("change-password", (), "GET POST"),
    ("code", (), "POST"),
    ("tokens", (), "GET POST"),
    ("revoke-token", ("token_row",), "POST"),
    ("delete", (), "GET POST"),
    ("delete-code", (), "POST"),
    ("settle-all", ("kind",), "POST"),
    ("settle", ("kind", "booking"), "POST"),
    ("deleted", (), "GET"),
]
#: Open to anybody.
OPEN: list[tuple[str, tuple[object, ...], str]] = [
    ("manifest", (), "GET"),
    ("sign-in", (), "GET POST"),
    ("sign-out", (), "POST"),
    ("sign-up", (), "GET POST"),
    ("sign-up-mailed", (), "GET"),
    ("sign-up-send", (), "GET POST"),
    ("sign-up-finish", ("token",), "GET POST"),
    ("logout", (), "POST"),
    ("goodbye", (), "GET"),
    ("progress", (), "GET"),
]
BUILDS = {"list", "new", "edit", "remove"}


@pytest.fixture
def rows(member: Client, club: Club) -> dict[str, object]:
    session = make.make_session(club)
    return {
        "session": make.make_session(club, days=4).pk,
        "booking": make.make_booking(session, member).pk,
        "entry": make.make_waiting(make.make_session(club, days=5), member).pk,
        "kind": "booking",
        "token": "nothing",
        "token_row": tokens.make(
            member.user, form=uuid.uuid4(), name="A test", scopes=["profile:read"], days=30, now=timezone.now()
        )[0].pk,
    }


def address(build: AppBuild, name: str, wants: tuple[object, ...], rows: dict[str, object]) -> str:
    return at(build, name, *(rows[str(want)] for want in wants))


@pytest.mark.parametrize(("name", "wants", "methods"), MEMBERS, ids=[row[0] for row in MEMBERS])
def test_a_member_may(
    client: Browser, build: AppBuild, member: Client, rows: dict[str, object], name: str, wants: tuple, methods: str
) -> None:
    sign_in(client, member)
    for method in methods.split():
        answer = client.generic(method, address(build, name, wants, rows))
        if name == "deleted":
            assert answer.status_code == 302, "there is nothing to see before a deletion"
        else:
            assert answer.status_code in {200, 302, 422}
            assert not answer.headers.get("Location", "").startswith(at(build, "sign-in"))


@pytest.mark.parametrize(("name", "wants", "methods"), MEMBERS, ids=[row[0] for row in MEMBERS])
@pytest.mark.parametrize("who", ["nobody", "administrator", "stranger", "a stranger's member"])
def test_others_are_asked_to_sign_in(
    request: pytest.FixtureRequest,
    client: Browser,
    build: AppBuild,
    rows: dict[str, object],
    who: str,
    name: str,
    wants: tuple,
    methods: str,
) -> None:
    if who == "a stranger's member":
        sign_in(client, make.make_client(make.make_club(make.make_business()), member=True))
    elif who != "nobody":
        sign_in(client, request.getfixturevalue(who))
    for method in methods.split():
        answer = client.generic(method, address(build, name, wants, rows))
        assert answer.status_code == 302
        assert answer["Location"].startswith(at(build, "sign-in"))


@pytest.mark.parametrize(("name", "wants", "methods"), MEMBERS + OPEN, ids=[row[0] for row in MEMBERS + OPEN])
def test_the_wrong_method(
    client: Browser, build: AppBuild, member: Client, rows: dict[str, object], name: str, wants: tuple, methods: str
) -> None:
    sign_in(client, member)
    for method in {"GET", "POST", "PUT", "DELETE"} - set(methods.split()):
        assert client.generic(method, address(build, name, wants, rows)).status_code == 405


@pytest.mark.parametrize(("name", "wants", "methods"), MEMBERS + OPEN, ids=[row[0] for row in MEMBERS + OPEN])
def test_a_build_that_is_not_there(
    client: Browser, build: AppBuild, member: Client, rows: dict[str, object], name: str, wants: tuple, methods: str
) -> None:
    sign_in(client, member)
    url = address(build, name, wants, rows).replace(build.slug, "no-such-app")
    for method in methods.split():
        assert client.generic(method, url).status_code == 404


def test_an_erased_member_is_nobody(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    Client.objects.filter(pk=member.pk).update(status="deleted")
    assert client.get(at(build, "home")).status_code == 302


def test_pages_of_a_member_are_kept_in_no_cache(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    assert "no-store" in client.get(at(build, "home"))["Cache-Control"]
    assert "no-store" in client.get(at(build, "delete"))["Cache-Control"]


@pytest.mark.parametrize("role", ["employee", "manager"])
def test_builds_are_for_administrators(
    request: pytest.FixtureRequest, client: Browser, build: AppBuild, role: str
) -> None:
    sign_in(client, request.getfixturevalue(role))
    for name in BUILDS:
        url = f"/team/member-app/{'' if name == 'list' else 'new/' if name == 'new' else f'{build.pk}/'}"
        assert client.get(url).status_code == 403


def test_builds_of_another_business_are_not_there(client: Browser, build: AppBuild, stranger: StaffMember) -> None:
    sign_in(client, stranger)
    assert build.name not in client.get("/team/member-app/").content.decode()
    assert client.get(f"/team/member-app/{build.pk}/").status_code == 404
    assert client.post(f"/team/member-app/{build.pk}/", {"name": "x", "slug": "x"}).status_code == 404
    assert client.post(f"/team/member-app/{build.pk}/remove/").status_code == 404
    assert AppBuild.objects.get() == build


def test_builds_signed_out_a_member_and_the_wrong_method(
    client: Browser, build: AppBuild, member: Client, administrator: StaffMember
) -> None:
    pages = ["/team/member-app/", "/team/member-app/new/", f"/team/member-app/{build.pk}/"]
    assert all(client.get(page)["Location"].startswith("/sign-in/") for page in pages)
    sign_in(client, member)
    assert all(client.get(page).status_code == 403 for page in pages)
    sign_in(client, administrator)
    assert all(client.get(page).status_code == 200 for page in pages)
    assert client.get(f"/team/member-app/{build.pk}/remove/").status_code == 405
    assert client.delete("/team/member-app/").status_code == 405


def test_every_view_is_in_the_table() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == {row[0] for row in MEMBERS + OPEN}
    assert {pattern.name for pattern in build_urls.urlpatterns} == BUILDS
