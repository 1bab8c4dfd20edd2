"""A stored card is charged, and refunded, after commit: at a real provider, once, whatever answer is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.billing import charges, exceptions, refunds
from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.billing.provider import gateway, news
from clubhouse.clients.models import Client
from clubhouse.memberships import freezing
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.support import factories as make
from tests.support.outside import Listener
from tests.support.sign_in import sign_in

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)


def with_card(provider: stripe.StripeClient, client: Client, number: str = "4242424242424242") -> StoredCard:
    customer = provider.v1.customers.create({"name": "Made Up"}).id
    card = {"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123"}
    method = provider.v1.payment_methods.create({"type": "card", "card": card}).id
    provider.v1.payment_methods.attach(method, {"customer": customer})
    return StoredCard.objects.create(client=client, provider="stripe", customer_token=customer, card_token=method)


def state(invoice: Invoice) -> tuple[str, list[tuple[str, str]]]:
    rows = Payment.objects.filter(invoice=invoice).order_by("pk").values_list("status", "amount")
    return Invoice.objects.get(pk=invoice.pk).status, [(status, f"{amount:.2f}") for status, amount in rows]


def tell(event: str, said: dict[str, Any]) -> None:
    news.take({"id": event, "type": "charge.refunded", "data": {"object": said}})


def intents(provider: stripe.StripeClient, card: StoredCard) -> list[Any]:
    """The payments that the provider knows of this card's owner."""
    return [one for one in provider.v1.payment_intents.list({"limit": 100}).data if one.customer == card.customer_token]


def test_from_the_desk_and_back_again(provider: stripe.StripeClient, club: Club, administrator: StaffMember) -> None:
    client = make.make_client(club)
    card, invoice = with_card(provider, client), make.make_invoice(client, amount="39.10")
    browser = sign_in(Browser(), administrator)
    url = reverse("billing:charge-card", args=[invoice.pk])
    for _ in range(2):
        browser.post(url, {"amount": "39.10", "card": card.pk, "shown": "39.10", "back": "invoice"})
    assert state(invoice) == ("outstanding", [("pending", "39.10")])
    assert "is under way" in browser.get(reverse("billing:invoice", args=[invoice.pk])).text
    outbox.drain()
    assert state(invoice) == ("paid", [("succeeded", "39.10")])
    payment = Payment.objects.get()
    intent = provider.v1.payment_intents.retrieve(payment.provider_reference)
    assert (intent.status, intent.amount, intent.currency) == ("succeeded", 3910, "gbp")
    refund = reverse("billing:refund-payment", args=[payment.pk])
    for _ in range(2):
        browser.post(refund, {"amount": "9.10", "method": "stored card", "shown": "39.10"})
    assert state(invoice) == ("paid", [("succeeded", "39.10"), ("refunding", "9.10")])
    outbox.drain()
    assert state(invoice) == ("paid", [("succeeded", "39.10"), ("refunded", "9.10")])
    gone = provider.v1.refunds.list({"payment_intent": payment.provider_reference}).data
    assert [one.amount for one in gone] == [910]
    assert not Effect.objects.filter(done_at=None).exists()


def test_a_lost_answer_takes_nothing_twice(provider: stripe.StripeClient, club: Club) -> None:
    client = make.make_client(club)
    card, invoice = with_card(provider, client), make.make_invoice(client)
    payment = charges.charge_card(invoice, Decimal(39), card.pk, now=timezone.now())
    payload = Effect.objects.get().payload
    assert set(payload) == {"payment", "card", "once", "business"}
    assert charges.take(payment.pk, card.pk, payload["once"]) == "succeeded"
    # The answer was lost, and the worker does not know: the provider is asked before anything is taken.
    Payment.objects.update(status="pending")
    assert charges.take(payment.pk, card.pk, payload["once"]) == "succeeded"
    assert charges.take(payment.pk, card.pk, payload["once"]) == "settled before"
    assert len(intents(provider, card)) == 1
    line = refunds.refund_payment(payment, Decimal(5), "card", now=timezone.now(), to_card=True)
    once = Effect.objects.get(kind="payment.refund").payload["once"]
    for _ in range(2):
        Payment.objects.filter(pk=line.pk).update(status="refunding")
        assert refunds.send(line.pk, once) == "refunded"
    reference = Payment.objects.get(pk=payment.pk).provider_reference
    assert len(provider.v1.refunds.list({"payment_intent": reference}).data) == 1


@pytest.mark.parametrize("number", ["4000000000000341", "4000002500003155"], ids=["declined", "wants the client"])
def test_a_card_that_does_not_pay(provider: stripe.StripeClient, club: Club, number: str) -> None:
    client = make.make_client(club)
    card, invoice = with_card(provider, client), make.make_invoice(client)
    method = provider.v1.payment_methods.create(
        {"type": "card", "card": {"number": number, "exp_month": 12, "exp_year": 2031, "cvc": "123"}}
    ).id
    StoredCard.objects.update(card_token=method)
    charges.charge_card(invoice, Decimal(39), card.pk, now=timezone.now())
    outbox.drain()
    assert state(invoice) == ("failed", [("failed", "39.00")])
    with pytest.raises(exceptions.NotByProvider):
        refunds.refund_payment(
            make.make_invoice(client, "paid").payments.get(), Decimal(1), "card", now=timezone.now(), to_card=True
        )


