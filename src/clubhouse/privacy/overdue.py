"""Telling administrators, in their inbox and once, of what has been failing for long (row N4).

The page "Privacy" lists what fails at any time (``outstanding``); this is for those who do not look there.
"""

from __future__ import annotations

import datetime
from collections import Counter

from django.db import transaction
from django.db.models import F, Min

from clubhouse.accounts.models import User
from clubhouse.messages.services import tell_not_done
from clubhouse.privacy.models import ErasureReceipt, ToldOfFailure
from clubhouse.sets import Keys, insert_all
from lethe.models import Effect, Receipt

#: How long an effect may fail before somebody is told, and how many are looked at in one go.
LONG = datetime.timedelta(days=1)
MOST = 5_000


def tell_administrators(now: datetime.datetime, *, using: str = "default") -> int:
    """Write a line in the inbox of each administrator of a business whose effects have been failing for a day; returns
    how many effects were told of. Each is told of once. A fixed number of queries, however many there are."""
    with transaction.atomic(using=using):
        rows = (
            Effect.objects.using(using)
            .filter(done_at=None, attempts__gt=0, created_at__lt=now - LONG)
            .exclude(last_error="")
            .exclude(pk__in=ToldOfFailure.objects.using(using).values("effect"))
        )
        found = list(rows.order_by("pk").values_list("pk", "run_id", "run__by", "payload__business")[:MOST])
        whose = _businesses({run for _, run, _, _ in found if run}, {by for _, _, by, _ in found if by}, using)
        failing = {
            pk: business
            for pk, run, by, named in found
            if (business := named if isinstance(named, int) else whose.get(str(run)) or whose.get(by))
        }
        insert_all([ToldOfFailure(effect_id=pk, told_at=now) for pk in sorted(failing)], using=using)
        tell_not_done(Counter(failing.values()), using=using)
    return len(failing)


def _businesses(runs: set[object], orders: set[str], using: str) -> dict[str, int]:
    """Run, as text, to the business that has its receipt; account that ordered, as the run says it, to its business."""
    # One receipt of each: a run may have thousands.
    receipts = Receipt.objects.using(using).filter(run__in=runs).values("run_id").annotate(one=Min("number"))
    run_of = dict(receipts.values_list("one", "run_id"))
    given = ErasureReceipt.objects.using(using).filter(number__in=list(run_of)).values_list("number", "business_id")
    found = {str(run_of[number]): business for number, business in given}
    accounts = Keys(
        int(key) for kind, _, key in (by.partition(":") for by in orders) if kind == "account" and key.isdecimal()
    )
    users = User.objects.using(using).filter(pk__in=accounts, business__isnull=False).annotate(whose=F("business_id"))
    return found | {f"account:{pk}": whose for pk, whose in users.values_list("pk", "whose")}
