"""Signing in with a provider: through it, back, and to the account that the identity opens."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Session, User
from clubhouse.clients.models import Client, Identity
from clubhouse.identities import journey
from clubhouse.identities.models import Grant, Provider
from clubhouse.identities.sealing import unseal
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Club
from tests.clubhouse.identities.conftest import person
from tests.clubhouse.identities.journeys import arrive, open_account, set_out
from tests.support import factories as make
from tests.support import openid
from tests.support.dump import logical_dump
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def known(member: Client, provider: Provider) -> Client:
    """A member who is connected to the person at the provider."""
    Identity.objects.create(client=member, provider=provider.key, subject="subject-of-zoe")
    return member


def sign_in_page(build: AppBuild) -> str:
    return reverse("member:sign-in", args=[build.slug])


def test_the_sign_in_page_has_the_button(client: Browser, build: AppBuild, provider: Provider) -> None:
    page = client.get(sign_in_page(build)).content.decode()
    assert "Sign in with Harbour ID" in page
    assert reverse("openid:set-out", args=[build.slug, provider.pk]) in page
    Provider.objects.update(is_on=False)
    assert "Harbour ID" not in client.get(sign_in_page(build)).content.decode()
    assert client.get(reverse("openid:set-out", args=[build.slug, provider.pk])).status_code == 404


def test_a_first_sign_in_opens_an_account(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    answer = open_account(client, build, provider, elsewhere, club)
    assert answer["Location"] == reverse("member:home", args=[build.slug])
    assert client.get(answer["Location"]).status_code == 200
    row = Client.objects.get(email="zoe@example.com")
    assert (row.first_name, row.last_name, row.home_club, row.status) == ("Zoë", "Quill", club, "lead")
    assert not row.user.has_usable_password()
    identity = Identity.objects.get()
    assert (identity.client, identity.provider, identity.subject) == (row, provider.key, "subject-of-zoe")
    # A second press finds the account it has just opened.
    again = client.post(reverse("openid:finish", args=[build.slug]), {"first_name": "Zoë", "club": str(club.pk)})
    assert again["Location"] == reverse("member:home", args=[build.slug])
    assert Client.objects.filter(email="zoe@example.com").count() == 1


def test_the_next_sign_in_opens_the_same_account(
    build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client
) -> None:
    browser = Browser()
    browser.get(sign_in_page(build))
    answer = arrive(browser, build, provider, elsewhere)
    assert answer["Location"] == reverse("member:home", args=[build.slug])
    row = Session.objects.get(user=known.user)
    assert row.signed_in_at is not None
    assert Client.objects.count() == 1
    wanted = reverse("member:passes", args=[build.slug])
    assert arrive(Browser(), build, provider, elsewhere, next=wanted)["Location"] == wanted
    away = arrive(Browser(), build, provider, elsewhere, next="https://evil.example/")
    assert away["Location"] == reverse("member:home", args=[build.slug])


def test_what_goes_to_the_provider(client: Browser, build: AppBuild, provider: Provider) -> None:
    sent = openid.state_of(set_out(client, build, provider))
    assert sent["code_challenge_method"] == "S256"
    assert sent["response_type"] == "code"
    assert sent["client_id"] == openid.CLIENT
    assert {"state", "nonce", "code_challenge"} <= sent.keys()
    assert "openid" in sent["scope"].split()
    assert "client_secret" not in sent
    again = openid.state_of(set_out(client, build, provider))
    for name in ("state", "nonce", "code_challenge"):
        assert sent[name] != again[name]


def test_the_session_key_changes_with_the_sign_in(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client
) -> None:
    back = urlsplit(elsewhere.consent(set_out(client, build, provider)))
    before = client.session.session_key
    client.get(f"{back.path}?{back.query}")
    assert client.session.session_key != before
    assert not Session.objects.filter(session_key=before).exists()


# --- an address proves nothing --------------------------------------------------------------------------------------
def test_an_address_connects_nothing(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, member: Client, club: Club
) -> None:
    elsewhere.person = person("somebody-else", member.user.email)
    answer = arrive(client, build, provider, elsewhere)
    page = client.get(answer["Location"]).content.decode()
    assert "knows your address already" in page
    posted = client.post(answer["Location"], {"first_name": "X", "last_name": "Y", "club": str(club.pk)})
    assert "knows your address already" in posted.content.decode()
    assert not Identity.objects.exists()
    assert not Session.objects.filter(user=member.user).exists()
    # With the account's own password it is connected, and then opens it.
    connect = reverse("openid:connect", args=[build.slug])
    proof = {"email": member.user.email, "password": make.PASSWORD, "next": connect}
    assert client.post(sign_in_page(build), proof)["Location"] == connect
    assert "Connect" in client.get(connect).content.decode()
    assert not Identity.objects.exists(), "a look connects nothing"
    client.post(connect)
    assert Identity.objects.get().client == member
    assert client.post(connect).status_code == 302, "a second click changes nothing"
    assert arrive(Browser(), build, provider, elsewhere)["Location"] == reverse("member:home", args=[build.slug])


def test_a_client_without_a_sign_in_is_known_too(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    make.make_client(club, email="ZOE@example.com")
    answer = arrive(client, build, provider, elsewhere)
    assert "knows your address already" in client.get(answer["Location"]).content.decode()


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "false"}, {"email": ""}])
def test_an_address_that_nobody_has_confirmed_opens_nothing_and_tells_nothing(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, member: Client, claims: dict
) -> None:
    elsewhere.person = person("somebody-else", member.user.email) | claims
    page = client.get(arrive(client, build, provider, elsewhere)["Location"]).content.decode()
    assert "did not tell us a confirmed e-mail address" in page
    assert "knows your address" not in page


def test_a_build_without_sign_up_opens_no_account(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    AppBuild.objects.update(sign_up=False)
    answer = arrive(client, build, provider, elsewhere)
    values = {"first_name": "Zoë", "last_name": "Quill", "club": str(club.pk)}
    assert "does not open accounts" in client.post(answer["Location"], values).content.decode()
    assert not User.objects.exists()


def test_an_identity_of_another_business_opens_nothing_here(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider
) -> None:
    stranger = make.make_client(make.make_club(make.make_business()), member=True)
    Identity.objects.create(client=stranger, provider=provider.key, subject="subject-of-zoe")
    assert arrive(client, build, provider, elsewhere)["Location"] == reverse("openid:finish", args=[build.slug])


def test_the_same_subject_at_another_issuer_is_somebody_else(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, member: Client
) -> None:
    Identity.objects.create(client=member, provider="oidc:of-another-issuer", subject="subject-of-zoe")
    Identity.objects.create(client=member, provider="google", subject="subject-of-zoe")
    assert arrive(client, build, provider, elsewhere)["Location"] == reverse("openid:finish", args=[build.slug])


def test_a_deactivated_or_deleted_account_is_not_opened(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client
) -> None:
    User.objects.filter(pk=known.user_id).update(is_active=False)
    assert arrive(client, build, provider, elsewhere)["Location"] == reverse("openid:finish", args=[build.slug])
    User.objects.filter(pk=known.user_id).update(is_active=True)
    Client.objects.filter(pk=known.pk).update(status="deleted")
    assert arrive(Browser(), build, provider, elsewhere)["Location"] == reverse("openid:finish", args=[build.slug])
    assert not Session.objects.filter(user=known.user).exists()


# --- what does not hold ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"iss": "https://accounts.example.com"},
        {"aud": ["another-club"]},
        {"azp": "another-club"},
        {"exp": 1_600_000_000},
        {"sub": ""},
        {"sub": "x" * 256},
    ],
    ids=lambda claims: next(iter(claims)),
)
def test_an_id_token_that_does_not_hold_is_refused(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client, claims: dict
) -> None:
    elsewhere.claims = claims
    answer = arrive(client, build, provider, elsewhere)
    assert answer["Location"] == sign_in_page(build)
    assert "could not be checked" in client.get(answer["Location"]).content.decode()
    assert not Session.objects.filter(user=known.user).exists()


def test_a_signature_by_another_key_is_refused_and_new_keys_are_fetched(
    build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client
) -> None:
    home = reverse("member:home", args=[build.slug])
    assert arrive(Browser(), build, provider, elsewhere)["Location"] == home
    elsewhere.key = openid.new_key("second")
    assert arrive(Browser(), build, provider, elsewhere)["Location"] == home, "it drew a new key"
    elsewhere.published, elsewhere.key = elsewhere.key, openid.new_key("second")
    assert arrive(Browser(), build, provider, elsewhere)["Location"] == sign_in_page(build), "a forger's"


@pytest.mark.parametrize("change", ["state", "no state", "no code", "denied", "another browser", "twice", "too late"])
def test_a_way_back_that_is_not_the_way_there(
    client: Browser,
    build: AppBuild,
    provider: Provider,
    elsewhere: openid.Provider,
    known: Client,
    monkeypatch: pytest.MonkeyPatch,
    change: str,
) -> None:
    sent = openid.state_of(elsewhere.consent(set_out(client, build, provider)))
    url, browser = reverse("openid-back"), client
    if change == "state":
        sent["state"] = "another"
    elif change == "no state":
        del sent["state"]
    elif change == "no code":
        del sent["code"]
    elif change == "denied":
        sent = {"error": "access_denied", "state": sent["state"]}
    elif change == "another browser":
        browser = Browser()
    elif change == "twice":
        client.get(url, sent | {"state": "another"})
    else:
        monkeypatch.setattr(journey, "LASTS", journey.LASTS * 0)
    asked = len(elsewhere.asked)
    answer = browser.get(url, sent)
    assert answer.status_code == 302
    assert "sign-in" in answer["Location"]
    assert elsewhere.asked[asked:] == [], "the code goes nowhere"
    assert not Session.objects.filter(user=known.user).exists()


def test_a_stolen_code_is_worthless_without_the_proof_key(
    build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client
) -> None:
    mine, theirs = Browser(), Browser()
    stolen = openid.state_of(elsewhere.consent(set_out(mine, build, provider)))["code"]
    own = openid.state_of(set_out(theirs, build, provider))["state"]
    answer = theirs.get(reverse("openid-back"), {"code": stolen, "state": own})
    assert answer["Location"] == sign_in_page(build)
    assert not Session.objects.filter(user=known.user).exists()


def test_a_way_back_by_a_posted_form_is_asked_for_again(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, known: Client
) -> None:
    """Apple posts it from its own site, so without our cookie, and with the person's name beside."""
    sent = openid.state_of(elsewhere.consent(set_out(client, build, provider)))
    answer = Browser(enforce_csrf_checks=True).post(reverse("openid-back"), sent | {"user": '{"name": "Zoë"}'})
    assert answer.status_code == 303
    assert "Zo" not in answer["Location"].split("?")[1].replace(sent["code"], "").replace(sent["state"], "")
    assert client.get(answer["Location"])["Location"] == reverse("member:home", args=[build.slug])


