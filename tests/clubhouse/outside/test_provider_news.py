"""What the payment provider tells us later changes states, and brings nothing personal back."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import json
import threading
import time
import urllib.request
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from django.db import connection
from django.http import HttpResponse
from django.test import Client as Browser
from django.utils import timezone

from clubhouse.audits.models import LogEntry
from clubhouse.billing.models import Invoice, Payment, ProviderEvent, StoredCard
from clubhouse.billing.provider.news import REMEMBERED, forget_old_events
from clubhouse.clients.models import Client
from clubhouse.memberships.models import Membership
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Club
from clubhouse.tasks.models import Task
from lethe import pipeline, points
from lethe.models import Effect
from tests.support import factories as make
from tests.support.canaries import Canaries
from tests.support.dump import logical_dump, raw_dump
from tests.support.outside import Listener

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_of_the_provider"
ADDRESS = "/hooks/stripe/"


@pytest.fixture(autouse=True)
def secret(settings: SettingsWrapper) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def signed(body: bytes, *, secret: str = SECRET, at: float | None = None) -> str:
    """The signature as the provider documents it."""
    stamp = int(at or time.time())
    return f"t={stamp},v1={hmac.new(secret.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def send(body: bytes, signature: str) -> HttpResponse:
    """Call the address as the provider does: no session, and CSRF checked as it is for everybody."""
    browser = Browser(enforce_csrf_checks=True)
    return browser.post(ADDRESS, body, content_type="application/json", headers={"stripe-signature": signature})


def tell(kind: str, said: dict[str, Any], *, event: str = "evt_1", at: float | None = None) -> HttpResponse:
    """An event as the provider sends it; ``at`` is when it says that it happened."""
    created = {"created": int(at)} if at else {}
    body = json.dumps({"id": event, "object": "event", "type": kind, "data": {"object": said}} | created).encode()
    return send(body, signed(body))


def paid(club: Club, status: str = "paid", reference: str = "pi_1", *, erased: bool = False) -> Payment:
    client = make.make_client(club)
    invoice = make.make_invoice(client, "paid")
    invoice.payments.update(provider_reference=reference)
    Invoice.objects.filter(pk=invoice.pk).update(status=status)
    if erased:
        pipeline.erase(Client, [client.pk], by="account:1", reason="asked at the desk")
    return Payment.objects.get(invoice=invoice)


def states(payment: Payment) -> tuple[str, str, str]:
    """The payment's state, the invoice's, and why it was written off."""
    payment.refresh_from_db()
    invoice = Invoice.objects.get(pk=payment.invoice_id)
    return payment.status, invoice.status, invoice.written_off_reason


def dispute(status: str) -> dict[str, Any]:
    return {"object": "dispute", "id": "du_1", "payment_intent": "pi_1", "status": status}


FAILED = ("payment_intent.payment_failed", {"object": "payment_intent", "id": "pi_1"})
REFUNDED = (
    "charge.refunded",
    {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "refunded": True, "amount_refunded": 3900},
)
OPENED = ("charge.dispute.created", dispute("needs_response"))
LOST = ("charge.dispute.closed", dispute("lost"))


@pytest.mark.parametrize(
    ("news", "live", "erased"),
    [
        (FAILED, ("failed", "failed", ""), ("failed", "written_off", "erasure")),
        (REFUNDED, ("refunded", "refunded", ""), ("refunded", "refunded", "")),
        (OPENED, ("succeeded", "disputed", ""), ("succeeded", "disputed", "")),
        (LOST, ("refunded", "outstanding", ""), ("refunded", "written_off", "erasure")),
    ],
)
@pytest.mark.parametrize("is_erased", [False, True])
def test_news_changes_the_payment_and_its_invoice(
    club: Club, news: tuple[str, dict], live: tuple, erased: tuple, is_erased: bool
) -> None:
    payment, other = paid(club, erased=is_erased), paid(club, reference="pi_2")
    response = tell(*news)
    assert (response.status_code, response.content, response.cookies) == (200, b"", {})
    assert states(payment) == (erased if is_erased else live)
    assert states(other) == ("succeeded", "paid", "")
    assert not ClientMessage.objects.exists()
    assert not Notification.objects.exists()


@pytest.mark.parametrize("end", ["won", "warning_closed", "prevented"])
def test_a_dispute_that_is_won_ends(club: Club, end: str) -> None:
    payment = paid(club)
    tell(*OPENED, event="evt_1")
    assert states(payment)[1] == "disputed"
    tell("charge.dispute.closed", dispute(end), event="evt_2")
    assert states(payment) == ("succeeded", "paid", "")


def test_late_news_of_an_older_dispute_does_not_reopen_it(club: Club) -> None:
    payment = paid(club)
    tell(*LOST, event="evt_2")
    tell(*OPENED, event="evt_1")
    assert states(payment) == ("refunded", "outstanding", "")


SUCCEEDED = ("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_1"})
WON = ("charge.dispute.closed", dispute("won"))
UPDATED = ("charge.dispute.updated", dispute("under_review"))


@pytest.mark.parametrize(
    ("first", "then", "ends"),
    [
        (FAILED, SUCCEEDED, ("succeeded", "paid", "")),
        (SUCCEEDED, FAILED, ("failed", "failed", "")),
        (OPENED, WON, ("succeeded", "paid", "")),
        (UPDATED, WON, ("succeeded", "paid", "")),
    ],
    ids=["paid at the second try", "failed in the end", "a dispute won", "a dispute won after a review"],
)
@pytest.mark.parametrize("overtaken", [False, True])
def test_the_latest_counts_in_whatever_order_it_comes(
    club: Club, first: tuple[str, dict], then: tuple[str, dict], ends: tuple[str, str, str], overtaken: bool
) -> None:
    payment, now = paid(club), time.time()
    both = [(first, "evt_1", now - 60), (then, "evt_2", now - 30)]
    for news, event, at in reversed(both) if overtaken else both:
        assert tell(*news, event=event, at=at).status_code == 200
    assert states(payment) == ends


def test_money_that_went_back_is_counted_though_a_dispute_came_first(club: Club) -> None:
    payment, now = paid(club), time.time()
    part = REFUNDED[1] | {"refunded": False, "currency": "gbp"}
    tell("charge.refunded", part | {"amount_refunded": 1500}, event="evt_2", at=now - 10)
    tell("charge.refunded", part | {"amount_refunded": 500}, event="evt_1", at=now - 20)
    back = Payment.objects.filter(invoice=payment.invoice_id, status="refunded")
    assert [row.amount for row in back] == [Decimal(15)]


# --- subscriptions, cards and customers -------------------------------------------------------------------------------
def holding(club: Club, *, status: str = "active") -> Membership:
    """A client with a subscription and a card at the provider."""
    row = make.make_membership(make.make_client(club), status=status, provider_reference="sub_1")
    StoredCard.objects.create(
        client=row.client, provider="stripe", customer_token="cus_1", card_token="pm_1", last4="4242", expires="01/27"
    )
    return row


CARD = {"brand": "visa", "last4": "1881", "exp_month": 8, "exp_year": 2031, "fingerprint": "canary"}
ENDED = ("customer.subscription.deleted", {"object": "subscription", "id": "sub_1", "customer": "cus_1"})
GONE = ("customer.deleted", {"object": "customer", "id": "cus_1", "email": "canary@example.org"})
DETACHED = ("payment_method.detached", {"object": "payment_method", "id": "pm_1", "card": CARD})
REISSUED = ("payment_method.automatically_updated", {"object": "payment_method", "id": "pm_1", "card": CARD})


@pytest.mark.parametrize("status", ["active", "frozen"])
def test_a_subscription_that_the_provider_ended_ends(club: Club, status: str) -> None:
    row, other = holding(club, status=status), make.make_membership(make.make_client(club), provider_reference="")
    assert tell(*ENDED, at=time.time() - 86400 * 2).status_code == 200
    row.refresh_from_db()
    other.refresh_from_db()
    assert (row.status, row.cancellation_reason) == ("cancelled", "ended at the payment provider")
    assert row.cancelled_on == make.today() - datetime.timedelta(days=2)
    assert other.status == "active"
    assert not Effect.objects.exists(), "the provider knows"


@pytest.mark.parametrize("news", [GONE, DETACHED])
def test_a_card_that_the_provider_has_no_more_goes(club: Club, news: tuple[str, dict]) -> None:
    holding(club)
    kept = StoredCard.objects.create(
        client=make.make_client(club), provider="another", customer_token="cus_1", card_token="pm_1"
    )
    assert tell(*news).status_code == 200
    assert [card.pk for card in StoredCard.objects.all()] == [kept.pk]


def test_a_card_that_the_bank_issued_anew_is_known_by_its_new_figures(club: Club) -> None:
    row = holding(club)
    other = StoredCard.objects.create(client=row.client, provider="stripe", customer_token="cus_1", card_token="pm_2")
    assert tell(*REISSUED).status_code == 200
    card = StoredCard.objects.get(card_token="pm_1")
    assert (card.brand, card.last4, card.expires) == ("visa", "1881", "08/31")
    other.refresh_from_db()
    assert other.last4 == ""
    for wrong in ({"last4": "18811"}, {"exp_month": "08x"}, {"exp_year": None}):
        tell(REISSUED[0], REISSUED[1] | {"card": CARD | wrong}, event=f"evt_{wrong}")
    tell(REISSUED[0], REISSUED[1] | {"card": "nonsense"}, event="evt_9")
    card.refresh_from_db()
    assert (card.last4, card.expires) == ("1881", "08/31")


def test_after_an_erasure_no_news_brings_anything_back(club: Club) -> None:
    """All of it, of a client who is erased: answered, states changed, and nothing else is in the database after it."""
    club.business.deletion_mode = "cancel_and_erase"
    club.business.save()
    payment, row = paid(club), holding(club)
    Invoice.objects.filter(pk=payment.invoice_id).update(client=row.client)
    pipeline.erase(Client, [row.client_id], by="account:1", reason="asked at the desk")
    Effect.objects.all().delete()
    person = Canaries()
    carried = {
        "billing_details": {"name": person.billing_name, "email": person.email, "phone": person.mobile_no},
        "customer": person.customer_token,
        "receipt_email": person.email,
        "metadata": {"name": person.first_name},
    }
    before = {name: list(model.objects.values()) for name, model in quiet().items()}
    for number, (kind, said) in enumerate((FAILED, SUCCEEDED, OPENED, LOST, ENDED, GONE, DETACHED, REISSUED)):
        response = tell(kind, said | carried, event=f"evt_canary_{number}", at=time.time() + number)
        assert (response.status_code, response.content) == (200, b"")
    assert states(payment) == ("refunded", "written_off", "erasure")
    assert {name: list(model.objects.values()) for name, model in quiet().items()} == before
    dump = raw_dump(connection)
    assert person.found_in(dump) == []
    assert [word for word in (b"evt_canary", b"canary@example.org", b"1881") if word in dump] == []
    assert not StoredCard.objects.exists()


def quiet() -> dict[str, Any]:
    """What no news of an erased client may add to."""
    models = (ClientMessage, Notification, Task, Effect, LogEntry, Membership, Client, StoredCard)
    return {model._meta.label: model for model in models}


@pytest.mark.parametrize("news", [FAILED, LOST, ENDED, REISSUED])
def test_news_that_comes_while_the_erasure_runs_waits_for_it(club: Club, news: tuple[str, dict]) -> None:
    club.business.deletion_mode = "cancel_and_erase"
    club.business.save()
    payment, row = paid(club), holding(club)
    Invoice.objects.filter(pk=payment.invoice_id).update(client=row.client)
    held, answers = threading.Event(), []

    def call() -> None:
        try:
            held.wait(10)
            answers.append(tell(*news).status_code)
        finally:
            connection.close()

    caller = threading.Thread(target=call)
    caller.start()

    def hook(point: str) -> None:
        if point == "steps run" and not held.is_set():
            held.set()
            # Long enough to come to the lock, and far too short to get past it.
            caller.join(0.3)
            assert not answers, "the news was dealt with in the middle of an erasure"

    with points.armed(hook):
        pipeline.erase(Client, [row.client_id], by="account:1", reason="asked at the desk")
    caller.join(20)
    assert answers == [200]
    row.refresh_from_db()
    assert (row.status, row.provider_reference, row.cancellation_reason) == ("cancelled", "", "erasure")
    ends = {FAILED[0]: ("failed", "written_off", "erasure"), LOST[0]: ("refunded", "written_off", "erasure")}
    assert states(payment) == ends.get(news[0], ("succeeded", "paid", ""))
    assert not StoredCard.objects.exists()


def test_a_huge_body_is_refused() -> None:
    body = b'{"id": "evt_1", "filler": "' + b"x" * 1_000_000 + b'"}'
    status = send(body, signed(body)).status_code  # An assertion of the call itself would print the body.
    assert status == 413
    assert not ProviderEvent.objects.exists()


def test_a_payment_that_succeeds_after_all_pays(club: Club) -> None:
    payment = paid(club)
    tell(*FAILED, event="evt_1")
    tell("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_1"}, event="evt_2")
    assert states(payment) == ("succeeded", "paid", "")


def test_an_invoice_that_others_have_paid_is_not_owed(club: Club) -> None:
    payment = paid(club)
    make.make_payment(Invoice.objects.get(pk=payment.invoice_id), provider_reference="pi_3")
    tell(*FAILED)
    assert states(payment) == ("failed", "paid", "")


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_part_that_goes_back_is_a_line_of_its_own(club: Club, is_erased: bool) -> None:
    payment = paid(club, erased=is_erased)
    part = REFUNDED[1] | {"refunded": False, "currency": "gbp"}
    # The second message overtakes the first; what it tells is the sum so far.
    for event, back in (("evt_2", 1550), ("evt_1", 1000)):
        assert tell("charge.refunded", part | {"amount_refunded": back}, event=event).status_code == 200
    lines = Payment.objects.filter(invoice=payment.invoice_id).order_by("pk")
    assert list(lines.values_list("status", "amount")) == [("succeeded", Decimal(39)), ("refunded", Decimal("15.50"))]
    assert states(payment)[1] == "paid"
    tell("charge.refunded", part | {"refunded": True, "amount_refunded": 3900}, event="evt_3")
    assert list(lines.values_list("status", "amount")) == [("refunded", Decimal(39))]


def test_a_reference_of_another_shape_is_found(club: Club) -> None:
    """The demo's have hyphens, and what a club brings along may be any word."""
    payment = paid(club, reference="pi_demo-HF/0001.x")
    tell(FAILED[0], {"object": "payment_intent", "id": "pi_demo-HF/0001.x"})
    assert states(payment)[0] == "failed"


