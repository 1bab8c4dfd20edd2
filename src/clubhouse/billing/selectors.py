"""What is owed, by whom and to whom. Functions of "now" return unsliced, unordered querysets."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypedDict

from django.db import models
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from clubhouse.billing.models import Invoice, Payment
from clubhouse.memberships.models import AccountCredit
from clubhouse.memberships.selectors import HALF_A_CENT, money, open_account_credits, with_balance

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    from clubhouse.memberships.selectors import CreditWithBalance

    class _Due(TypedDict):
        due: Decimal

    InvoiceWithDue = WithAnnotations[Invoice, _Due]

__all__ = [
    "BACK",
    "DEBT",
    "HALF_A_CENT",
    "Line",
    "came_in_and_stayed",
    "credits_of",
    "debts",
    "invoices_of",
    "lines_of",
    "open_account_credits",
    "with_due",
]

#: What counts as a debt: an open dispute or chargeback does too (row H3).
DEBT = (Invoice.Status.OUTSTANDING, Invoice.Status.FAILED, Invoice.Status.DISPUTED)
#: Money that went back, or is on its way.
BACK = (Payment.Status.REFUNDED, Payment.Status.REFUNDING)
MONEY = models.DecimalField(max_digits=10, decimal_places=2)


def with_due(invoices: models.QuerySet[Invoice]) -> models.QuerySet[InvoiceWithDue]:
    """Annotate ``due``: the amount less what has come in, in the invoice's currency."""
    came_in = (
        Payment.objects.filter(invoice=OuterRef("pk"), status=Payment.Status.SUCCEEDED)
        .order_by()
        .values("invoice")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    nothing = models.Value(Decimal(0), output_field=MONEY)
    due = F("amount") - Coalesce(Subquery(came_in, output_field=MONEY), nothing)
    return invoices.annotate(due=money(due))


def debts(now: datetime.datetime) -> models.QuerySet[InvoiceWithDue]:
    """Outstanding, failed and disputed invoices, annotated ``due`` (row H3); the status alone says so."""
    return with_due(Invoice.objects.filter(status__in=DEBT))


def invoices_of(client_id: int) -> models.QuerySet[InvoiceWithDue]:
    """A client's invoices, annotated ``due``, the latest first: one query."""
    return (
        with_due(Invoice.objects.filter(client_id=client_id))
        .select_related("club", "paid_by")
        .order_by("-due_on", "-pk")
    )


def credits_of(client_id: int) -> models.QuerySet[CreditWithBalance]:
    """A client's money on account, annotated ``balance``, the latest first: one query."""
    return with_balance(AccountCredit.objects.filter(client_id=client_id)).order_by("-granted_on", "-pk")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A payment of an invoice; ``left`` is what of it can still go back, in the invoice's currency."""

    payment: Payment
    left: Decimal


def lines_of(invoice_id: int) -> list[Line]:
    """The payments of an invoice, the first one first, each with what of it can go back. One query.

    A refund bears its payment's reference. Payments without one share what went back without one.
    """
    payments = list(Payment.objects.filter(invoice=invoice_id).order_by("pk"))
    stayed = _stayed(payments)
    return [
        Line(
            payment=payment,
            left=min(payment.amount, stayed[payment.provider_reference])
            if payment.status == Payment.Status.SUCCEEDED
            else Decimal(0),
        )
        for payment in payments
    ]


def came_in_and_stayed(invoice_id: int) -> Decimal:
    """What came in for an invoice less what went back of it, in its currency. One query."""
    payments = list(Payment.objects.filter(invoice=invoice_id))
    return sum(_stayed(payments).values(), Decimal(0))


def _stayed(payments: Sequence[Payment]) -> dict[str, Decimal]:
    """Reference to what came in and did not go back; a payment that went back as a whole counts on neither side."""
    came: defaultdict[str, Decimal] = defaultdict(Decimal)
    back: defaultdict[str, Decimal] = defaultdict(Decimal)
    for payment in payments:
        if payment.status == Payment.Status.SUCCEEDED:
            came[payment.provider_reference] += payment.amount
        elif payment.status in BACK:
            back[payment.provider_reference] += payment.amount
    return defaultdict(Decimal, {reference: max(came[reference] - back[reference], Decimal(0)) for reference in came})
