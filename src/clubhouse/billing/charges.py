"""Taking a payment from a stored card: noted in the transaction, taken by the provider after commit."""

from __future__ import annotations

import datetime
import secrets
from decimal import Decimal

from django.db import transaction
from django.db.models import Q, QuerySet

from clubhouse.billing import exceptions
from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.billing.provider import gateway, news
from clubhouse.billing.selectors import DEBT, with_due
from clubhouse.billing.services import open_invoice, today_of
from clubhouse.sets import hold_clients
from lethe import outbox


def cards_for(invoice: Invoice) -> QuerySet[StoredCard]:
    """The stored cards that may pay an invoice: those of whoever pays it. None without a payment provider."""
    if not gateway.connected():
        return StoredCard.objects.none()
    payer = invoice.paid_by_id or invoice.client_id
    return StoredCard.objects.filter(client=payer, provider=gateway.STRIPE).order_by("pk")


@transaction.atomic
def charge_card(
    invoice: Invoice, amount: Decimal, card_id: int, *, now: datetime.datetime, shown: Decimal | None = None
) -> Payment:
    """Ask for ``amount`` from a stored card; returns the payment, which is under way until the provider has answered.

    Raises as :func:`~clubhouse.billing.services.open_invoice`, and ``NoCard``.
    """
    people = {invoice.client_id, invoice.paid_by_id or invoice.client_id}
    if hold_clients(people, using="default") != people:
        raise exceptions.ClientErased
    locked, _ = open_invoice(invoice, amount, shown=shown)
    card = cards_for(locked).filter(pk=card_id).first()
    if card is None:
        raise exceptions.NoCard
    payment = Payment.objects.create(
        invoice=locked, amount=amount, status=Payment.Status.PENDING, paid_on=today_of(now), method="card"
    )
    asked = {"payment": payment.pk, "card": card.pk, "once": secrets.token_hex(16), "business": locked.club.business_id}
    outbox.record("payment.charge_card", asked)
    return payment


def take(key: int, card_id: int, once: str) -> str:
    """Take a payment that is under way, outside any transaction; returns what came of it. Raises ``Retry``.

    First the provider makes a payment that takes nothing, and its reference is kept; then the money is taken. So an
    answer that is lost at either step is asked for again and nothing is taken twice.
    """
    payment = Payment.objects.select_related("invoice").filter(pk=key, status=Payment.Status.PENDING).first()
    if payment is None:
        return "settled before"
    card = StoredCard.objects.filter(pk=card_id).first()
    if not payment.provider_reference:
        if card is None or not gateway.connected(card.provider):
            return _settle(key, "declined")
        reference = gateway.prepare_charge(
            news.smallest_units(payment.amount, payment.invoice.currency),
            payment.invoice.currency,
            customer=card.customer_token,
            method=card.card_token,
            once=once,
        )
        if not reference:
            return _settle(key, "declined")
        Payment.objects.filter(pk=key, provider_reference="").update(provider_reference=reference)
        payment.provider_reference = reference
    if not gateway.connected():
        return _settle(key, "declined")
    if not StoredCard.objects.filter(pk=card_id).exists():
        # The card's owner was erased, or took the card away. Where the money was taken before and the answer was lost,
        # it was taken.
        return _settle(key, gateway.end_charge(payment.provider_reference))
    return _settle(key, gateway.confirm_charge(payment.provider_reference))


@transaction.atomic
def _settle(key: int, outcome: str) -> str:
    """Note what came of it. News of the provider may have come first, and is believed."""
    if outcome == "processing":
        return outcome
    payment = Payment.objects.select_related("invoice").get(pk=key)
    alive = hold_clients([payment.invoice.client_id], using="default")
    invoice = Invoice.objects.select_for_update(no_key=True, of=("self",)).get(pk=payment.invoice_id)
    status = Payment.Status.SUCCEEDED if outcome == "succeeded" else Payment.Status.FAILED
    if not Payment.objects.filter(pk=key, status=Payment.Status.PENDING).update(status=status):
        return "settled before"
    # By a statement, not by save(): an audit would be a new row about a client who may be erased.
    mine = Invoice.objects.filter(pk=invoice.pk)
    if outcome == "succeeded":
        if with_due(mine).values_list("due", flat=True).get() <= 0:
            mine.filter(Q(status__in=DEBT) | Q(status=Invoice.Status.WRITTEN_OFF)).update(
                status=Invoice.Status.PAID, written_off_reason=""
            )
    elif alive:
        mine.filter(status=Invoice.Status.OUTSTANDING).update(status=Invoice.Status.FAILED)
    return outcome
