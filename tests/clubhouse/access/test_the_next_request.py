"""Row H14: one of each way in, held by one member; all work, and with the request after the erasure none does.

What refuses then is the same, to the letter, as what refuses somebody who made the key up.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts import resets
from clubhouse.accounts.models import PasswordReset, Session, User
from clubhouse.api.models import ApiToken
from clubhouse.api.scopes import MEMBER
from clubhouse.clients.models import Client, Identity
from clubhouse.embed import services as embeds
from clubhouse.embed.models import EmbedSignIn
from clubhouse.identities import services as identities
from clubhouse.identities.models import Provider
from clubhouse.identities.protocol import Said
from clubhouse.identities.sealing import unseal
from clubhouse.member import accounts
from clubhouse.member.models import AppBuild, DeletionCheck, SignUp
from lethe import pipeline
from lethe.models import Effect
from tests.clubhouse.api.calls import ROOT, token_for
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.mail import Sink

pytestmark = pytest.mark.django_db

AGENT = "Mozilla/5.0 (iPhone) Mobile"
COOKIE = settings.SESSION_COOKIE_NAME


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way in: a request with a key, whether its answer let it in, and the key."""

    ask: Callable[[str], Any]
    let_in: Callable[[Any], bool]
    key: str


@pytest.fixture
def build(member: Client) -> AppBuild:
    let_all_pass(member.business)
    slug = member.business.slug
    return AppBuild.objects.create(business=member.business, name="App", slug=slug, sign_up=True, account_deletion=True)


def signed_in(member: Client, build: AppBuild, agent: str = "") -> str:
    """Sign in by the form; gives the session's key, as a browser keeps it."""
    browser = Browser(headers={"user-agent": agent})
    sent = {"email": member.user.email, "password": make.PASSWORD}
    assert browser.post(reverse("member:sign-in", args=[build.slug]), sent).status_code == 302
    return str(browser.cookies[COOKIE].value)


def with_cookie(key: str) -> Browser:
    browser = Browser()
    browser.cookies[COOKIE] = key
    return browser


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(16)}


def ways_in(member: Client, build: AppBuild, mails: Sink) -> dict[str, Way]:
    """One of each, made as a member makes them."""
    user: User = member.user  # type: ignore[assignment]
    lesson = make.make_session(member.home_club)
    booking = make.make_booking(make.make_session(member.home_club), member)
    embed = embeds.embed_of(member.business)
    framed = reverse("embed:show", args=[embed.public_id])
    acted = reverse("embed:act", args=[embed.public_id, "cancel", booking.pk])
    row = PasswordReset.objects.create(user=user, asked_today="x")
    resets.mail(row.pk, now=timezone.now())
    mailed = mails.messages[-1].get_body(("plain",)).get_content()
    link = re.search(r"/password/choose/([^/\s]+)/", mailed)
    assert link
    token = token_for(user, *MEMBER)
    app = [build.slug]
    return {
        "a browser": Way(
            key=signed_in(member, build),
            ask=lambda key: with_cookie(key).get(reverse("member:home", args=app)),
            let_in=lambda answer: answer.status_code == 200,
        ),
        "a telephone that writes": Way(
            key=signed_in(member, build, AGENT),
            ask=lambda key: with_cookie(key).post(reverse("member:messages", args=app), {"marketing_opt_in": "on"}),
            let_in=lambda answer: answer["Location"] == reverse("member:preferences", args=app),
        ),
        "the copy of one's data": Way(
            key=signed_in(member, build),
            ask=lambda key: with_cookie(key).post(reverse("member:copy", args=app), {"password": make.PASSWORD}),
            let_in=lambda answer: answer.status_code == 200,
        ),
        "a token that reads": Way(
            key=token, ask=lambda key: Browser().get(f"{ROOT}/me", headers=bearer(key)), let_in=_ok
        ),
        "a token that books": Way(
            key=token,
            ask=lambda key: Browser().post(
                f"{ROOT}/bookings", {"session": lesson.pk}, content_type="application/json", headers=bearer(key)
            ),
            let_in=lambda answer: answer.status_code == 201,
        ),
        "a frame": Way(
            key=embeds.begin(embed, user, now=timezone.now()),
            ask=lambda key: Browser().post(framed, {"token": key}),
            let_in=lambda answer: "Sign out" in answer.content.decode(),
        ),
        "a frame that cancels": Way(
            key=embeds.begin(embed, user, now=timezone.now()),
            ask=lambda key: Browser().post(acted, {"token": key}),
            let_in=_ok,
        ),
        "a link for a new password": Way(
            key=link.group(1),
            ask=lambda key: Browser().get(reverse("password-choose", args=[key])),
            let_in=_ok,
        ),
        "a password": Way(
            key=make.PASSWORD,
            ask=lambda key: Browser().post(
                reverse("member:sign-in", args=app), {"email": member.email, "password": key}
            ),
            let_in=lambda answer: answer.status_code == 302,
        ),
    }


