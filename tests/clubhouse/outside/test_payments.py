"""Rows F13 and H17: what is cancelled and deleted here is cancelled and deleted at the payment provider."""

from __future__ import annotations

import datetime
import json
import logging
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
import stripe
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.billing.models import StoredCard
from clubhouse.clients.models import Client
from clubhouse.memberships.models import Membership
from clubhouse.memberships.services import cancel_memberships
from clubhouse.privacy import services
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.support import factories as make
from tests.support.dump import logical_dump
from tests.support.outside import Listener
from tests.support.serving import ROOT
from tests.support.sign_in import sign_in

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)
LATER = datetime.timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Held:
    """What the provider holds of one client."""

    customer: str
    methods: tuple[str, ...]
    subscription: str


def at_provider(provider: stripe.StripeClient, *, methods: int = 2) -> Held:
    """A customer with payment methods and an active subscription."""
    customer = provider.v1.customers.create({"name": "Made Up"}).id
    held = []
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2031, "cvc": "123"}
    for _ in range(methods):
        method = provider.v1.payment_methods.create({"type": "card", "card": card}).id
        provider.v1.payment_methods.attach(method, {"customer": customer})
        held.append(method)
    provider.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": held[0]}})
    plan = provider.v1.plans.create(
        {"amount": 3900, "currency": "gbp", "interval": "month", "product": {"name": "Monthly"}}
    )
    subscription = provider.v1.subscriptions.create({"customer": customer, "items": [{"plan": plan.id}]})
    assert subscription.status == "active"
    return Held(customer=customer, methods=tuple(held), subscription=subscription.id)


def client_of(club: Club, held: Held, **membership: object) -> Client:
    client = make.make_client(club)
    make.make_membership(client, provider_reference=held.subscription, **membership)
    for method in held.methods:
        StoredCard.objects.create(
            client=client, provider="stripe", customer_token=held.customer, card_token=method, last4="4242"
        )
    return client


def erase(*clients: Client) -> None:
    keys = [client.pk for client in clients]
    outcome = pipeline.erase(Client, keys, by="account:1", reason="asked at the desk")
    assert outcome.erased == len(keys)


@pytest.fixture
def business(business: Business) -> Business:
    """A business that cancels and erases."""
    business.deletion_mode = Business.DeletionMode.CANCEL_AND_ERASE
    business.save()
    return business


def states() -> list[tuple[str, str]]:
    return sorted(Effect.objects.values_list("kind", "receipt__outcome"))


def test_subscription_methods_and_customer_end(provider: stripe.StripeClient, club: Club) -> None:
    held, other = at_provider(provider), at_provider(provider)
    client_of(club, other)
    client = client_of(club, held)
    tokens = [held.customer, held.subscription, *held.methods]
    erase(client)
    assert provider.v1.subscriptions.retrieve(held.subscription).status == "active", "nothing inside the transaction"
    assert all(token in str(list(Effect.objects.values_list("payload", flat=True))) for token in tokens)
    assert outbox.drain() == 4
    assert provider.v1.subscriptions.retrieve(held.subscription).status == "canceled"
    assert [provider.v1.payment_methods.retrieve(method).customer for method in held.methods] == [None, None]
    with pytest.raises(stripe.InvalidRequestError):
        provider.v1.customers.retrieve(held.customer)
    assert states() == [
        ("payment.cancel_subscription", "cancelled"),
        ("payment.delete_customer", "deleted"),
        ("payment.detach_method", "detached"),
        ("payment.detach_method", "detached"),
    ]
    left = logical_dump(connection).decode()
    assert [token for token in tokens if token in left] == []
    assert other.customer in left
    # The other client's are untouched.
    assert provider.v1.subscriptions.retrieve(other.subscription).status == "active"
    assert provider.v1.payment_methods.retrieve(other.methods[0]).customer == other.customer


