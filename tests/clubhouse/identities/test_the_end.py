"""The end of a sign-in with a provider: revoked at the other side, and afterwards nobody with a history (row P15)."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection, transaction
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from joserfc.jwk import ECKey

from clubhouse.clients.models import Client, Identity
from clubhouse.identities import effects, services, wire
from clubhouse.identities.models import Grant, Provider
from clubhouse.identities.protocol import Said
from clubhouse.identities.sealing import seal, unseal
from clubhouse.identities.services import save_provider
from clubhouse.member.models import AppBuild
from clubhouse.messages.models import Notification
from clubhouse.privacy.overdue import tell_administrators
from clubhouse.privacy.selectors import look, progress
from clubhouse.privacy.services import erase
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox
from lethe.models import Effect, Run
from lethe.outbox import Retry
from tests.clubhouse.identities.conftest import person
from tests.clubhouse.identities.journeys import arrive, open_account
from tests.support import factories as make
from tests.support import openid
from tests.support.dump import logical_dump
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def said(token: str = "a-token", kind: str = "refresh_token", subject: str = "somebody") -> Said:  # noqa: S107
    return Said(subject=subject, email="", first_name="", last_name="", token=token, kind=kind)


def forget(record: Client, administrator: StaffMember) -> None:
    erase(record, by=administrator.user, reason="test", fingerprint=look(record).fingerprint)


@pytest.mark.django_db(transaction=True)
def test_the_whole_way_and_back_with_no_history(
    build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club, administrator: StaffMember
) -> None:
    browser = Browser()
    open_account(browser, build, provider, elsewhere, club)
    first = Client.objects.get(email="zoe@example.com")
    make.make_booking(make.make_session(club, days=-3), first)
    sealed = Grant.objects.get().token_sealed
    token = unseal(sealed)
    assert token in elsewhere.live
    assert sealed.encode() in logical_dump(connection)
    found = look(first)
    assert any("social sign-ins" in line.label for line in found.removed)
    before = list(elsewhere.asked)

    forget(first, administrator)

    assert elsewhere.asked == before, "the provider is told after commit, by the worker"
    assert not Identity.objects.exists()
    assert not Grant.objects.exists()
    assert b"subject-of-zoe" not in logical_dump(connection)
    outbox.drain()
    assert token not in elsewhere.live
    assert sealed.encode() not in logical_dump(connection), "scrubbed once it is done"
    done = Effect.objects.get(kind="identity.revoke")
    assert (done.receipt, done.payload) == ({"outcome": "revoked"}, {})
    labels = [deed.label for deed in progress(Run.objects.get()).deeds]
    assert "End social sign-ins at their providers" in labels
    # The old browser is out, and the same identity is a new person with nothing behind it.
    assert browser.get(reverse("member:home", args=[build.slug])).status_code == 302
    again = Browser()
    answer = open_account(again, build, provider, elsewhere, club)
    assert answer["Location"] == reverse("member:home", args=[build.slug])
    second = Client.objects.get(email="zoe@example.com")
    assert second.pk != first.pk
    assert not second.bookings.exists()
    assert Identity.objects.get().client == second


def test_no_network_while_a_transaction_is_open(
    client: Browser,
    build: AppBuild,
    provider: Provider,
    elsewhere: openid.Provider,
    club: Club,
    administrator: StaffMember,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every connection to a provider is made outside of a transaction of ours."""
    depth = len(connection.savepoint_ids) + len(connection.atomic_blocks)
    seen: list[int] = []
    real = wire._Checked._new_conn

    def watched(self):
        seen.append(len(connection.savepoint_ids) + len(connection.atomic_blocks) - depth)
        return real(self)

    monkeypatch.setattr(wire._Checked, "_new_conn", watched)
    open_account(client, build, provider, elsewhere, club)
    forget(Client.objects.get(email="zoe@example.com"), administrator)
    outbox.drain()
    assert len(seen) >= 4, "metadata, token, keys, revocation"
    assert set(seen) == {0}
    with transaction.atomic():
        assert len(connection.savepoint_ids) + len(connection.atomic_blocks) > depth, "the measure can see one"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ((200, {}), "revoked"),
        ((400, {"error": "invalid_token"}), "was revoked or had run out before"),
        ((400, {"error": "invalid_grant"}), "was revoked or had run out before"),
        ((400, {"error": "unsupported_token_type"}), "was revoked or had run out before"),
        ((401, {"error": "invalid_client"}), "check them"),
        ((400, {"error": "invalid_request"}), "answered 400"),
        ((429, {}), "answered 429"),
        ((503, {}), "answered 503"),
        ((302, {}), "answered 302"),
    ],
)
def test_what_the_provider_answers(provider: Provider, elsewhere: openid.Provider, answer: tuple, outcome: str) -> None:
    elsewhere.revocation = answer
    payload = {"token": seal("a-token"), "hint": "refresh_token", "provider": provider.pk}
    if outcome.startswith(("revoked", "was")):
        assert effects.revoke(payload) == {"outcome": outcome}
        assert effects.revoke(payload) == {"outcome": outcome}, "a second call is as good as the first"
        return
    with pytest.raises(Retry, match=outcome) as caught:
        effects.revoke(payload)
    assert "a-token" not in str(caught.value)
    assert elsewhere.issuer not in str(caught.value)


