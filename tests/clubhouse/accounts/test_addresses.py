"""A member's own new address: its mailbox confirms it, once; nobody learns whose it is, and an erasure withdraws it."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts import addresses, effects, resets
from clubhouse.accounts.models import AddressChange, PasswordReset, Session
from clubhouse.clients.models import Client
from clubhouse.localisation.models import ReaderChoice
from clubhouse.member import confirming
from clubhouse.member.models import AppBuild
from clubhouse.member.services import change_password
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from lethe import outbox
from lethe.models import Effect
from tests.support import factories as make
from tests.support.mail import Sink
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
NEW = "new.address@example.net"
SEND = "address-confirm-send"


@pytest.fixture
def build(member: Client) -> AppBuild:
    business = member.business
    return AppBuild.objects.create(business=business, name="App", slug=business.slug, account_deletion=True)


@pytest.fixture
def app(client: Browser, build: AppBuild, member: Client) -> Browser:
    """The member's own browser, signed in."""
    return sign_in(client, member)


def ask(app: Browser, build: AppBuild, email: str = NEW, password: str = make.PASSWORD, **more: str) -> Any:
    url = reverse("member:address", args=[build.slug])
    return app.post(url, {"new_email": email, "password": password} | more)


def link_in(sink: Sink) -> str:
    text = sink.messages[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    found = re.search(r"http://\S+(/address/confirm/\S+/)", text)
    assert found
    return found.group(1)


def token_in(sink: Sink) -> str:
    return link_in(sink).rstrip("/").rpartition("/")[2]


def press(token: str, browser: Browser | None = None) -> Any:
    return (browser or Browser()).post(reverse(SEND), {"token": token})


# --- changing -------------------------------------------------------------------------------------------------------
def test_a_member_changes_it_on_another_device(app: Browser, build: AppBuild, member: Client, mail_sink: Sink) -> None:
    old = member.user.email
    page = app.get(reverse("member:details", args=[build.slug])).text
    assert reverse("member:address", args=[build.slug]) in page
    PasswordReset.objects.create(user=member.user, token_hash="x", asked_today="y")
    assert ask(app, build).status_code == 302
    assert f"The link to {NEW} is not confirmed yet" in app.get(reverse("member:address", args=[build.slug])).text
    assert mail_sink.recipients == [], "the worker mails it"
    assert outbox.drain() == 1
    assert mail_sink.recipients == [NEW]
    link, token, there = link_in(mail_sink), token_in(mail_sink), Browser()
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token), "32 random bytes, and no address"
    page = there.get(link).text
    assert NEW in page
    assert token not in page.split("<form", 1)[1].split(">", 1)[0], "the form's address has no token"
    member.user.refresh_from_db()
    assert member.user.email == old, "following a link changes nothing: mail programs do it too"
    assert press(token, there)["Location"] == reverse("business-member-sign-in", args=[member.business.slug])
    member.refresh_from_db()
    member.user.refresh_from_db()
    assert (member.user.email, member.email) == (NEW, NEW)
    assert NEW in member.search_text
    assert not Session.objects.filter(user=member.user).exists(), "every earlier sign-in has ended"
    assert not PasswordReset.objects.filter(user=member.user).exists(), "and every link mailed to the old address"
    assert press(token).status_code == there.get(link).status_code == 410, "it works once"
    outbox.drain()
    assert mail_sink.recipients == sorted([NEW, old])
    assert "was changed" in mail_sink.messages[-1]["Subject"]
    assert NEW not in str(mail_sink.messages[-1])
    assert list(AddressChange.objects.values_list("new_email", "told")) == [("", [])]
    signing_in = {"email": NEW, "password": make.PASSWORD}
    assert there.post(reverse("member:sign-in", args=[build.slug]), signing_in).status_code == 302


