"""What is owed, by whom and to whom. Functions of "now" return unsliced, unordered querysets."""

from __future__ import annotations

import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce

from clubhouse.billing.models import Invoice, Payment
from clubhouse.memberships.models import AccountCredit
from clubhouse.memberships.selectors import HALF_A_CENT, money, open_account_credits, with_balance

__all__ = ["DEBT", "HALF_A_CENT", "credits_of", "debts", "invoices_of", "open_account_credits", "with_due"]

#: What counts as a debt: an open dispute or chargeback does too (row H3).
DEBT = (Invoice.Status.OUTSTANDING, Invoice.Status.FAILED, Invoice.Status.DISPUTED)
MONEY = models.DecimalField(max_digits=10, decimal_places=2)


def with_due(invoices: models.QuerySet[Invoice]) -> models.QuerySet[Invoice]:
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


def debts(now: datetime.datetime) -> models.QuerySet[Invoice]:
    """Outstanding, failed and disputed invoices, annotated ``due`` (row H3); the status alone says so."""
    return with_due(Invoice.objects.filter(status__in=DEBT))


def invoices_of(client_id: int) -> models.QuerySet[Invoice]:
    """A client's invoices, annotated ``due``, the latest first: one query."""
    return (
        with_due(Invoice.objects.filter(client_id=client_id))
        .select_related("club", "paid_by")
        .order_by("-due_on", "-pk")
    )


def credits_of(client_id: int) -> models.QuerySet[AccountCredit]:
    """A client's money on account, annotated ``balance``, the latest first: one query."""
    return with_balance(AccountCredit.objects.filter(client_id=client_id)).order_by("-granted_on", "-pk")