def test_what_was_cancelled_here_before_is_cancelled_there(provider: stripe.StripeClient, club: Club) -> None:
    held = at_provider(provider)
    client = client_of(club, held, status="cancelled")
    erase(client)
    outbox.drain()
    assert provider.v1.subscriptions.retrieve(held.subscription).status == "canceled"


def test_done_twice_or_gone_before_is_done(provider: stripe.StripeClient, club: Club) -> None:
    held = at_provider(provider)
    client = client_of(club, held)
    provider.v1.customers.delete(held.customer)
    erase(client)
    before = list(Effect.objects.values("kind", "payload"))
    outbox.drain()
    assert ("payment.delete_customer", "was gone") in states()
    # A worker that died before it wrote the receipt: the same is asked again.
    for effect in before:
        outbox.record(effect["kind"], effect["payload"])
    assert outbox.drain() == len(before)
    assert not Effect.objects.filter(done_at=None).exists()


def test_a_shared_customer_goes_with_the_last_client(provider: stripe.StripeClient, club: Club) -> None:
    held = at_provider(provider)
    first, second = client_of(club, held), make.make_client(club)
    card = StoredCard.objects.filter(client=first).first()
    StoredCard.objects.filter(pk=card.pk).update(client=second)
    erase(first)
    outbox.drain()
    assert provider.v1.customers.retrieve(held.customer).id == held.customer
    assert provider.v1.payment_methods.retrieve(card.card_token).customer == held.customer
    assert ("payment.delete_customer", "kept: another client's card is under it") in states()
    erase(second)
    outbox.drain()
    with pytest.raises(stripe.InvalidRequestError):
        provider.v1.customers.retrieve(held.customer)


def test_anothers_subscription_under_the_same_customer_is_not_ended(provider: stripe.StripeClient, club: Club) -> None:
    """A family's customer: with it the provider would end what the other still has. It goes with the last."""
    held = at_provider(provider)
    parent, child = client_of(club, held), make.make_client(club)
    plan = provider.v1.plans.create(
        {"amount": 900, "currency": "gbp", "interval": "month", "product": {"name": "Kids"}}
    )
    theirs = provider.v1.subscriptions.create({"customer": held.customer, "items": [{"plan": plan.id}]}).id
    frozen = make.make_membership(child, status="frozen", provider_reference=theirs)
    erase(parent)
    outbox.drain()
    assert provider.v1.subscriptions.retrieve(held.subscription).status == "canceled"
    assert provider.v1.subscriptions.retrieve(theirs).status == "active"
    assert [provider.v1.payment_methods.retrieve(method).customer for method in held.methods] == [None, None]
    assert ("payment.delete_customer", "kept: another client's subscription is under it") in states()
    Effect.objects.all().delete()
    erase(child)
    outbox.drain()
    assert frozen.client_id == child.pk
    assert provider.v1.subscriptions.retrieve(theirs).status == "canceled"
    assert states() == [("payment.cancel_subscription", "cancelled"), ("payment.delete_customer", "deleted")]
    with pytest.raises(stripe.InvalidRequestError):
        provider.v1.customers.retrieve(held.customer)


@pytest.mark.parametrize("status", ["active", "frozen", "cancelled"])
def test_a_customer_without_a_stored_card_goes_too(provider: stripe.StripeClient, club: Club, status: str) -> None:
    """A club that came with its subscriptions alone: who pays is known to the provider only."""
    held = at_provider(provider)
    client = make.make_client(club)
    make.make_membership(client, status=status, provider_reference=held.subscription)
    erase(client)
    assert outbox.drain() == 2
    assert states() == [("payment.cancel_subscription", "cancelled"), ("payment.delete_customer", "deleted")]
    with pytest.raises(stripe.InvalidRequestError):
        provider.v1.customers.retrieve(held.customer)
    # Both are in the run, so the receipt's page waits for both; neither holds a token any more.
    assert Effect.objects.values_list("run", flat=True).distinct().count() == 1
    assert held.customer not in logical_dump(connection).decode()


