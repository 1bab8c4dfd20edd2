"""What a client has bought and not yet used. Functions of "now" return unsliced, unordered querysets."""

from __future__ import annotations

import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q

from clubhouse.memberships.models import AccountCredit, Membership, Package

#: SQLite subtracts money as floating point, so that what is used up may be a hair more than nothing there.
HALF_A_CENT = Decimal("0.005")


def active_memberships(now: datetime.datetime) -> models.QuerySet[Membership]:
    """Memberships that are active or frozen (row H8). ``now`` decides nothing: the status says it."""
    return Membership.objects.filter(status__in=[Membership.Status.ACTIVE, Membership.Status.FROZEN])


def unused_packages(now: datetime.datetime) -> models.QuerySet[Package]:
    """Packages that have not expired and have credits left, annotated ``left`` (row H7). Expired ones do not count.

    A package is good through its last day, which is taken in UTC, so that every reader of one moment sees the same.
    """
    return (
        Package.objects.annotate(left=F("credits_total") - F("credits_used") - F("credits_forfeited"))
        .filter(left__gt=0)
        .filter(Q(expires_on=None) | Q(expires_on__gte=now.astimezone(datetime.UTC).date()))
    )


def open_account_credits(now: datetime.datetime) -> models.QuerySet[AccountCredit]:
    """Money on account that is not used up, annotated ``balance`` in the credit's currency (row H5)."""
    return AccountCredit.objects.annotate(
        balance=models.ExpressionWrapper(
            F("amount") - F("used") - F("forfeited"), output_field=models.DecimalField(max_digits=10, decimal_places=2)
        )
    ).filter(balance__gt=HALF_A_CENT)


def memberships_of(client_id: int) -> models.QuerySet[Membership]:
    """A client's memberships, the live ones first: one query."""
    return (
        Membership.objects.filter(client_id=client_id).select_related("paid_by").order_by("status", "-starts_on", "-pk")
    )


def packages_of(client_id: int) -> models.QuerySet[Package]:
    """A client's packages, annotated ``left``, the latest to expire first: one query."""
    return (
        Package.objects.filter(client_id=client_id)
        .select_related("paid_by")
        .annotate(left=F("credits_total") - F("credits_used") - F("credits_forfeited"))
        .order_by(F("expires_on").desc(nulls_first=True), "-pk")
    )
