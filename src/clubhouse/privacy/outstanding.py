"""What is still to be done outside the records, and keeps failing: shown to the business's administrators (row N4).

An effect names no business, because a run must not lead to a client. Whose it is follows from the receipts a business
has been given, from the account that ordered the run, or from the effect's own payload while it waits.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from clubhouse.accounts.models import Business, User
from clubhouse.privacy.models import ErasureReceipt
from clubhouse.privacy.wording import cause_words, effect_words
from clubhouse.sets import Keys
from clubhouse.webhooks.models import Endpoint
from lethe.models import Effect, Receipt

#: How many are listed; the others are counted.
LISTED = 50


@dataclass(frozen=True, kw_only=True)
class Overdue:
    """One effect that failed: what it is to do, why it did not work, since when, and when it is tried again."""

    pk: int
    label: str
    cause: str
    since: datetime.datetime
    attempts: int
    next_try_at: datetime.datetime


@dataclass(frozen=True, kw_only=True)
class Outstanding:
    """What keeps failing: the oldest of it, and how many there are in all."""

    listed: list[Overdue]
    total: int

    @property
    def more(self) -> int:
        """How many are not listed."""
        return self.total - len(self.listed)


def failing(business: Business) -> QuerySet[Effect]:
    """The effects of this business that have failed at least once and are not done."""
    given = ErasureReceipt.objects.filter(business=business).values("number")
    ordered = (
        User.objects.filter(business=business)
        .annotate(said=Concat(Value("account:"), Cast("pk", CharField())))
        .values("said")
    )
    ours = (
        Q(run__in=Receipt.objects.filter(number__in=given).values("run"))
        | Q(run__by__in=ordered)
        | Q(payload__business=business.pk)
    )
    return Effect.objects.filter(ours, done_at=None, attempts__gt=0).exclude(last_error="")


def outstanding(business: Business) -> Outstanding:
    """What keeps failing, the oldest first: two queries."""
    rows = failing(business)
    listed = [
        Overdue(
            pk=row.pk,
            label=effect_words(row.kind),
            cause=f"{cause_words(row.last_error)}.",
            since=row.created_at,
            attempts=row.attempts,
            next_try_at=row.next_try_at,
        )
        for row in rows.order_by("created_at", "pk")[:LISTED]
    ]
    return Outstanding(listed=listed, total=rows.count() if len(listed) == LISTED else len(listed))


def count(business: Business) -> int:
    """How many effects keep failing."""
    return failing(business).count()


def retry(business: Business, pk: int | None = None) -> int:
    """Try one effect, or all that fail, now; returns how many. Another business's are not found.

    One that a worker is just trying stays with that worker.
    """
    rows = failing(business)
    keys = list((rows if pk is None else rows.filter(pk=pk)).values_list("pk", flat=True))
    chosen = Effect.objects.filter(pk__in=Keys(keys), done_at=None)
    paused = Endpoint.objects.filter(business=business, paused_until__isnull=False)
    wanted = chosen.filter(kind="webhook.deliver").values_list("payload__endpoint", flat=True)
    paused.filter(pk__in=Keys(key for key in wanted if isinstance(key, int))).update(paused_until=None)
    return chosen.update(next_try_at=timezone.now())
