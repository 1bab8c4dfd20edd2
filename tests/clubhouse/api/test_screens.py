"""Making, seeing and revoking tokens: a member under Preferences, an administrator in Team settings."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.api import tokens
from clubhouse.api.models import ApiAnswer, ApiToken
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.team.models import StaffMember
from lethe import pipeline
from tests.clubhouse.api.calls import Api, token_for
from tests.clubhouse.member.pages import at
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
TEAM = "tokens:list"


def order(**changed: object) -> dict[str, object]:
    return {"form": str(uuid.uuid4()), "name": "My calendar", "scopes": ["profile:read"], "days": "30"} | changed


def shown(page: str) -> str:
    found = re.search(r'id="token" type="text" readonly value="([^"]+)"', page)
    return found.group(1) if found else ""


def test_a_member_makes_a_token_sees_it_once_and_revokes_it(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    url = at(build, "tokens")
    assert client.get(url).status_code == 200
    sent = order()
    first, second = (client.post(url, sent).content.decode() for _ in range(2))
    said = shown(first)
    assert Api(said)("GET", "/me")["number"] == member.number
    assert shown(second) == ""
    assert "made already" in second
    row = ApiToken.objects.get()
    assert (row.user, row.scopes) == (member.user, ["profile:read"])
    listed = client.get(url).content.decode()
    assert row.prefix in listed
    assert said not in listed
    for _ in range(2):
        assert client.post(at(build, "revoke-token", row.pk)).status_code == 302
    Api(said)("GET", "/me", expect=401)
    assert "Revoked" in client.get(url).content.decode()


def test_an_administrator_makes_one_and_revokes_anybodys(
    client: Browser, administrator: StaffMember, administrator_without_delete: StaffMember
) -> None:
    said = token_for(administrator_without_delete.user, "clients:read")
    sign_in(client, administrator)
    page = client.post(reverse(TEAM), order(scopes=["clients:read", "clients:erase"])).content.decode()
    assert Api(shown(page))("GET", "/clients")["total"] == 0
    assert administrator_without_delete.name in page
    client.post(reverse("tokens:revoke", args=[ApiToken.objects.get(user=administrator_without_delete.user).pk]))
    Api(said)("GET", "/clients", expect=401)


@pytest.mark.parametrize(
    "changed", [{"scopes": []}, {"scopes": ["clients:erase"]}, {"name": ""}, {"days": "9999"}, {"form": "x"}]
)
def test_a_wrong_form_is_refused_and_kept(
    client: Browser, build: AppBuild, member: Client, changed: dict[str, object]
) -> None:
    sign_in(client, member)
    answer = client.post(at(build, "tokens"), order(**changed))
    assert answer.status_code == 422
    assert not ApiToken.objects.exists(), "a member's token has a member's scopes alone"


def test_there_is_an_end_to_tokens(client: Browser, build: AppBuild, member: Client) -> None:
    for _ in range(tokens.TOKENS):
        token_for(member.user, "profile:read")
    sign_in(client, member)
    answer = client.post(at(build, "tokens"), order())
    assert answer.status_code == 422
    assert "Revoke one first" in answer.content.decode()


def test_who_may(
    client: Browser,
    build: AppBuild,
    member: Client,
    employee: StaffMember,
    stranger: StaffMember,
    administrator: object,
) -> None:
    token_for(member.user, "profile:read")
    token_for(administrator.user, "clients:read")
    own, team = (ApiToken.objects.get(user=user) for user in (member.user, administrator.user))
    neighbour = make.make_client(member.home_club, member=True)
    pages = [
        at(build, "tokens"),
        at(build, "revoke-token", own.pk),
        reverse(TEAM),
        reverse("tokens:revoke", args=[team.pk]),
    ]
    for url in pages:
        assert client.post(url).status_code == 302
    sign_in(client, employee)
    assert [client.post(url).status_code for url in pages] == [302, 302, 403, 403]
    sign_in(client, neighbour)
    assert client.post(pages[1]).status_code == 404, "a neighbour's token is not there"
    assert own.name not in client.get(pages[0]).content.decode()
    assert client.get(pages[2]).status_code == 403
    sign_in(client, stranger)
    assert client.post(pages[3]).status_code == 404
    assert team.prefix not in client.get(pages[2]).content.decode()
    sign_in(client, member)
    assert [client.put(pages[0]).status_code, client.get(pages[1]).status_code] == [405, 405]
    sign_in(client, administrator)
    assert [client.put(pages[2]).status_code, client.get(pages[3]).status_code] == [405, 405]
    assert client.post(reverse("tokens:revoke", args=[own.pk])).status_code == 404, "a member's token is the member's"


def test_pages_take_the_same_queries_for_few_and_many(
    client: Browser, build: AppBuild, member: Client, administrator: StaffMember
) -> None:
    counts: list[list[int]] = []
    for number in (2, 8):
        for _ in range(number):
            token_for(member.user, "profile:read")
            token_for(make.make_staff(member.business, "administrator").user, "clients:read")
        counts.append([])
        for who, url in ((member, at(build, "tokens")), (administrator, reverse(TEAM))):
            sign_in(client, who)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]


def test_every_row_of_a_token_goes_with_the_client(build: AppBuild, member: Client) -> None:
    said = token_for(member.user, "profile:read")
    row = ApiToken.objects.get()
    ApiToken.objects.filter(pk=row.pk).update(name="canary-name-of-the-token")
    ApiAnswer.objects.create(token=row, key="canary-key", request="canary-request")
    bystander = token_for(make.make_client(member.home_club, member=True).user, "profile:read")
    copy = str(pipeline.export(Client, member.pk).as_dict())
    assert "canary-name-of-the-token" in copy
    for secret in (row.token_hash, "canary-key", "canary-request"):
        assert secret not in copy, "what could be acted with is in no copy"
    found = pipeline.preview(Client, [member.pk])
    pipeline.erase(Client, [member.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
    assert not ApiAnswer.objects.exists()
    assert [one.user.client.pk != member.pk for one in ApiToken.objects.all()] == [True]
    Api(said)("GET", "/me", expect=401)
    Api(bystander)("GET", "/me")
