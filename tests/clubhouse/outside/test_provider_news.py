"""What the payment provider tells us later changes states, and brings nothing personal back."""

from __future__ import annotations

import hashlib
import hmac
import json
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

from clubhouse.billing.models import Invoice, Payment, ProviderEvent
from clubhouse.billing.provider.news import REMEMBERED, forget_old_events
from clubhouse.clients.models import Client
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Club
from lethe import pipeline
from tests.support import factories as make
from tests.support.canaries import Canaries
from tests.support.dump import logical_dump
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


def tell(kind: str, said: dict[str, Any], *, event: str = "evt_1") -> HttpResponse:
    body = json.dumps({"id": event, "object": "event", "type": kind, "data": {"object": said}}).encode()
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


@pytest.mark.parametrize("body", [b"not json", b"[]", b"\xff\xfe", b'"x"', b"null"])
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