def _ok(answer: Any) -> bool:
    return bool(answer.status_code == 200)


def said(answer: Any, key: str) -> tuple[Any, ...]:
    """All that a refusal says, without what is drawn anew for each page."""
    text = answer.content.decode().replace(key, "KEY")
    text = re.sub(r'(nonce|name="csrfmiddlewaretoken" value)="[^"]*"', "", text)
    return answer.status_code, answer.headers.get("Location", ""), text


def test_every_way_in_is_closed_with_the_next_request(member: Client, build: AppBuild, mail_sink: Sink) -> None:
    ways = ways_in(member, build, mail_sink)
    assert [name for name, way in ways.items() if not way.let_in(way.ask(way.key))] == [], "each of them works"
    account = member.user_id
    before = Client.objects.filter(pk=member.pk)

    pipeline.erase(Client, [member.pk], by="role:test", reason="asked")

    row = before.values().get()
    for name, way in ways.items():
        answer = way.ask(way.key)
        assert not way.let_in(answer), name
        made_up = way.key[:4] + secrets.token_urlsafe(32)[:-4].rjust(len(way.key) - 4, "x")[: len(way.key) - 4]
        assert said(answer, way.key) == said(way.ask(made_up), made_up), name
        assert member.first_name not in answer.content.decode(), name
    assert before.values().get() == row, "none of them wrote anything on the record"
    for model in (Session, ApiToken, EmbedSignIn, PasswordReset, DeletionCheck):
        assert not model.objects.filter(user=account).exists()
    assert not User.objects.filter(pk=account).exists()


def test_a_code_that_was_mailed_confirms_nothing_any_more(member: Client, build: AppBuild, mail_sink: Sink) -> None:
    User.objects.filter(pk=member.user_id).update(password="!")
    browser = Browser()
    browser.force_login(User.objects.get(pk=member.user_id))
    delete = reverse("member:delete", args=[build.slug])
    browser.get(delete)
    browser.post(reverse("member:delete-code", args=[build.slug]))
    code = re.search(r"\d{6}", mail_sink.messages[-1].get_body(("plain",)).get_content())
    assert code
    pipeline.erase(Client, [member.pk], by="role:test", reason="asked")
    answer = browser.post(delete, {"code": code.group(), "fingerprint": "x"})
    assert answer["Location"].startswith(reverse("member:sign-in", args=[build.slug]))


def test_an_identity_opens_nothing_and_what_it_brought_is_revoked(member: Client, build: AppBuild) -> None:
    provider = Provider.objects.create(
        business=member.business, name="Harbour ID", issuer="https://id.example", client_id="club"
    )
    back = Said(subject="zoe", email="", first_name="", last_name="", token="a-token", kind="refresh_token")
    identities.connect(provider, back, member)
    assert identities.sign_in(provider, back) == member.user
    pipeline.erase(Client, [member.pk], by="role:test", reason="asked")
    assert identities.sign_in(provider, back) is None
    # Who came back from the provider while the account was being erased brings a token that nobody holds.
    before = set(Effect.objects.values_list("pk", flat=True))
    with pytest.raises(identities.Gone):
        identities.connect(provider, back, member)
    assert not Identity.objects.exists()
    owed = Effect.objects.exclude(pk__in=before).get()
    assert owed.kind == "identity.revoke"
    assert unseal(owed.payload["token"]) == "a-token"


def test_a_link_to_sign_up_makes_somebody_new(member: Client, build: AppBuild, mail_sink: Sink) -> None:
    """It was mailed to a client whom the desk had entered and who had no sign-in; then the desk deletes them."""
    known = make.make_client(member.home_club, email="zoe@example.com")
    make.make_booking(make.make_session(member.home_club, days=-3), known)
    accounts.mail_link(build, known.email, now=timezone.now(), link=lambda token: f"/link/{token}/")
    token = mail_sink.messages[-1].get_body(("plain",)).get_content().split("/link/")[1].split("/")[0]
    pipeline.erase(Client, [known.pk], by="role:test", reason="asked")
    assert SignUp.objects.count() == 1
    sent = {"email": "zoe@example.com", "password": "another horse battery", "first_name": "Zoë", "last_name": "Quill"}
    finish = reverse("member:sign-up-finish", args=[build.slug, token])
    answer = Browser().post(finish, sent | {"club": str(member.home_club_id)})
    assert answer.status_code == 302
    new = Client.objects.get(email="zoe@example.com")
    assert new.pk != known.pk
    assert not new.bookings.exists()
    known.refresh_from_db()
    assert known.user_id is None
