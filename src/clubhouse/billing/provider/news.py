"""What the payment provider tells us later: a payment failed after all, money went back, a dispute opened or ended.

Only states change, found by the payment's own reference; nothing personal that an event carries is read or kept.
A client who is erased by then owes nothing: what such news would make a debt is written off, and nobody is reminded.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from clubhouse.billing.models import Invoice, Payment, ProviderEvent
from clubhouse.billing.selectors import BACK, DEBT, came_in_and_stayed, with_due
from clubhouse.memberships.services import ERASURE
from clubhouse.sets import hold_clients

#: The provider repeats an event for three days, and lets a person repeat it for thirty.
REMEMBERED = datetime.timedelta(days=35)
#: Currencies that have no smaller unit: the provider counts them whole.
WHOLE = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
#: How a dispute ends without loss; "lost" is the other end, and everything else is still open.
WITHOUT_LOSS = {"won", "warning_closed", "prevented"}

News = Callable[[Payment, Mapping[str, Any], bool], None]


@transaction.atomic
def take(event: Mapping[str, Any]) -> bool:
    """Deal with one event whose signature has been verified; returns False where it had been dealt with before.

    An event of another kind, or about a payment we do not know, is noted and changes nothing.
    """
    digest = hashlib.sha256(str(event.get("id", "")).encode()).hexdigest()
    _, new = ProviderEvent.objects.get_or_create(digest=digest)
    news = KINDS.get(str(event.get("type", "")))
    said = (event.get("data") or {}).get("object")
    if not new or news is None or not isinstance(said, Mapping):
        return new
    reference = _key(said.get("id") if said.get("object") == "payment_intent" else said.get("payment_intent"))
    known = Payment.objects.filter(provider_reference=reference) if reference else Payment.objects.none()
    clients = set(known.values_list("invoice__client_id", flat=True))
    # The lock on clients comes before the one on what is theirs, as everywhere.
    alive = hold_clients(clients, using="default")
    dealt_with = set()
    for payment in known.select_related("invoice").select_for_update(no_key=True, of=("self",)).order_by("pk"):
        # What went back bears the reference too, as a later line of the same invoice.
        if payment.invoice_id not in dealt_with:
            dealt_with.add(payment.invoice_id)
            news(payment, said, payment.invoice.client_id not in alive)
    return new


def smallest_units(amount: Decimal, currency: str) -> int:
    """An amount as the provider counts it: cents, or whole units where a currency has no smaller one."""
    return int(amount if currency.lower() in WHOLE else amount * 100)


def forget_old_events(now: datetime.datetime) -> int:
    """Delete the notes of events that cannot come again; returns how many."""
    return ProviderEvent.objects.filter(received_at__lt=now - REMEMBERED).delete()[0]


def _failed(payment: Payment, said: Mapping[str, Any], erased: bool) -> None:
    _state(payment, Payment.Status.FAILED)
    _owed(payment, Invoice.Status.FAILED, erased)


def _succeeded(payment: Payment, said: Mapping[str, Any], erased: bool) -> None:
    if payment.status == Payment.Status.REFUNDED:
        return
    _state(payment, Payment.Status.SUCCEEDED)
    if _due(payment) <= 0:
        _invoice(payment, (*DEBT, Invoice.Status.WRITTEN_OFF), status=Invoice.Status.PAID, written_off_reason="")


def _refunded(payment: Payment, said: Mapping[str, Any], erased: bool) -> None:
    """All of it: the payment itself is refunded. A part of it: what has gone back so far is a line of its own."""
    own = Payment.objects.filter(invoice=payment.invoice_id, provider_reference=payment.provider_reference)
    # The payment's reference is on its refunds, so that the reports find the two side by side.
    parts = own.filter(status__in=BACK).exclude(pk=payment.pk).order_by("pk")
    gone = sum((part.amount for part in parts), Decimal(0))
    if said.get("refunded"):
        if gone < payment.amount:
            parts.delete()
            _state(payment, Payment.Status.REFUNDED)
        if not came_in_and_stayed(payment.invoice_id):
            _invoice(payment, (Invoice.Status.PAID, *DEBT), status=Invoice.Status.REFUNDED)
        return
    back = _amount(said.get("amount_refunded"), said.get("currency"))
    part = parts.first()
    if part is None and back > 0 and payment.status == Payment.Status.SUCCEEDED:
        Payment.objects.create(
            invoice_id=payment.invoice_id,
            amount=back,
            status=Payment.Status.REFUNDED,
            paid_on=timezone.now().date(),
            method=payment.method,
            provider_reference=payment.provider_reference,
        )
    elif part is not None and back > gone:
        # What is told is the sum so far; an older message that comes late tells less.
        Payment.objects.filter(pk=part.pk).update(amount=part.amount + back - gone)


def _disputed(payment: Payment, said: Mapping[str, Any], erased: bool) -> None:
    state = str(said.get("status", ""))
    if state == "lost":
        _state(payment, Payment.Status.REFUNDED)
        _owed(payment, Invoice.Status.OUTSTANDING, erased)
    elif state in WITHOUT_LOSS:
        status = Invoice.Status.PAID if _due(payment) <= 0 else Invoice.Status.OUTSTANDING
        _invoice(payment, (Invoice.Status.DISPUTED,), status=status)
    elif payment.status == Payment.Status.SUCCEEDED:
        # What was lost or refunded stays so, though the news that it was disputed comes late.
        _invoice(payment, (Invoice.Status.PAID, *DEBT), status=Invoice.Status.DISPUTED)


KINDS: dict[str, News] = {
    "payment_intent.payment_failed": _failed,
    "payment_intent.succeeded": _succeeded,
    "charge.refunded": _refunded,
    "charge.dispute.created": _disputed,
    "charge.dispute.updated": _disputed,
    "charge.dispute.funds_withdrawn": _disputed,
    "charge.dispute.funds_reinstated": _disputed,
    "charge.dispute.closed": _disputed,
}


# --- small parts ------------------------------------------------------------------------------------------------------
def _owed(payment: Payment, status: str, erased: bool) -> None:
    """What the payment no longer covers is owed again; by an erased client it is written off."""
    if _due(payment) <= 0:
        return
    changes = {"status": status}
    if erased:
        changes = {"status": Invoice.Status.WRITTEN_OFF, "written_off_reason": ERASURE}
    _invoice(payment, (Invoice.Status.PAID, *DEBT), **changes)


def _state(payment: Payment, status: str) -> None:
    payment.status = status
    Payment.objects.filter(pk=payment.pk).update(status=status)


def _invoice(payment: Payment, among: tuple[str, ...], **changes: str) -> None:
    # By a statement, not by save(): an audit would be a new row about a client who may be erased.
    Invoice.objects.filter(pk=payment.invoice_id, status__in=among).update(**changes)


def _due(payment: Payment) -> Decimal:
    rows: models.QuerySet[Any] = with_due(Invoice.objects.filter(pk=payment.invoice_id))
    return Decimal(rows.values_list("due", flat=True).get())


def _amount(units: Any, currency: Any) -> Decimal:
    """The provider's smallest units as an amount of the currency."""
    if not isinstance(units, int):
        return Decimal(0)
    return Decimal(units) if str(currency).lower() in WHOLE else Decimal(units) / 100


def _key(value: Any) -> str:
    """An id, where the provider may have put the whole object in its place."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and len(found) <= 120 else ""