def test_yen_have_no_smaller_unit(club: Club) -> None:
    payment = paid(club)
    tell("charge.refunded", REFUNDED[1] | {"refunded": False, "currency": "jpy", "amount_refunded": 30})
    assert Payment.objects.get(invoice=payment.invoice_id, status="refunded").amount == 30


def test_the_same_event_is_dealt_with_once(club: Club) -> None:
    payment = paid(club)
    assert tell(*FAILED).status_code == 200
    Payment.objects.update(status="succeeded")
    assert tell(*FAILED).status_code == 200
    assert states(payment)[0] == "succeeded"
    assert tell(*FAILED, event="evt_2").status_code == 200
    assert states(payment)[0] == "failed"


def test_nothing_personal_of_an_event_is_kept(club: Club) -> None:
    paid(club, erased=True)
    person = Canaries()
    carried = {"billing_details": {"name": person.billing_name, "email": person.email, "phone": person.mobile_no}}
    tell(FAILED[0], FAILED[1] | {"customer": person.customer_token, "last_payment_error": carried}, event="evt_canary")
    dump = logical_dump(connection)
    assert person.found_in(dump) == []
    assert b"evt_canary" not in dump
    assert hashlib.sha256(b"evt_canary").hexdigest().encode() in dump


def test_news_that_means_nothing_to_us_is_answered(club: Club) -> None:
    payment = paid(club)
    assert tell("customer.created", {"object": "customer", "id": "cus_1"}, event="evt_1").status_code == 200
    assert tell("charge.refunded", {"object": "charge", "payment_intent": None}, event="evt_2").status_code == 200
    assert (
        tell("charge.refunded", {"object": "charge", "payment_intent": {"id": "pi_9"}}, event="evt_3").status_code
        == 200
    )
    assert states(payment) == ("succeeded", "paid", "")


