"""What a client has bought and not yet used. Functions of "now" return unsliced, unordered querysets."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Round
from django.utils import timezone

from clubhouse.memberships.models import AccountCredit, Membership, Package

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Left(TypedDict):
        left: int

    class _Balance(TypedDict):
        balance: Decimal

    PackageWithLeft = WithAnnotations[Package, _Left]
    CreditWithBalance = WithAnnotations[AccountCredit, _Balance]

#: More than nothing by more than a hair of floating point.
HALF_A_CENT = Decimal("0.005")


def active_memberships(now: datetime.datetime) -> models.QuerySet[Membership]:
    """Memberships that are active or frozen (row H8). ``now`` decides nothing: the status says it."""
    return Membership.objects.filter(status__in=[Membership.Status.ACTIVE, Membership.Status.FROZEN])


def unused_packages(now: datetime.datetime) -> models.QuerySet[PackageWithLeft]:
    """Packages that have not expired and have credits left, annotated ``left`` (row H7). Expired ones do not count.

    A package is good through its last day, which is taken in UTC, so that every reader of one moment sees the same.
    """
    return (
        Package.objects.annotate(left=F("credits_total") - F("credits_used") - F("credits_forfeited"))
        .filter(left__gt=0)
        .filter(Q(expires_on=None) | Q(expires_on__gte=now.astimezone(datetime.UTC).date()))
    )


def with_balance(credits_: models.QuerySet[AccountCredit]) -> models.QuerySet[CreditWithBalance]:
    """Annotate ``balance``: what is left, in the credit's currency."""
    return credits_.annotate(balance=money(F("amount") - F("used") - F("forfeited")))


def open_account_credits(now: datetime.datetime) -> models.QuerySet[CreditWithBalance]:
    """Money on account that is not used up, annotated ``balance`` (row H5). ``now`` is not needed: money keeps."""
    return with_balance(AccountCredit.objects.all()).filter(balance__gt=HALF_A_CENT)


def money(expression: Any) -> Round:
    """A calculated amount with two decimals: SQLite calculates in floating point, with hairs."""
    wrapped = models.ExpressionWrapper(expression, output_field=models.DecimalField(max_digits=10, decimal_places=2))
    return Round(wrapped, precision=2)


def memberships_of(client_id: int) -> models.QuerySet[Membership]:
    """A client's memberships, the live ones first: one query."""
    return (
        Membership.objects.filter(client_id=client_id).select_related("paid_by").order_by("status", "-starts_on", "-pk")
    )


def packages_of(client_id: int) -> models.QuerySet[Package]:
    """A client's packages, annotated ``left`` and ``usable`` (something is left and it has not expired), the latest to
    expire first: one query."""
    return (
        Package.objects.filter(client_id=client_id)
        .select_related("paid_by")
        .annotate(
            left=F("credits_total") - F("credits_used") - F("credits_forfeited"),
            usable=Exists(unused_packages(timezone.now()).filter(pk=OuterRef("pk"))),
        )
        .order_by(F("expires_on").desc(nulls_first=True), "-pk")
    )