def test_the_browser_that_confirms_stays_signed_in_alone(
    app: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    other = sign_in(Browser(), member)
    ask(app, build)
    outbox.drain()
    assert press(token_in(mail_sink), app)["Location"] == reverse("member-home")
    home = reverse("member:home", args=[build.slug])
    assert (app.get(home).status_code, other.get(home).status_code) == (200, 302)


def test_who_is_written_to_elsewhere_is_told_there_too(
    app: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    Client.objects.filter(pk=member.pk).update(email="at.work@example.com")
    ask(app, build)
    outbox.drain()
    press(token_in(mail_sink))
    outbox.drain()
    assert mail_sink.recipients == sorted([NEW, member.user.email, "at.work@example.com"])


def test_mails_are_in_the_members_language(app: Browser, build: AppBuild, member: Client, mail_sink: Sink) -> None:
    ReaderChoice.objects.create(user=member.user, language="de", timezone="")
    ask(app, build)
    outbox.drain()
    press(token_in(mail_sink))
    outbox.drain()
    business = member.business.name
    assert [mail["Subject"] for mail in mail_sink.messages] == [
        f"Ihre E-Mail-Adresse bei {business}",
        f"Ihre E-Mail-Adresse bei {business} wurde geändert",
    ]
    assert "Wenn Sie es waren, bestätigen Sie es hier." in str(mail_sink.messages[0].get_body(("plain",)).get_content())  # type: ignore[union-attr]


# --- refusing -------------------------------------------------------------------------------------------------------
def test_a_wrong_password_changes_nothing_and_counts(app: Browser, build: AppBuild, mail_sink: Sink) -> None:
    for _ in range(confirming.TRIES):
        answer = ask(app, build, password="wrong")
        assert answer.status_code == 422
        assert "not the password of your account" in answer.text
    assert "Wait 15 minutes" in ask(app, build).text
    assert not AddressChange.objects.exists()
    assert outbox.drain() == 0


@pytest.mark.parametrize("email", ["", "no address", "a\x00b@example.com", "x" * 250 + "@example.com"])
def test_what_is_no_address_is_refused(app: Browser, build: AppBuild, email: str) -> None:
    assert ask(app, build, email=email).status_code == 422


def test_the_own_address_is_no_new_one(app: Browser, build: AppBuild, member: Client) -> None:
    assert "You sign in with this address already" in ask(app, build, email=member.user.email.upper()).text


@pytest.mark.parametrize("case", ["free", "a member's", "a client's", "another business's"])
def test_every_address_is_answered_alike_in_as_many_statements(
    app: Browser, build: AppBuild, member: Client, mail_sink: Sink, case: str
) -> None:
    elsewhere = make.make_client(make.make_club(make.make_business()), member=True)
    email = {
        "free": NEW,
        "a member's": make.make_client(member.home_club, member=True, email="first@example.net").user.email,
        "a client's": make.make_client(member.home_club, email="Second@Example.net").email.lower(),
        "another business's": elsewhere.user.email,
    }[case]
    with CaptureQueriesContext(connection) as caught:
        answer = ask(app, build, email=email)
    assert answer.status_code == 302
    assert len(caught) == 28, "the same for each, sign-in, proof and outbox included"
    outbox.drain()
    text = mail_sink.messages[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    taken = case in {"a member's", "a client's"}
    assert mail_sink.recipients == [email]
    assert ("belongs to an account there already" in text) is taken
    assert ("http" in text) is not taken
    assert press("").status_code == 410, "no token opens the link that was not made"


def test_who_took_the_address_meanwhile_keeps_it(
    app: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    ask(app, build)
    outbox.drain()
    other = make.make_client(member.home_club, member=True, email=NEW)
    assert press(token_in(mail_sink)).status_code == 410
    member.user.refresh_from_db()
    assert member.user.email != NEW == other.user.email


def test_a_flood_is_stopped(app: Browser, build: AppBuild, member: Client, mail_sink: Sink) -> None:
    for n in range(addresses.MAILS_A_DAY):
        assert ask(app, build, email=f"n{n}@example.net").status_code == 302
    answer = ask(app, build)
    assert answer.status_code == 429
    assert "three links within a day" in answer.text
    outbox.drain()
    assert mail_sink.recipients == ["n2@example.net"], "each ends the one before"
    for _ in range(addresses.MAILS_A_DAY + 1):
        other = make.make_client(member.home_club, member=True)
        assert addresses.ask(other, other.user, NEW, now=timezone.now())
    outbox.drain()
    assert mail_sink.recipients.count(NEW) == addresses.MAILS_A_DAY, "however many accounts ask"


def test_a_link_ends_with_the_day_the_next_one_and_a_new_password(
    app: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    def asked() -> str:
        AddressChange.objects.update(asked_at=timezone.now() - datetime.timedelta(days=2))
        ask(app, build)
        outbox.drain()
        token = token_in(mail_sink)
        assert addresses.change_of(token, now=timezone.now()), "it works so far"
        return token

    first = asked()
    AddressChange.objects.update(asked_at=timezone.now() - addresses.LASTS)
    assert press(first).status_code == 410
    second = asked()
    ask(app, build, email="third@example.net")
    assert press(second).status_code == 410
    third = asked()
    change_password(member, member.user, "another long password")
    assert press(third).status_code == 410
    addresses.ask(member, member.user, "fourth@example.net", now=timezone.now())
    outbox.drain()
    fourth = token_in(mail_sink)
    assert fourth != third
    assert addresses.change_of(fourth, now=timezone.now()), "it works until the password is a new one"
    reset = PasswordReset.objects.create(user=member.user, asked_today="x")
    resets.mail(reset.pk, now=timezone.now())
    text = mail_sink.messages[-1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    resets.use(text.split("/password/choose/")[1].split("/")[0], "a third long password", now=timezone.now())
    assert press(fourth).status_code == 410


def test_what_is_over_is_forgotten(app: Browser, build: AppBuild, mail_sink: Sink) -> None:
    ask(app, build)
    outbox.drain()
    now = timezone.now()
    effects.tidy(now)
    assert AddressChange.objects.exists()
    effects.tidy(now + addresses.LASTS)
    assert not AddressChange.objects.exists()
    assert not Effect.objects.filter(kind=addresses.MAIL).exists()


# --- an erasure -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("step", ["asked", "mailed", "confirmed"])
def test_an_erasure_withdraws_it(app: Browser, build: AppBuild, member: Client, mail_sink: Sink, step: str) -> None:
    """The new address goes with the client, nothing more is mailed, and the link works no more."""
    ask(app, build)
    token, old = "x", member.user.email
    if step != "asked":
        outbox.drain()
        token = token_in(mail_sink)
    if step == "confirmed":
        press(token)
    assert AddressChange.objects.filter(user=member.user).exists()
    before = len(mail_sink.envelopes)
    member.refresh_from_db()
    erase(member, by=make.make_staff(member.business).user, reason="test", fingerprint=look(member).fingerprint)
    assert not AddressChange.objects.exists()
    outbox.drain()
    to_them = {NEW, old} & {a for one in mail_sink.envelopes[before:] for a in one.rcpt_tos}
    assert to_them == set()
    assert press(token).status_code == 410
    assert Browser().get(reverse("address-confirm", args=[token])).status_code == 410
