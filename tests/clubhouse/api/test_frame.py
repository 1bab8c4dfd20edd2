"""What holds at every address of the API: tokens, scopes, limits, and problem documents."""

from __future__ import annotations

import datetime
import json

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.api import scopes, serving, tokens
from clubhouse.api.docs import api_views
from clubhouse.api.models import ApiToken
from clubhouse.api.urls import api as described
from clubhouse.clients.models import Client
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember
from tests.clubhouse.api.calls import ROOT, Api, token_for
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

#: Path, method and scope of every operation; a view without a line here fails the last test.
VIEWS = [
    ("/me", "get", "profile:read"),
    ("/clubs", "get", "schedule:read"),
    ("/schedule", "get", "schedule:read"),
    ("/bookings", "get", "bookings:read"),
    ("/bookings", "post", "bookings:write"),
    ("/bookings/{booking}", "delete", "bookings:write"),
    ("/waiting-list", "get", "bookings:read"),
    ("/waiting-list", "post", "bookings:write"),
    ("/waiting-list/{entry}", "delete", "bookings:write"),
    ("/waiting-list/{entry}/accept", "post", "bookings:write"),
    ("/me/deletion", "get", "account:delete"),
    ("/me/deletion", "post", "account:delete"),
    ("/me/deletion/code", "post", "account:delete"),
    ("/clients", "get", "clients:read"),
    ("/clients/{client}/deletion", "get", "clients:preview"),
    ("/clients/{client}/deletion", "post", "clients:erase"),
]
BODIES = {"/bookings": {"session": 1}, "/waiting-list": {"session": 1}}


def call(api: Api, path: str, method: str, expect: int) -> None:
    body = BODIES.get(path, {"fingerprint": "x"}) if method == "post" else None
    query = "?club=1&day=2026-01-01" if path == "/schedule" else ""
    filled = path.replace("{booking}", "1").replace("{entry}", "1").replace("{client}", "1")
    api(method.upper(), filled + query, body, expect=expect, headers={"Idempotency-Key": "k" * 16})


@pytest.mark.parametrize(("path", "method", "scope"), VIEWS)
def test_who_may(mine: Api, member: Client, administrator: StaffMember, path: str, method: str, scope: str) -> None:
    for nobody in (Api(""), Api("chk_nothing"), Api("x" * 3000)):
        call(nobody, path, method, 401)
    other_scopes = [one for one in (*scopes.MEMBER, *scopes.TEAM) if one != scope]
    call(Api(token_for(member.user, *other_scopes)), path, method, 403)
    # The scope alone, on a token of the other kind of account, gives nothing.
    other = administrator.user if scope in scopes.MEMBER else member.user
    call(Api(token_for(other, scope)), path, method, 403)


@pytest.mark.parametrize(("path", "method", "scope"), VIEWS)
def test_the_wrong_method(mine: Api, path: str, method: str, scope: str) -> None:
    taken = {one.upper() for known, one, _ in VIEWS if known == path}
    filled = path.replace("{booking}", "1").replace("{entry}", "1").replace("{client}", "1")
    for wrong in {"GET", "POST", "PUT", "PATCH", "DELETE"} - taken:
        assert taken <= set(mine(wrong, filled, {}, expect=405)["detail"].replace(".", "").replace(",", "").split())


def test_every_view_is_in_the_table() -> None:
    found = {(view["path"].removeprefix(ROOT), view["method"], view["scope"]) for view in api_views(described)}
    assert found == set(VIEWS)


def test_a_session_is_no_token(client: Browser, member: Client) -> None:
    sign_in(client, member)
    answer = client.get(f"{ROOT}/me")
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


def test_revoked_over_or_deactivated_is_401_with_the_next_request(mine: Api, member: Client) -> None:
    row = ApiToken.objects.get()
    mine("GET", "/me")
    tokens.revoke(row, now=timezone.now())
    mine("GET", "/me", expect=401)
    ApiToken.objects.update(revoked_at=None, expires_at=timezone.now() - datetime.timedelta(seconds=1))
    mine("GET", "/me", expect=401)
    ApiToken.objects.update(expires_at=timezone.now() + datetime.timedelta(days=1))
    mine("GET", "/me")
    member.user.is_active = False
    member.user.save()
    mine("GET", "/me", expect=401)


