"""Builds of the member app: what one can do is its own, and sign-up needs account deletion (row F2)."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.member.selectors import default_build
from clubhouse.member.services import make_default_build, save_build
from clubhouse.team.models import StaffMember
from tests.clubhouse.member.pages import at
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def test_the_database_refuses_sign_up_without_deletion(business: Business) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AppBuild.objects.create(business=business, name="Bad", slug="bad", sign_up=True, account_deletion=False)


def test_the_service_refuses_it_with_the_reason(business: Business) -> None:
    with pytest.raises(ValidationError, match="app stores"):
        save_build(AppBuild(business=business, name="Bad", slug="bad", sign_up=True))
    with pytest.raises(ValidationError):
        save_build(AppBuild(business=business, name="Bad", slug="sign-in"))


def test_the_form_refuses_it_with_the_reason_and_loses_nothing(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    answer = client.post(reverse("builds:new"), {"name": "Harbour Kids", "slug": "harbour-kids", "sign_up": "on"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "has to be able to delete it there" in page
    assert 'value="Harbour Kids"' in page
    assert not AppBuild.objects.exists()


def test_an_administrator_adds_changes_and_removes_a_build(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    values = {"name": "Harbour Kids", "slug": "Harbour-Kids", "sign_up": "on", "account_deletion": "on"}
    assert client.post(reverse("builds:new"), values)["Location"] == reverse("builds:list")
    build = AppBuild.objects.get()
    assert (build.business, build.slug, build.sign_up) == (administrator.business, "harbour-kids", True)
    assert "/member/harbour-kids/" in client.get(reverse("builds:list")).content.decode()
    client.post(reverse("builds:edit", args=[build.pk]), {"name": "Kids", "slug": "kids"})
    build.refresh_from_db()
    assert (build.name, build.slug, build.sign_up, build.account_deletion) == ("Kids", "kids", False, False)
    client.post(reverse("builds:remove", args=[build.pk]))
    assert not AppBuild.objects.exists()


def test_an_address_that_is_taken_is_said(client: Browser, administrator: StaffMember, stranger: StaffMember) -> None:
    make_default_build(stranger.business)
    sign_in(client, administrator)
    answer = client.post(reverse("builds:new"), {"name": "Ours", "slug": stranger.business.slug})
    assert answer.status_code == 422
    assert "already exists" in answer.content.decode()


def test_a_business_gets_one_build_with_both(business: Business) -> None:
    build = make_default_build(business)
    assert (build.slug, build.sign_up, build.account_deletion) == (business.slug, True, True)
    assert make_default_build(business) == build
    assert default_build(business) == build
    other = make.make_business()
    AppBuild.objects.create(business=business, name="Second", slug=other.slug)
    assert make_default_build(other).slug == f"{other.slug}-2"


DELETION = [
    ("GET", "delete", ()),
    ("POST", "delete", ()),
    ("POST", "delete-code", ()),
    ("POST", "settle-all", ("booking",)),
]


@pytest.mark.parametrize(("method", "name", "rest"), DELETION)
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_build_without_deletion_does_not_serve_it(
    client: Browser, build: AppBuild, member: Client, method: str, name: str, rest: tuple[str, ...], signed_in: bool
) -> None:
    if signed_in:
        sign_in(client, member)
    url = at(build, name, *rest)
    assert client.generic(method, url).status_code != 404
    AppBuild.objects.update(sign_up=False, account_deletion=False)
    assert client.generic(method, url).status_code == 404


def test_a_build_without_deletion_does_not_show_it(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    assert "Delete My Account" in client.get(at(build, "preferences")).content.decode()
    AppBuild.objects.update(sign_up=False, account_deletion=False)
    assert "Delete My Account" not in client.get(at(build, "preferences")).content.decode()


@pytest.mark.parametrize(("name", "rest"), [("sign-up", ()), ("sign-up-mailed", ()), ("sign-up-finish", ("t",))])
def test_a_build_without_sign_up_does_not_serve_it(
    client: Browser, build: AppBuild, club, name: str, rest: tuple[str, ...]
) -> None:
    assert client.get(at(build, name, *rest)).status_code != 404
    AppBuild.objects.update(sign_up=False)
    assert client.get(at(build, name, *rest)).status_code == 404


def test_a_business_without_a_build_has_no_app(client: Browser, member: Client) -> None:
    sign_in(client, member)
    assert client.get("/member/").status_code == 200
    assert client.get(f"/member/{member.business.slug}/").status_code == 404


def test_members_find_their_own_app(client: Browser, build: AppBuild, member: Client) -> None:
    values = {"email": member.email, "password": make.PASSWORD, "business": build.business.slug}
    assert client.post("/member/sign-in/", values)["Location"] == "/member/"
    assert client.get("/member/")["Location"] == at(build, "home")
    assert client.get(f"/{build.slug}/member/sign-in/")["Location"] == at(build, "sign-in")


def test_the_app_can_be_installed(client: Browser, build: AppBuild) -> None:
    answer = client.get(at(build, "manifest"))
    said = answer.json()
    assert answer["Content-Type"] == "application/manifest+json"
    assert (said["start_url"], said["display"]) == (at(build, "home"), "standalone")


def test_the_list_runs_the_same_queries_for_many(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    counts = []
    for start in (0, 30):
        for n in range(start, start + 30 if start else 1):
            AppBuild.objects.create(business=administrator.business, name=f"B{n}", slug=f"b{n}-{start}")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(reverse("builds:list"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
