"""What the payment provider tells us later: a payment failed after all, money went back, a dispute opened or ended; a
subscription ended there, a card was changed or taken away.

Only states change, found by the provider's own references; nothing personal that an event carries is read or kept.
A client who is erased by then owes nothing: what such news would make a debt is written off, and nobody is reminded;
their subscriptions, cards and customer are known here no more, so news of those finds nothing.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.db import models, transaction
from django.utils import timezone

from clubhouse.billing.models import Invoice, Payment, ProviderEvent, StoredCard
from clubhouse.billing.provider import gateway
from clubhouse.billing.selectors import BACK, DEBT, came_in_and_stayed, with_due
from clubhouse.memberships.models import Membership
from clubhouse.memberships.services import ERASURE, cancel_memberships
from clubhouse.sets import hold_clients

#: The provider repeats an event for three days, and lets a person repeat it for thirty.
REMEMBERED = datetime.timedelta(days=35)
#: Currencies that have no smaller unit: the provider counts them whole.
WHOLE = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
#: Ids as the provider makes them (and the demo, with hyphens), and what it may say of a card.
KEY, FIGURES = re.compile(r"[!-~]{1,120}"), re.compile(r"[0-9]{4} [0-9]{1,2} [0-9]{4}")
#: How a dispute ends without loss; "lost" is the other end, and everything else is still open.
WITHOUT_LOSS = {"won", "warning_closed", "prevented"}

News = Callable[[Payment, Mapping[str, Any], bool], None]
#: The reason on a membership that the provider has ended: nobody paid, or somebody ended it in its dashboard.
ENDED_THERE = "ended at the payment provider"


@transaction.atomic
def take(event: Mapping[str, Any]) -> bool:
    """Deal with one event whose signature has been verified; returns False where it had been dealt with before.

    An event of another kind, or about a payment we do not know, is noted and changes nothing.
    """
    kind, data = str(event.get("type", "")), event.get("data")
    said = data.get("object") if isinstance(data, Mapping) else None
    said = said if isinstance(said, Mapping) else {}
    # Only of payments and disputes: their own references stay in the books, those of customers and cards do not.
    about = _digest(f"{said.get('object')}:{said.get('id')}") if kind in KINDS else ""
    happened = _moment(event.get("created"))
    note, new = ProviderEvent.objects.get_or_create(
        digest=_digest(str(event.get("id", ""))), defaults={"about": about, "happened_at": happened}
    )
    if not new:
        return False
    if kind in KINDS:
        _take_payment(KINDS[kind], said, note)
    elif kind in OTHERS:
        OTHERS[kind](said, note)
    return True


def _take_payment(news: News, said: Mapping[str, Any], note: ProviderEvent) -> None:
    reference = _key(said.get("id") if said.get("object") == "payment_intent" else said.get("payment_intent"))
    known = Payment.objects.filter(provider_reference=reference) if reference else Payment.objects.none()
    clients = set(known.values_list("invoice__client_id", flat=True))
    # The lock on clients comes before the one on what is theirs, as everywhere.
    alive = hold_clients(clients, using="default")
    payments = list(known.select_related("invoice").select_for_update(no_key=True, of=("self",)).order_by("pk"))
    if _overtaken(note) and news is not _refunded:
        return
    dealt_with = set()
    for payment in payments:
        # What went back bears the reference too, as a later line of the same invoice.
        if payment.invoice_id not in dealt_with:
            dealt_with.add(payment.invoice_id)
            news(payment, said, payment.invoice.client_id not in alive)


def _overtaken(note: ProviderEvent) -> bool:
    """Whether later news of the same thing came first. The provider promises no order; sums of what went back need
    none."""
    return ProviderEvent.objects.filter(about=note.about, happened_at__gt=note.happened_at).exists()


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


def _subscription_ended(said: Mapping[str, Any], note: ProviderEvent) -> None:
    """Nothing is billed for it any more, so it ends here as well; of an erased client there is none left."""
    mine = Membership.objects.filter(provider_reference=_key(said.get("id"))).exclude(provider_reference="")
    held = hold_clients(set(mine.values_list("client_id", flat=True)), using="default")
    cancel_memberships(
        mine.filter(client_id__in=held), on=note.happened_at.date(), reason=ENDED_THERE, at_provider=False
    )


def _customer_gone(said: Mapping[str, Any], note: ProviderEvent) -> None:
    _cards(customer_token=_key(said.get("id"))).delete()


def _card_gone(said: Mapping[str, Any], note: ProviderEvent) -> None:
    _cards(card_token=_key(said.get("id"))).delete()


def _card_changed(said: Mapping[str, Any], note: ProviderEvent) -> None:
    """The bank has issued the card anew. Its brand, its last four figures and its end are read, and nothing else."""
    card = said.get("card")
    if not isinstance(card, Mapping):
        return
    brand, last4, month, year = (str(card.get(name, "")) for name in ("brand", "last4", "exp_month", "exp_year"))
    # A card that has gone meanwhile stays gone.
    if FIGURES.fullmatch(f"{last4} {month} {year}"):
        _cards(card_token=_key(said.get("id"))).update(
            brand=brand[:30], last4=last4, expires=f"{int(month):02d}/{year[-2:]}"
        )


def _cards(**by: str) -> models.QuerySet[StoredCard]:
    return StoredCard.objects.filter(provider=gateway.STRIPE, **by) if all(by.values()) else StoredCard.objects.none()


OTHERS: dict[str, Callable[[Mapping[str, Any], ProviderEvent], None]] = {
    "customer.subscription.deleted": _subscription_ended,
    "customer.deleted": _customer_gone,
    "payment_method.detached": _card_gone,
    "payment_method.updated": _card_changed,
    "payment_method.automatically_updated": _card_changed,
}
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
    return found if isinstance(found, str) and KEY.fullmatch(found) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _moment(seconds: Any) -> datetime.datetime:
    """When an event happened, of seconds since 1970; now, where it does not say so."""
    try:
        return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return timezone.now()