@pytest.mark.parametrize(
    "event",
    [
        {"id": 7, "type": ["x"], "data": "none"},
        {"id": "evt_1", "type": FAILED[0], "data": {"object": ["pi_1"]}},
        {"id": "evt_1", "type": FAILED[0], "data": {"object": {"object": "payment_intent", "id": "pi\x00_1"}}},
        {"id": "evt_1", "type": FAILED[0], "created": 10**40, "data": None},
        {"id": "evt_1", "type": REFUNDED[0], "data": {"object": REFUNDED[1] | {"refunded": 0, "amount_refunded": "9"}}},
    ],
)
def test_events_of_other_shapes_are_answered_and_change_nothing(club: Club, event: dict[str, Any]) -> None:
    payment = paid(club)
    body = json.dumps(event).encode()
    assert send(body, signed(body)).status_code == 200
    assert states(payment) == ("succeeded", "paid", "")


BODY = json.dumps({"id": "evt_1", "type": FAILED[0], "data": {"object": FAILED[1]}}).encode()


@pytest.mark.parametrize(
    "signature",
    ["", "nonsense", signed(BODY, secret="whsec_of_a_thief"), signed(BODY, at=time.time() - 3600), signed(BODY + b" ")],
    # The signatures hold the time; the tests' names must be the same in every process.
    ids=["none", "nonsense", "another secret", "an hour old", "another body"],
)
def test_unsigned_wrongly_signed_and_old_news_is_refused(club: Club, signature: str) -> None:
    payment = paid(club)
    assert send(BODY, signature).status_code == 400
    assert states(payment) == ("succeeded", "paid", "")
    assert not ProviderEvent.objects.exists()


