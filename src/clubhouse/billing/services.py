"""Taking payments, writing off, refunding. Writing off changes what is owed, never what was earned."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from decimal import Decimal

from django.db import models, transaction
from django.db.models import F
from django.db.models.functions import Round

from clubhouse.billing import exceptions, selectors
from clubhouse.billing.models import Invoice, Payment
from clubhouse.memberships.models import AccountCredit
from clubhouse.memberships.services import ERASURE
from clubhouse.sets import Keys, hold_clients


def open_invoice(
    invoice: Invoice, amount: Decimal, *, shown: Decimal | None = None, using: str = "default"
) -> tuple[Invoice, Decimal]:
    """Lock an invoice to take ``amount`` for it; returns it and what is due. Call it in a transaction.

    ``shown`` is what was due as the form was shown: a second click finds another sum. Raises ``ClientErased``,
    ``NothingDue``, ``UnderWay``, ``PaidMeanwhile``, or ``AmountNotDue`` for an amount that is not between 0 and that.
    """
    hold(invoice.client_id, using)
    rows = Invoice.objects.using(using)
    locked = rows.select_for_update(no_key=True, of=("self",)).get(pk=invoice.pk)
    if locked.status not in selectors.DEBT:
        raise exceptions.NothingDue
    if Payment.objects.using(using).filter(invoice=locked, status=Payment.Status.PENDING).exists():
        raise exceptions.UnderWay
    due = selectors.with_due(rows.filter(pk=invoice.pk)).values_list("due", flat=True).get()
    if shown is not None and shown != due:
        raise exceptions.PaidMeanwhile
    if not Decimal(0) < amount <= due:
        raise exceptions.AmountNotDue
    return locked, due


def record_payment(
    invoice: Invoice,
    amount: Decimal,
    method: str,
    *,
    now: datetime.datetime,
    shown: Decimal | None = None,
    using: str = "default",
) -> Payment:
    """Take a payment, in the invoice's currency; the last of it makes the invoice paid. Raises as
    :func:`open_invoice`."""
    with transaction.atomic(using=using):
        locked, due = open_invoice(invoice, amount, shown=shown, using=using)
        payment = Payment.objects.using(using).create(
            invoice=locked, amount=amount, status=Payment.Status.SUCCEEDED, paid_on=today_of(now), method=method
        )
        if amount == due:
            locked.status = Invoice.Status.PAID
            locked.save(using=using, update_fields=["status"])
        return payment


def write_off(invoices: models.QuerySet[Invoice], *, reason: str, using: str = "default") -> int:
    """Give up what is owed on those of the invoices that are debts; returns how many. One statement.

    No payment is recorded, so aged debt goes down and revenue stays (row H3).
    """
    owed = invoices.using(using).order_by().filter(status__in=selectors.DEBT)
    return owed.update(status=Invoice.Status.WRITTEN_OFF, written_off_reason=reason)


def forfeit_credits(credits_: models.QuerySet[AccountCredit], *, reason: str, using: str = "default") -> int:
    """Forfeit what is left of these account credits; returns of how many something was left. One statement."""
    left = F("amount") - F("used")
    mine = AccountCredit.objects.using(using).filter(pk__in=credits_.using(using).order_by().values("pk"))
    open_ones = mine.filter(amount__gt=F("used") + F("forfeited") + selectors.HALF_A_CENT)
    return open_ones.update(forfeited=Round(left, precision=2), forfeited_reason=reason)


def refund_credit(
    credit: AccountCredit, *, now: datetime.datetime, method: str = "bank transfer", using: str = "default"
) -> Payment:
    """Pay out what is left of an account credit, in its currency, and record the money that went back.

    Raises ``ClientErased`` or ``NothingLeft``.
    """
    with transaction.atomic(using=using):
        hold(credit.client_id, using)
        rows = AccountCredit.objects.using(using).select_related("client")
        locked = rows.select_for_update(no_key=True, of=("self",)).get(pk=credit.pk)
        left = locked.amount - locked.used - locked.forfeited
        if left <= 0:
            raise exceptions.NothingLeft
        locked.used += left
        locked.save(using=using, update_fields=["used"])
        invoice = Invoice.objects.using(using).create(
            client_id=locked.client_id,
            club_id=locked.client.home_club_id,
            number=f"CREDIT-{locked.pk}",
            description="Account credit paid out",
            amount=left,
            currency=locked.currency,
            status=Invoice.Status.REFUNDED,
            due_on=today_of(now),
        )
        return Payment.objects.using(using).create(
            invoice=invoice, amount=left, status=Payment.Status.REFUNDED, paid_on=today_of(now), method=method
        )


def write_off_for_erasure(ids: Sequence[int], now: datetime.datetime, using: str = "default") -> dict[str, int]:
    """Row H3: write off what these clients owe. ``now`` is not needed; every action takes it."""
    mine = Invoice.objects.filter(client_id__in=Keys(ids))
    return {"debts written off": write_off(mine, reason=ERASURE, using=using)}


def forfeit_credits_for_erasure(ids: Sequence[int], now: datetime.datetime, using: str = "default") -> dict[str, int]:
    """Row H5: forfeit the money that these clients have on account. ``now`` is not needed; every action takes it."""
    mine = AccountCredit.objects.filter(client_id__in=Keys(ids))
    return {"account credits forfeited": forfeit_credits(mine, reason=ERASURE, using=using)}


def hold(client_id: int, using: str = "default") -> None:
    """Keep a client from being erased until the transaction ends. Raises ``ClientErased``."""
    if not hold_clients([client_id], using=using):
        raise exceptions.ClientErased


def today_of(now: datetime.datetime) -> datetime.date:
    """The day of a payment, in UTC."""
    return now.astimezone(datetime.UTC).date()