def test_a_provider_that_does_not_answer_is_said(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider
) -> None:
    Provider.objects.update(issuer="http://127.0.0.1:1")
    answer = client.get(reverse("openid:set-out", args=[build.slug, provider.pk]), follow=True)
    assert "Harbour ID did not answer" in answer.content.decode()


# --- what is kept ---------------------------------------------------------------------------------------------------
def test_nothing_readable_is_kept_on_the_way(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider
) -> None:
    sent = openid.state_of(set_out(client, build, provider))
    arrive(client, build, provider, elsewhere)
    said = b"".join(str(row.get_decoded()).encode() for row in Session.objects.all())
    for value in ("subject-of-zoe", "zoe@example.com", "Quill", sent["nonce"], *elsewhere.tokens):
        assert value.encode() not in said


@pytest.mark.django_db(transaction=True)
def test_token_and_secret_are_encrypted_at_rest(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    open_account(client, build, provider, elsewhere, club)
    grant = Grant.objects.get()
    token = unseal(grant.token_sealed)
    assert token in elsewhere.live
    assert grant.kind == "refresh_token"
    dump = logical_dump(connection)
    assert token.encode() not in dump
    assert openid.SECRET.encode() not in dump
    assert unseal(provider.secret_sealed) == openid.SECRET


@pytest.mark.parametrize("case", ["access token", "nothing to revoke with"])
def test_a_token_is_held_only_where_it_can_be_revoked(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club, case: str
) -> None:
    elsewhere.refresh = False
    if case != "access token":
        elsewhere.metadata = {"revocation_endpoint": None}
    open_account(client, build, provider, elsewhere, club)
    assert [grant.kind for grant in Grant.objects.all()] == (["access_token"] if case == "access token" else [])


def test_logs_name_no_one(
    client: Browser,
    build: AppBuild,
    provider: Provider,
    elsewhere: openid.Provider,
    club: Club,
    caplog: pytest.LogCaptureFixture,
) -> None:
    elsewhere.person = person("subject-of-zoe", "canary-address@example.com")
    open_account(client, build, provider, elsewhere, club)
    ours = "\n".join(record.getMessage() for record in caplog.records)
    assert not re.search(r"subject-of-zoe|canary-address|Quill", ours)


# --- who may --------------------------------------------------------------------------------------------------------
def test_pages_need_what_they_need(
    client: Browser, build: AppBuild, provider: Provider, member: Client, administrator
) -> None:
    finish, connect = (reverse(f"openid:{name}", args=[build.slug]) for name in ("finish", "connect"))
    assert client.get(finish)["Location"] == sign_in_page(build), "nobody has come back"
    assert client.get(connect)["Location"].startswith(sign_in_page(build))
    identity = Identity.objects.create(client=make.make_client(build.business.clubs.first()), provider="x", subject="y")
    mine = reverse("openid:disconnect", args=[build.slug, identity.pk])
    assert client.post(mine).status_code == 302
    sign_in(client, administrator)
    assert client.post(connect)["Location"].startswith(sign_in_page(build))
    assert client.post(mine)["Location"].startswith(sign_in_page(build))
    sign_in(client, member)
    assert client.post(mine).status_code == 404, "somebody else's"
    assert Identity.objects.filter(pk=identity.pk).exists()
    assert client.get(connect)["Location"] == reverse("member-sign-ins", args=[build.slug])
    assert client.get(mine).status_code == 405
    assert client.delete(connect).status_code == client.delete(finish).status_code == 405
    assert client.post(reverse("openid:set-out", args=[build.slug, provider.pk])).status_code == 405
    assert client.delete(reverse("openid-back")).status_code == 405
    other = Provider.objects.create(business=make.make_business(), name="X", issuer="https://x.example", client_id="c")
    assert client.get(reverse("openid:set-out", args=[build.slug, other.pk])).status_code == 404
    assert client.get(reverse("openid:set-out", args=["no-such-app", provider.pk])).status_code == 404