def test_the_payers_card_pays_and_nobody_elses(provider: stripe.StripeClient, club: Club) -> None:
    child, parent = make.make_client(club), make.make_client(club)
    own, theirs = with_card(provider, child), with_card(provider, parent)
    invoice = make.make_invoice(child, paid_by=parent)
    with pytest.raises(exceptions.NoCard):
        charges.charge_card(invoice, Decimal(39), own.pk, now=timezone.now())
    charges.charge_card(invoice, Decimal(39), theirs.pk, now=timezone.now())
    with pytest.raises(exceptions.UnderWay):
        charges.charge_card(invoice, Decimal(39), theirs.pk, now=timezone.now())
    outbox.drain()
    assert state(invoice)[0] == "paid"


def test_who_is_erased_meanwhile_is_not_charged(provider: stripe.StripeClient, club: Club) -> None:
    club.business.deletion_mode = "cancel_and_erase"
    club.business.save()
    client = make.make_client(club)
    card, invoice = with_card(provider, client), make.make_invoice(client)
    charges.charge_card(invoice, Decimal(39), card.pk, now=timezone.now())
    assert pipeline.erase(Client, [client.pk], by="role:test", reason="asked").erased == 1
    outbox.drain()
    assert state(invoice) == ("written_off", [("failed", "39.00")])
    assert not intents(provider, card)
    assert not Effect.objects.filter(done_at=None).exists()


@pytest.mark.parametrize(("taken", "ends"), [(True, ("paid", "succeeded")), (False, ("written_off", "failed"))])
def test_an_answer_lost_before_the_erasure_is_not_forgotten(
    provider: stripe.StripeClient, club: Club, taken: bool, ends: tuple[str, str]
) -> None:
    """The payment was begun at the provider, its answer was lost, and the client was erased before the next try."""
    club.business.deletion_mode = "cancel_and_erase"
    club.business.save()
    client = make.make_client(club)
    card, invoice = with_card(provider, client), make.make_invoice(client)
    charges.charge_card(invoice, Decimal(39), card.pk, now=timezone.now())
    asked = {"customer": card.customer_token, "method": card.card_token, "once": "0" * 32}
    reference = gateway.prepare_charge(3900, "gbp", **asked)
    Payment.objects.update(provider_reference=reference)
    if taken:
        provider.v1.payment_intents.confirm(reference)
    pipeline.erase(Client, [client.pk], by="role:test", reason="asked")
    outbox.drain()
    assert state(invoice) == (ends[0], [(ends[1], "39.00")])
    assert Invoice.objects.get().written_off_reason == ("" if taken else "erasure")
    # What was begun is not left open there: it would hold the customer and the card.
    there = provider.v1.payment_intents.retrieve(reference).status
    assert there == ("succeeded" if taken else "canceled")


def test_a_refund_that_the_provider_refuses_stays_with_us(provider: stripe.StripeClient, club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), "paid")
    Payment.objects.update(provider_reference="pi_unknown")
    refunds.refund_payment(invoice.payments.get(), Decimal(39), "card", now=timezone.now(), to_card=True)
    assert state(invoice) == ("refunded", [("succeeded", "39.00"), ("refunding", "39.00")])
    outbox.drain()
    assert state(invoice) == ("paid", [("succeeded", "39.00"), ("no_refund", "39.00")])


def test_a_provider_that_is_down_is_asked_again(settings: SettingsWrapper, club: Club) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_of_the_club", "http://127.0.0.1:9"
    client = make.make_client(club)
    card = StoredCard.objects.create(client=client, provider="stripe", customer_token="cus_1", card_token="pm_1")
    invoice = make.make_invoice(client)
    charges.charge_card(invoice, Decimal(39), card.pk, now=timezone.now())
    outbox.drain()
    assert state(invoice) == ("outstanding", [("pending", "39.00")])
    assert Effect.objects.get().last_error == "The payment provider did not answer."


def test_news_of_our_own_refunds_adds_nothing(club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), "paid")
    Payment.objects.update(provider_reference="pi_1")
    for amount in (5, 10):
        refunds.refund_payment(invoice.payments.get(status="succeeded"), Decimal(amount), "card", now=timezone.now())
    told: dict[str, Any] = {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "currency": "gbp"}
    for event, back, whole in (("a", 1500, False), ("b", 500, False), ("c", 2000, False)):
        tell(event, told | {"amount_refunded": back, "refunded": whole})
    assert state(invoice) == ("paid", [("succeeded", "39.00"), ("refunded", "10.00"), ("refunded", "10.00")])
    refunds.refund_payment(invoice.payments.get(status="succeeded"), Decimal(19), "card", now=timezone.now())
    tell("d", told | {"amount_refunded": 3900, "refunded": True})
    assert state(invoice)[0] == "refunded"
    assert len(state(invoice)[1]) == 4
    assert {row.provider_reference for row in Payment.objects.all()} == {"pi_1"}


def test_a_freeze_is_told_as_it_is_by_then(settings: SettingsWrapper, http_listener: Listener, club: Club) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_of_the_club", http_listener.address
    http_listener.answer(200, body=json.dumps({"object": "subscription", "id": "sub_1"}).encode())
    row = make.make_membership(make.make_client(club), provider_reference="sub_1")
    today = make.today()
    freezing.freeze(row.pk, today, today, today=today)
    assert "sub_1" not in str(Effect.objects.get().payload)
    outbox.drain()
    freezing.unfreeze(row.pk, today=today)
    outbox.drain()
    bodies = [(asked.path, asked.body.decode()) for asked in http_listener.asked]
    assert bodies == [
        ("/v1/subscriptions/sub_1", "pause_collection[behavior]=void"),
        ("/v1/subscriptions/sub_1", "pause_collection="),
    ]
    assert gateway.connected()
    # What was cancelled before the provider is told is frozen there no more.
    freezing.freeze(row.pk, today, today, today=today)
    type(row).objects.update(status="cancelled")
    outbox.drain()
    assert len(http_listener.asked) == 2