@pytest.mark.parametrize("body", [b"not json", b"[]", b"\xff\xfe", b'"x"', b"null", b"", b"\x00", b"NaN"])
def test_what_is_no_event_changes_nothing(club: Club, body: bytes) -> None:
    assert send(body, signed(body)).status_code in {200, 400}
    assert not ProviderEvent.objects.exists()


def test_without_a_secret_there_is_no_such_address(settings: SettingsWrapper) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    assert send(BODY, signed(BODY, secret="")).status_code == 404


def test_only_post(client: Browser) -> None:
    assert client.get(ADDRESS).status_code == 405


def test_a_real_event_of_the_provider(provider: stripe.StripeClient, http_listener: Listener, club: Club) -> None:
    """A card that fails, at localstripe: its own event, under its own signature."""
    where = json.dumps({"url": http_listener.address, "secret": SECRET, "events": [FAILED[0]]}).encode()
    base = provider._requestor.base_addresses["api"]
    urllib.request.urlopen(urllib.request.Request(f"{base}/_config/webhooks/club", where, method="POST")).close()
    card = {"number": "4000000000000341", "exp_month": 12, "exp_year": 2031, "cvc": "123"}
    method = provider.v1.payment_methods.create({"type": "card", "card": card}).id
    intent = provider.v1.payment_intents.create({"amount": 3900, "currency": "gbp", "payment_method": method}).id
    payment = paid(club, "outstanding", reference=intent)
    with pytest.raises(stripe.CardError):
        provider.v1.payment_intents.confirm(intent)
    deadline = time.monotonic() + 20
    while not http_listener.asked and time.monotonic() < deadline:
        time.sleep(0.1)
    event = http_listener.asked[0]
    assert send(event.body, event.headers["stripe-signature"]).status_code == 200
    assert states(payment) == ("failed", "failed", "")


def test_old_notes_are_forgotten() -> None:
    now = timezone.now()
    ProviderEvent.objects.create(digest="a", received_at=now - REMEMBERED * 1.01)
    ProviderEvent.objects.create(digest="b", received_at=now - REMEMBERED * 0.99)
    assert forget_old_events(now) == 1
    assert ProviderEvent.objects.get().digest == "b"