def test_the_desks_cancelling_keeps_the_customer(provider: stripe.StripeClient, club: Club) -> None:
    held = at_provider(provider)
    make.make_membership(make.make_client(club), provider_reference=held.subscription)
    cancel_memberships(Membership.objects.all(), on=make.today(), reason="desk")
    outbox.drain()
    assert provider.v1.customers.retrieve(held.customer).id == held.customer


@pytest.mark.parametrize("backwards", [False, True])
def test_the_order_of_the_three_does_not_matter(provider: stripe.StripeClient, club: Club, backwards: bool) -> None:
    """Several workers do them as they come."""
    held = at_provider(provider)
    erase(client_of(club, held))
    order = "-kind" if backwards else "kind"
    effects = list(Effect.objects.order_by(order))
    assert effects[0].kind == ("payment.detach_method" if backwards else "payment.cancel_subscription")
    if backwards:
        effects.sort(key=lambda effect: effect.kind != "payment.delete_customer")
    for effect in effects:
        Effect.objects.exclude(pk=effect.pk).filter(done_at=None).update(next_try_at=timezone.now() + LATER)
        Effect.objects.filter(pk=effect.pk).update(next_try_at=timezone.now())
        assert outbox.drain() == 1
    assert not Effect.objects.filter(done_at=None).exists()
    assert provider.v1.subscriptions.retrieve(held.subscription).status == "canceled"
    assert [provider.v1.payment_methods.retrieve(method).customer for method in held.methods] == [None, None]
    with pytest.raises(stripe.InvalidRequestError):
        provider.v1.customers.retrieve(held.customer)


def test_a_card_without_a_customer_is_detached(provider: stripe.StripeClient, club: Club) -> None:
    held = at_provider(provider, methods=1)
    client = make.make_client(club)
    StoredCard.objects.create(client=client, provider="stripe", card_token=held.methods[0])
    erase(client)
    outbox.drain()
    assert states() == [("payment.detach_method", "detached")]


def test_the_desk_cancels_at_the_provider_too(provider: stripe.StripeClient, club: Club) -> None:
    held = at_provider(provider)
    client_of(club, held)
    make.make_membership(make.make_client(club))
    assert cancel_memberships(Membership.objects.all(), on=make.today(), reason="desk") == 2
    assert Effect.objects.get().payload["business"] == club.business_id
    outbox.drain()
    assert provider.v1.subscriptions.retrieve(held.subscription).status == "canceled"


def test_cancelling_many_takes_as_many_statements_as_one(club: Club) -> None:
    counts = []
    for number in (1, 60):
        client = make.make_client(club)
        for n in range(number):
            make.make_membership(client, provider_reference=f"sub_{number}_{n}")
        with CaptureQueriesContext(connection) as seen:
            cancel_memberships(Membership.objects.filter(client=client), on=make.today(), reason="desk")
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert Effect.objects.count() == 61


def test_an_erasure_tells_the_provider_once_for_each(club: Club) -> None:
    clients = [
        client_of(club, Held(customer=f"cus_{n}", methods=(f"a{n}", f"b{n}"), subscription=f"s{n}")) for n in (1, 2)
    ]
    erase(*clients)
    kinds = list(Effect.objects.order_by("kind").values_list("kind", flat=True))
    assert (
        kinds == ["payment.cancel_subscription"] * 2 + ["payment.delete_customer"] * 2 + ["payment.detach_method"] * 4
    )


@pytest.mark.parametrize("provider_name", ["", "another"])
def test_without_a_provider_it_is_said(club: Club, settings: SettingsWrapper, provider_name: str) -> None:
    settings.STRIPE_KEY = "sk_test_x" if provider_name else ""
    client = make.make_client(club)
    StoredCard.objects.create(client=client, provider=provider_name or "stripe", customer_token="c", card_token="d")
    erase(client)
    assert outbox.drain() == 2
    assert {outcome for _, outcome in states()} == {"no payment provider"}


