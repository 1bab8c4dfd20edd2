"""Money that goes back to a client: noted at once, or sent to the card by the provider after commit."""

from __future__ import annotations

import datetime
import secrets
from decimal import Decimal

from django.db import transaction

from clubhouse.billing import exceptions, selectors
from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.provider import gateway, news
from clubhouse.billing.services import hold, today_of
from lethe import outbox

#: References of the provider's own payments.
PROVIDERS = ("pi_", "ch_")


def by_provider(payment: Payment) -> bool:
    """Whether a payment can go back to the card by the provider."""
    return gateway.connected() and payment.provider_reference.startswith(PROVIDERS)


@transaction.atomic
def refund_payment(
    payment: Payment,
    amount: Decimal,
    method: str,
    *,
    now: datetime.datetime,
    shown: Decimal | None = None,
    to_card: bool = False,
) -> Payment:
    """Give back ``amount`` of a payment, in the invoice's currency; returns the line of the refund.

    The line bears the payment's reference, by which the reports find the two side by side. With ``to_card`` the
    provider sends it after commit; until then it is under way. ``shown`` is what could go back as the form was shown.
    Raises ``ClientErased``, ``StillOpen``, ``NotRefundable``, ``PaidMeanwhile``, ``RefundTooLarge``, ``NotByProvider``.
    """
    invoice = Invoice.objects.select_related("client").get(pk=payment.invoice_id)
    business = invoice.client.business_id
    hold(invoice.client_id)
    invoice = Invoice.objects.select_for_update(no_key=True, of=("self",)).get(pk=invoice.pk)
    if invoice.status in selectors.DEBT:
        raise exceptions.StillOpen
    found = next((line for line in selectors.lines_of(invoice.pk) if line.payment.pk == payment.pk), None)
    if found is None:
        raise exceptions.NotRefundable
    payment, left = found.payment, found.left
    if shown is not None and shown != left:
        raise exceptions.PaidMeanwhile
    if left <= 0:
        raise exceptions.NotRefundable
    if not Decimal(0) < amount <= left:
        raise exceptions.RefundTooLarge
    if to_card and not by_provider(payment):
        raise exceptions.NotByProvider
    line = Payment.objects.create(
        invoice=invoice,
        amount=amount,
        status=Payment.Status.REFUNDING if to_card else Payment.Status.REFUNDED,
        paid_on=today_of(now),
        method="card" if to_card else method,
        provider_reference=payment.provider_reference,
    )
    if to_card:
        asked = {"payment": line.pk, "once": secrets.token_hex(16), "business": business}
        outbox.record("payment.refund", asked)
    settle(invoice)
    return line


def settle(invoice: Invoice) -> None:
    """An invoice of which nothing has stayed is refunded; one of which something came back after all is paid again.

    Call it with the invoice locked.
    """
    stayed = selectors.came_in_and_stayed(invoice.pk)
    paid, refunded = Invoice.Status.PAID, Invoice.Status.REFUNDED
    wanted = {paid: refunded if not stayed else paid, refunded: paid if stayed else refunded}.get(
        Invoice.Status(invoice.status)
    )
    if wanted is not None and wanted != invoice.status:
        # By a statement, not by save(): an audit would be a new row about a client who may be erased.
        Invoice.objects.filter(pk=invoice.pk).update(status=wanted)


def send(key: int, once: str) -> str:
    """Send a refund that is under way to the card, outside any transaction; returns what came of it. Raises ``Retry``.

    What the provider refuses is marked so, and the money counts as staying.
    """
    line = Payment.objects.select_related("invoice").filter(pk=key, status=Payment.Status.REFUNDING).first()
    if line is None:
        return "settled before"
    outcome = "refused"
    if gateway.connected():
        units = news.smallest_units(line.amount, line.invoice.currency)
        outcome = gateway.refund(line.provider_reference, units, once=once)
    status = Payment.Status.REFUNDED if outcome == "refunded" else Payment.Status.NO_REFUND
    with transaction.atomic():
        invoice = Invoice.objects.select_for_update(no_key=True, of=("self",)).get(pk=line.invoice_id)
        Payment.objects.filter(pk=key, status=Payment.Status.REFUNDING).update(status=status)
        settle(invoice)
    return outcome