def test_a_deleted_clients_token_is_401_with_the_next_request(
    mine: Api, member: Client, administrator: StaffMember
) -> None:
    mine("GET", "/me")
    erase(member, by=administrator.user, reason="test", fingerprint=look(member).fingerprint)
    mine("GET", "/me", expect=401)
    assert not ApiToken.objects.exists(), "gone in the erasing transaction"


def test_a_token_is_kept_as_a_hash_and_used_by_day(mine: Api) -> None:
    mine("GET", "/me")
    row = ApiToken.objects.get()
    assert mine.token not in str(ApiToken.objects.values().get())
    assert mine.token.startswith(row.prefix)
    assert row.last_used_on == timezone.now().date()


def test_too_many_calls_in_a_minute_are_told_to_wait(mine: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "CALLS_A_MINUTE", 2)
    noon = timezone.now().replace(second=20)
    monkeypatch.setattr(tokens.timezone, "now", lambda: noon)
    for _ in range(2):
        mine("GET", "/clubs")
    assert "Wait 40 seconds" in mine("GET", "/clubs", expect=429)["detail"]
    monkeypatch.setattr(tokens.timezone, "now", lambda: noon + datetime.timedelta(minutes=1))
    mine("GET", "/clubs")


def test_bad_requests_are_problems_that_quote_nothing(mine: Api, member: Client) -> None:
    said = mine("POST", "/bookings", {"session": "Zoë-secret", "more": 1}, expect=422)
    assert {"where", "what"} == set(said["errors"][0])
    assert "Zoë-secret" not in json.dumps(said, ensure_ascii=False)
    mine("POST", "/bookings", None, expect=422)
    answer = Browser().post(
        f"{ROOT}/bookings", "{", content_type="application/json", headers={"Authorization": f"Bearer {mine.token}"}
    )
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    mine("GET", "/no-such-thing", expect=404)
    mine("GET", f"/schedule?club={member.home_club_id}&day=9999-12-31", expect=422)
    mine("DELETE", f"/bookings/{10**30}", expect=422)


def test_what_fails_here_says_nothing_of_why(mine: Api, monkeypatch: pytest.MonkeyPatch, caplog: object) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("a row of Zoë-secret")

    monkeypatch.setattr("clubhouse.member.selectors.clubs_of", broken)
    assert "Zoë-secret" not in json.dumps(mine("GET", "/clubs", expect=500), ensure_ascii=False)
    assert "Zoë-secret" not in caplog.text
    assert serving.log.name in {record.name for record in caplog.records}


def test_both_descriptions_say_the_same(client: Browser) -> None:
    document = json.loads(client.get(reverse("api:openapi-json")).content)
    assert set(document["paths"]) == {ROOT + path for path, _, _ in VIEWS}
    page = client.get(reverse("api:docs"))
    text = page.content.decode()
    for path, method, scope in VIEWS:
        assert f"{method.upper()} {ROOT}{path}" in text
        assert scope in text
    assert "<script>" not in text
    assert "cdn" not in text.lower()
    for operation in (operation for methods in document["paths"].values() for operation in methods.values()):
        assert all(
            list(said["content"]) == ["application/problem+json"]
            for status, said in operation["responses"].items()
            if int(status) >= 400
        )


def test_a_call_takes_the_same_queries_for_few_and_many(mine: Api, theirs: Api, member: Client) -> None:
    session = make.make_session(member.home_club)
    asked = [
        (mine, "/bookings"),
        (mine, "/waiting-list"),
        (mine, f"/schedule?club={member.home_club_id}&day={session.starts_at.date()}"),
        (mine, "/me/deletion"),
        (theirs, "/clients"),
    ]
    # The row in which confirmations are counted is made by the first look.
    mine("GET", "/me/deletion")
    counts: list[list[int]] = []
    for number in (2, 12):
        for _ in range(number):
            one = make.make_session(
                member.home_club, starts_at=session.starts_at, trainer=make.make_staff(member.business)
            )
            make.make_booking(one, member)
            make.make_waiting(make.make_session(member.home_club), member)
            make.make_client(member.home_club)
        counts.append([])
        for api, path in asked:
            with CaptureQueriesContext(connection) as queries:
                api("GET", path)
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