# --- what localstripe lacks: the documented shapes of answers, from a real server on loopback -------------------------
@pytest.fixture
def scripted(http_listener: Listener, settings: SettingsWrapper) -> Listener:
    settings.STRIPE_KEY = "sk_test_of_the_club"
    settings.STRIPE_API = http_listener.address
    return http_listener


def error(code: str = "", message: str = "", kind: str = "invalid_request_error") -> bytes:
    return json.dumps({"error": {"type": kind, "code": code, "message": message}}).encode()


JSON = {"Content-Type": "application/json"}
NONE_RUNNING = b'{"object": "list", "url": "/v1/subscriptions", "has_more": false, "data": []}'


@pytest.mark.parametrize("wanted", [False, True])
def test_at_once_and_prorated_only_where_the_business_says_so(club: Club, scripted: Listener, wanted: bool) -> None:
    club.business.prorate_cancelled = wanted
    club.business.save()
    scripted.answer(200, headers=JSON, body=b'{"id": "sub_1", "object": "subscription"}')
    client = make.make_client(club)
    make.make_membership(client, provider_reference="sub_1")
    erase(client)
    outbox.drain()
    asked = scripted.asked[0]
    assert (asked.method, urlsplit(asked.path).path) == ("DELETE", "/v1/subscriptions/sub_1")
    said = parse_qs(urlsplit(asked.path).query) | parse_qs(asked.body.decode())
    assert said == {"prorate": [str(wanted).lower()], "invoice_now": [str(wanted).lower()]}


def test_the_same_detachment_is_asked_under_the_same_key(scripted: Listener) -> None:
    scripted.answer(200, headers=JSON, body=b'{"id": "pm_1", "object": "payment_method"}')
    for token in ("pm_1", "pm_1", "pm_2"):
        outbox.record("payment.detach_method", {"method": token, "provider": "stripe"})
    outbox.drain()
    keys = [asked.headers["idempotency-key"] for asked in scripted.asked]
    assert keys[0] == keys[1] != keys[2]
    assert "pm_" not in "".join(keys)


