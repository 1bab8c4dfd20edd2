"""The next invoice of every membership that we bill ourselves, when what was paid for is over."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from clubhouse.billing.models import Invoice
from clubhouse.billing.numbers import lock_numbers, next_numbers
from clubhouse.memberships.models import Membership
from clubhouse.memberships.periods import current_period, last_day, later
from clubhouse.memberships.sales import billed_to
from clubhouse.sets import Keys, hold_clients, insert_all, update_each

#: Memberships billed in one transaction.
BATCH = 500


def billed_until(membership: Membership) -> datetime.date:
    """The last day that is billed, of a membership that is billed at all."""
    assert membership.billed_until is not None
    return membership.billed_until


def next_end(membership: Membership) -> datetime.date:
    """The last day of the period after the one that is billed."""
    billed, months = billed_until(membership), membership.period_months
    number = current_period(membership.starts_on, months, billed)
    if last_day(membership.starts_on, months, number) == billed:
        # Counted from the first day, so that the 31st does not become the 28th for ever.
        return last_day(membership.starts_on, months, number + 1)
    return later(billed + datetime.timedelta(days=1), months) - datetime.timedelta(days=1)


@transaction.atomic
def bill_next_periods(now: datetime.datetime, using: str = "default") -> int:
    """Make the next invoice of each membership whose billed time is over; returns how many.

    One period of a membership at a time, and at most :data:`BATCH` of them: the next run makes what is left. What is
    frozen, cancelled, about to end or billed by the provider is left alone. A fixed number of statements.
    """
    today = timezone.localdate(now)
    due = (
        Membership.objects.using(using)
        .filter(status=Membership.Status.ACTIVE, billed_until__lt=today, provider_reference="")
        .exclude(ends_on__lte=F("billed_until"))
        .exclude(frozen_from__lte=today)
    )
    found = list(due.order_by("pk").values_list("pk", "client_id", "paid_by_id")[:BATCH])
    if not found:
        return 0
    # Whoever is under erasure just now is left out and not waited for.
    alive = hold_clients({key for _, *keys in found for key in keys if key}, using=using, skip_locked=True)
    wanted = [pk for pk, *keys in found if {key for key in keys if key} <= alive]
    rows = list(
        due.filter(pk__in=Keys(wanted), client_id__in=Keys(alive))
        .select_related("client", "paid_by")
        .select_for_update(no_key=True, of=("self",))
        .order_by("pk")
    )
    if not rows:
        return 0
    clubs = [row.client.home_club_id for row in rows]
    numbers = next_numbers(lock_numbers(clubs, using=using), clubs, using=using)
    invoices = [
        Invoice(
            client_id=row.client_id,
            paid_by_id=row.paid_by_id,
            club_id=row.client.home_club_id,
            number=number,
            description=row.plan,
            amount=row.price,
            currency=row.currency,
            status=Invoice.Status.OUTSTANDING if row.price else Invoice.Status.PAID,
            due_on=billed_until(row) + datetime.timedelta(days=1),
            **billed_to(row.paid_by or row.client),
        )
        for row, number in zip(rows, numbers, strict=True)
    ]
    insert_all(invoices, using=using)
    update_each(Membership, "billed_until", {row.pk: next_end(row) for row in rows}, using=using)
    return len(rows)
