"""Telling administrators, in their inbox and once, of what has been failing for long (row N4).

The page "Privacy" lists what fails at any time (``outstanding``); this is for those who do not look there.
"""

from __future__ import annotations

import datetime
import uuid
from collections import Counter

from django.db import transaction
from django.db.models import F, Min

from clubhouse.accounts.models import Business, User
from clubhouse.messages.services import tell_not_done
from clubhouse.privacy.models import ErasureReceipt, ToldOfFailure
from clubhouse.sets import Keys, insert_all
from lethe.cleaning import KIND as CLEAN
from lethe.models import Effect, Receipt
from lethe.outstanding import troubled

#: How long an effect may fail before somebody is told, and how many are looked at in one go.
LONG = datetime.timedelta(days=1)
MOST = 5_000


def tell_administrators(now: datetime.datetime, *, using: str = "default") -> int:
    """Write a line in the inbox of each administrator of a business whose effects have been failing for a day; returns
    how many effects were told of. Each is told of once. A fixed number of queries, however many there are."""
    with transaction.atomic(using=using):
        rows = (
            Effect.objects.using(using)
            .filter(troubled(), created_at__lt=now - LONG)
            .exclude(pk__in=ToldOfFailure.objects.using(using).values("effect"))
        )
        found = list(rows.order_by("pk").values_list("pk", "kind", "run_id", "run__by", "payload__business")[:MOST])
        runs, orders = {row[2] for row in found if row[2]}, {row[3] for row in found if row[3]}
        whose = _businesses(runs, orders, using)
        owners = [
            named if isinstance(named, int) else whose.get(str(run)) or whose.get(by) for _, _, run, by, named in found
        ]
        failing = Counter(owner for owner in owners if owner)
        if any(kind == CLEAN for _, kind, *_ in found):
            # The database's files are everybody's.
            failing.update(Business.objects.using(using).values_list("pk", flat=True))
        # Those of nobody too, or five thousand of them would stand before all others for ever.
        insert_all([ToldOfFailure(effect_id=row[0], told_at=now) for row in found], using=using)
        tell_not_done(failing, using=using)
    return len(found)


def _businesses(runs: set[uuid.UUID], orders: set[str], using: str) -> dict[str, int]:
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