@pytest.mark.parametrize(
    ("status", "answer", "outcome"),
    [
        (404, error("resource_missing", "No such subscription: 'sub_canary'"), "was gone"),
        (400, error("", "The payment method you provided is not attached to a customer so detachment ..."), "was gone"),
        (404, error("resource_missing", "No such 'sub_canary'; a similar object exists in live mode"), "other mode"),
        (400, error("parameter_invalid", "sub_canary is wrong"), r"refused \(status 400\)"),
        (401, error("", "Invalid API Key provided: sk_canary"), "refused the key"),
        (403, error("", "no access to sub_canary"), "refused the key"),
        (429, error("rate_limit", "sub_canary"), "come back later"),
        (500, error("", "sub_canary", "api_error"), r"failed \(status 500\)"),
        (200, b"<html>sub_canary</html>", r"failed \(status 200\)"),
    ],
)
def test_only_what_is_gone_counts_as_done(
    scripted: Listener, status: int, answer: bytes, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.answer(status, headers=JSON | {"Stripe-Should-Retry": "false"}, body=answer)
    effect = outbox.record("payment.cancel_subscription", {"subscription": "sub_canary", "membership": 0})
    with caplog.at_level(logging.INFO, "lethe"):
        outbox.drain()
    effect.refresh_from_db()
    if outcome == "was gone":
        assert effect.receipt == {"outcome": outcome, "prorated": False}
        assert effect.payload == {}
    else:
        assert effect.done_at is None
        assert effect.next_try_at > timezone.now()
        assert re.search(outcome, effect.last_error)
    assert "canary" not in effect.last_error + caplog.text


def test_a_provider_that_is_down_is_waited_for(settings: SettingsWrapper) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_x", "http://127.0.0.1:9"
    effect = outbox.record("payment.delete_customer", {"customer": "cus_canary", "provider": "stripe"})
    outbox.drain()
    effect.refresh_from_db()
    assert effect.last_error == "The payment provider did not answer."


# --- what people see --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("connected", [False, True])
def test_the_result_says_that_there_is_no_provider(
    club: Club,
    administrator: StaffMember,
    client: Browser,
    scripted: Listener,
    settings: SettingsWrapper,
    connected: bool,
) -> None:
    if not connected:
        settings.STRIPE_KEY = ""
    scripted.answer(200, headers=JSON, body=b'{"id": "sub_1", "object": "subscription"}')
    person = make.make_client(club)
    make.make_membership(person, provider_reference="sub_1")
    number = services.erase(
        person, by=administrator.user, reason="asked", fingerprint=pipeline.preview(Client, [person.pk]).fingerprint
    ).number
    outbox.drain()
    page = sign_in(client, administrator).get(f"/privacy/receipts/{number}/").content.decode()
    assert "Cancel subscriptions at the payment provider" in page
    assert ("There is no payment provider connected" in page) is not connected
    assert bool(scripted.asked) is connected


@pytest.mark.parametrize("connected", [False, True])
def test_every_screen_of_payments_says_that_there_is_no_provider(
    club: Club, administrator: StaffMember, client: Browser, settings: SettingsWrapper, connected: bool
) -> None:
    settings.STRIPE_KEY = "sk_test_x" if connected else ""
    person = make.make_client(club)
    invoice = make.make_invoice(person)
    StoredCard.objects.create(client=person, provider="stripe", customer_token="cus_1", card_token="pm_1", last4="4242")
    membership = make.make_membership(person, provider_reference="sub_1")
    browser = sign_in(client, administrator)
    for address in (f"/clients/{person.pk}/", f"/billing/invoices/{invoice.pk}/", "/privacy/settings/"):
        page = browser.get(address).text
        assert ("No payment provider is connected" in page) is not connected, address
    charged = browser.get(f"/billing/invoices/{invoice.pk}/").text
    assert ("Charge the stored card" in charged) is connected
    if connected:
        return
    # Without one, everything else works, and nothing waits for a provider.
    assert cancel_memberships(Membership.objects.all(), on=make.today(), reason="desk") == 1
    paid = browser.post(f"/billing/invoices/{invoice.pk}/pay/", {"amount": "39.00", "method": "cash", "shown": "39.00"})
    assert paid.status_code == 302
    outbox.drain()
    erase(person)
    outbox.drain()
    assert not Effect.objects.filter(done_at=None).exists()
    assert {said for _, said in states()} == {"no payment provider"}
    membership.refresh_from_db()
    assert (membership.status, membership.provider_reference) == ("cancelled", "")


def test_an_administrator_chooses_whether_to_prorate(
    business: Business, administrator: StaffMember, client: Browser
) -> None:
    browser = sign_in(client, administrator)
    form = {"deletion_mode": business.deletion_mode, "email_domain": business.erased_email_domain}
    for sent, wanted in ((form | {"prorate": "on"}, True), (form, False)):
        assert browser.post("/privacy/settings/", sent).status_code == 302
        business.refresh_from_db()
        assert business.prorate_cancelled is wanted


# --- redaction: the documented shapes of a preview that nothing on loopback has ---------------------------------------
def job(status: str) -> bytes:
    said = {"id": "prj_123", "object": "privacy.redaction_job", "livemode": False, "validation_behavior": "fix"}
    return json.dumps(said | {"status": status}).encode()


def redacting(scripted: Listener, settings: SettingsWrapper, *statuses: str) -> Effect:
    settings.STRIPE_REDACT = True
    deleted = b'{"id": "cus_canary", "object": "customer", "deleted": true}'
    scripted.answers = [(200, JSON, NONE_RUNNING), (200, JSON, deleted)]
    scripted.answers += [(200, JSON, job(status)) for status in statuses]
    effect = outbox.record("payment.delete_customer", {"customer": "cus_canary", "provider": "stripe"})
    outbox.drain()
    effect.refresh_from_db()
    return effect


def test_a_deleted_customer_is_redacted_where_the_deployment_wants_it(
    scripted: Listener, settings: SettingsWrapper
) -> None:
    effect = redacting(scripted, settings, "validating", "ready", "succeeded")
    assert effect.receipt == {"outcome": "deleted", "redaction": "redacted"}
    asked = [(one.method, urlsplit(one.path).path) for one in scripted.asked]
    jobs = "/v1/privacy/redaction_jobs"
    assert asked == [
        ("GET", "/v1/subscriptions"),
        ("DELETE", "/v1/customers/cus_canary"),
        ("POST", jobs),
        ("GET", f"{jobs}/prj_123"),
        ("POST", f"{jobs}/prj_123/run"),
    ]
    made = scripted.asked[2]
    assert parse_qs(made.body.decode()) == {"objects[customers][0]": ["cus_canary"], "validation_behavior": ["fix"]}
    assert made.headers["stripe-version"].endswith(".preview")
    assert "canary" not in made.headers["idempotency-key"]


@pytest.mark.parametrize("state", ["validating", "redacting"])
def test_a_redaction_that_takes_its_time_is_no_failure(
    scripted: Listener, settings: SettingsWrapper, state: str
) -> None:
    effect = redacting(scripted, settings, "validating", state)
    assert (effect.done_at, effect.attempts, effect.last_error) == (None, 0, "")
    assert effect.next_try_at > timezone.now()
    # The key is remembered there for a day, and a second job would wait for the first: the job's id is kept, not here
    # for longer than it takes.
    assert effect.payload["redaction"] == "prj_123"
    before = len(scripted.asked)
    scripted.answers = [(404, JSON, error("resource_missing"))] * 2
    scripted.answers += [(200, JSON, job("ready")), (200, JSON, job("succeeded"))]
    Effect.objects.update(next_try_at=timezone.now())
    assert outbox.drain() == 1
    effect.refresh_from_db()
    assert (effect.receipt, effect.payload) == ({"outcome": "was gone", "redaction": "redacted"}, {})
    assert [(one.method, one.path) for one in scripted.asked[before + 2 :]] == [
        ("GET", "/v1/privacy/redaction_jobs/prj_123"),
        ("POST", "/v1/privacy/redaction_jobs/prj_123/run"),
    ]


def test_a_redaction_that_fails_is_shown(scripted: Listener, settings: SettingsWrapper) -> None:
    effect = redacting(scripted, settings, "validating", "failed", "validating")
    assert effect.done_at is None
    assert effect.last_error.startswith("The payment provider could not redact the customer")
    # What was in the way may be settled by then: it is looked through again.
    assert (scripted.asked[-1].method, scripted.asked[-1].path) == (
        "POST",
        "/v1/privacy/redaction_jobs/prj_123/validate",
    )


def test_nothing_is_redacted_unless_it_is_wanted(scripted: Listener) -> None:
    deleted = b'{"id": "cus_1", "object": "customer", "deleted": true}'
    scripted.answers = [(200, JSON, NONE_RUNNING), (200, JSON, deleted)]
    effect = outbox.record("payment.delete_customer", {"customer": "cus_1", "provider": "stripe"})
    outbox.drain()
    effect.refresh_from_db()
    assert effect.receipt == {"outcome": "deleted"}
    assert len(scripted.asked) == 2


def test_a_start_does_not_import_the_providers_package() -> None:
    code = (
        "import django, sys; django.setup(); from django.urls import resolve; resolve('/hooks/stripe/'); "
        "print('stripe' in sys.modules)"
    )
    paths = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = os.environ | {"PYTHONPATH": paths, "DJANGO_SETTINGS_MODULE": "tests.support.settings"}
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