def test_revoking_twice_is_as_once(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    open_account(client, build, provider, elsewhere, club)
    grant = Grant.objects.get()
    payload = {"token": grant.token_sealed, "hint": grant.kind, "provider": provider.pk}
    assert effects.revoke(payload) == {"outcome": "revoked"}
    assert effects.revoke(payload) == {"outcome": "revoked"}
    assert unseal(grant.token_sealed) not in elsewhere.live


def test_a_provider_that_is_away_is_tried_again(
    member: Client, provider: Provider, elsewhere: openid.Provider, administrator: StaffMember
) -> None:
    services.connect(provider, said(), member)
    issuer = provider.issuer
    Provider.objects.update(issuer="http://127.0.0.1:1")
    forget(member, administrator)
    outbox.drain()
    effect = Effect.objects.get(kind="identity.revoke")
    assert effect.done_at is None
    assert effect.last_error.startswith("The sign-in provider was not told: no answer")
    assert "a-token" not in str(effect.payload), "encrypted until it is done"
    sign_in(browser := Browser(), administrator)
    assert "End social sign-ins" in browser.get(reverse("privacy:settings")).content.decode()
    Provider.objects.update(issuer=issuer)
    browser.post(reverse("privacy:retry", args=[effect.pk]))
    assert outbox.drain() == 1
    assert elsewhere.asked[-1] == "revoke"


def test_what_cannot_be_revoked_is_done_or_named(provider: Provider, elsewhere: openid.Provider) -> None:
    payload = {"token": seal("a-token"), "hint": "refresh_token", "provider": provider.pk}
    assert effects.revoke(payload | {"provider": 0}) == {"outcome": "the provider was removed"}
    with pytest.raises(Retry, match="CLUBHOUSE_SECRET_KEY"):
        effects.revoke(payload | {"token": "gAAAAABnonsense"})
    elsewhere.metadata = {"revocation_endpoint": None}
    assert effects.revoke(payload) == {"outcome": "the provider has no way to revoke"}


def test_an_earlier_secret_key_still_reads(provider: Provider, elsewhere: openid.Provider, settings) -> None:
    sealed = seal("a-token")
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "a new key", [settings.SECRET_KEY]
    assert unseal(sealed) == "a-token"


def test_a_new_token_replaces_the_old_one_which_is_revoked(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    open_account(client, build, provider, elsewhere, club)
    old = unseal(Grant.objects.get().token_sealed)
    arrive(Browser(), build, provider, elsewhere)
    new = unseal(Grant.objects.get().token_sealed)
    assert old != new
    outbox.drain()
    assert old not in elsewhere.live
    assert new in elsewhere.live


def test_the_erasure_takes_as_many_statements_for_one_as_for_many(
    club: Club, provider: Provider, administrator: StaffMember
) -> None:
    from django.test.utils import CaptureQueriesContext

    from lethe import pipeline

    counts = []
    for many in (1, 12):
        clients = [make.make_client(club, member=True) for _ in range(many)]
        for number, row in enumerate(clients):
            services.connect(provider, said(subject=f"{many}-{number}"), row)
        with CaptureQueriesContext(connection) as caught:
            pipeline.erase(Client, [row.pk for row in clients], by="role:test", reason="test", using="default")
        counts.append(len(caught))
        assert Effect.objects.filter(kind="identity.revoke").count() == sum((1, 12)[: len(counts)])
    assert counts[0] == counts[1]


# --- by the member's own hand ---------------------------------------------------------------------------------------
def test_disconnecting_revokes_and_the_last_way_in_stays(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, member: Client, club: Club
) -> None:
    services.connect(provider, said(), member)
    sign_in(client, member)
    page = client.get(reverse("member-sign-ins", args=[build.slug])).content.decode()
    assert "Disconnect" in page
    url = reverse("openid:disconnect", args=[build.slug, Identity.objects.get().pk])
    member.user.set_unusable_password()
    member.user.save()
    sign_in(client, member)
    answer = client.post(url, follow=True)
    assert "could not sign in any more" in answer.content.decode()
    assert Identity.objects.exists()
    member.user.set_password(make.PASSWORD)
    member.user.save()
    sign_in(client, member)
    for _ in range(2):
        assert client.post(url)["Location"] == reverse("member-sign-ins", args=[build.slug])
    assert not Identity.objects.exists()
    assert Effect.objects.filter(kind="identity.revoke").count() == 1
    assert outbox.drain() == 1
    assert ">Connect</" in client.get(reverse("member-sign-ins", args=[build.slug])).content.decode().replace(
        "</svg>", ">"
    )


def test_a_disconnection_that_keeps_failing_is_shown_and_told(
    member: Client, provider: Provider, administrator: StaffMember, stranger: StaffMember
) -> None:
    """No erasure's run says whose it is: the effect itself does."""
    services.connect(provider, said(), member)
    services.connect(provider, said("a-newer-token"), member)
    services.disconnect(member, Identity.objects.get().pk)
    Provider.objects.update(issuer="http://127.0.0.1:1")
    outbox.drain()
    failing = Effect.objects.filter(kind="identity.revoke", done_at=None)
    assert failing.count() == 2, "the token before, and the newest"
    sign_in(browser := Browser(), administrator)
    assert "End social sign-ins" in browser.get(reverse("privacy:settings")).content.decode()
    failing.update(created_at=timezone.now() - datetime.timedelta(days=2))
    assert tell_administrators(timezone.now()) == 2
    line = Notification.objects.get()
    assert (line.recipient, line.kind) == (administrator, "not_done_outside")


def test_an_identity_belongs_to_one_account_of_a_business(
    client: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, member: Client, club: Club
) -> None:
    other = make.make_client(club, member=True)
    services.connect(provider, said(subject="subject-of-zoe"), other)
    sign_in(client, member)
    answer = arrive(client, build, provider, elsewhere)
    assert answer["Location"] == reverse("openid:connect", args=[build.slug])
    done = client.post(answer["Location"], follow=True)
    assert "connected to another account" in done.content.decode()
    assert Identity.objects.get().client == other


# --- Sign in with Apple ---------------------------------------------------------------------------------------------
@pytest.fixture
def apple(provider: Provider, elsewhere: openid.Provider, settings) -> Provider:
    """The provider on loopback as Apple: a signed client secret, and a revocation address of its own."""
    key = ECKey.generate_key("P-256")
    settings.APPLE_ISSUER, settings.APPLE_REVOKE = elsewhere.issuer, f"{elsewhere.issuer}/revoke"
    elsewhere.client.apple_key = ECKey.import_key(key.as_dict(private=False))
    elsewhere.metadata = {
        "revocation_endpoint": None,
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }
    provider.apple_team, provider.apple_key = "TEAM123456", "KEY1234567"
    return save_provider(provider, secret=key.as_pem(private=True).decode())


def test_apple_is_signed_in_with_and_revoked(
    client: Browser,
    build: AppBuild,
    apple: Provider,
    elsewhere: openid.Provider,
    club: Club,
    administrator: StaffMember,
) -> None:
    answer = client.get(reverse("openid:set-out", args=[build.slug, apple.pk]))
    sent = openid.state_of(answer["Location"])
    assert sent["response_mode"] == "form_post"
    back = openid.state_of(elsewhere.consent(answer["Location"].replace("response_mode=form_post", "x=y")))
    posted = Browser().post(reverse("openid-back"), back)
    assert client.get(posted["Location"])["Location"] == reverse("openid:finish", args=[build.slug])
    values = {"first_name": "Zoë", "last_name": "", "club": str(club.pk)}
    assert client.post(reverse("openid:finish", args=[build.slug]), values).status_code == 302
    token = unseal(Grant.objects.get().token_sealed)
    assert token in elsewhere.live
    forget(Client.objects.get(email="zoe@example.com"), administrator)
    outbox.drain()
    assert Effect.objects.get(kind="identity.revoke").receipt == {"outcome": "revoked"}
    assert token not in elsewhere.live


def test_apples_first_token_is_kept_because_any_ends_them_all(member: Client, apple: Provider) -> None:
    services.connect(apple, said("first"), member)
    services.connect(apple, said("second"), member)
    assert unseal(Grant.objects.get().token_sealed) == "first"
    assert not Effect.objects.exists()


def test_apple_refuses_another_key(apple: Provider, elsewhere: openid.Provider) -> None:
    save_provider(apple, secret=ECKey.generate_key("P-256").as_pem(private=True).decode())
    payload = {"token": seal("a-token"), "hint": "refresh_token", "provider": apple.pk}
    with pytest.raises(Retry, match="client ID or the secret"):
        effects.revoke(payload)


def test_who_is_somebody_else_at_the_provider_is_somebody_else_here(
    build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club
) -> None:
    open_account(Browser(), build, provider, elsewhere, club)
    elsewhere.person = person("subject-of-bob", "bob@example.com")
    open_account(Browser(), build, provider, elsewhere, club, first_name="Bob")
    assert Identity.objects.values("client").distinct().count() == 2
