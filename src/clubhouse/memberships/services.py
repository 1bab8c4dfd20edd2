"""Using, returning and forfeiting credits, and ending memberships; all of it for any number of rows at a time."""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.db import models, transaction
from django.db.models import F, Q, Sum

from clubhouse.clients.models import Client
from clubhouse.memberships import selectors
from clubhouse.memberships.models import Membership, Package
from clubhouse.sets import Keys, update_each
from lethe.outbox import record_all

#: The reason on whatever an erasure ended, forfeited or wrote off.
ERASURE = "erasure"


def cancel_memberships(
    memberships: models.QuerySet[Membership],
    *,
    on: datetime.date | models.F,
    reason: str,
    at_provider: bool = True,
    using: str = "default",
) -> int:
    """End those of the memberships that are active or frozen, as of the day ``on`` (or a column's); returns how many.

    The payment provider is told after commit (row F13), by effects recorded here. An erasure records them by its own
    declaration and passes ``at_provider=False``. A fixed number of statements.
    """
    live = memberships.using(using).order_by().filter(status__in=[Membership.Status.ACTIVE, Membership.Status.FROZEN])
    changes = {"status": Membership.Status.CANCELLED, "cancelled_on": on, "cancellation_reason": reason}
    if not at_provider:
        return live.update(**changes)
    with transaction.atomic(using=using):
        rows = list(live.select_related("client").select_for_update(no_key=True, of=("self",)).order_by("pk"))
        ended = Membership.objects.using(using).filter(pk__in=Keys(row.pk for row in rows)).update(**changes)
        record_all(
            "payment.cancel_subscription",
            [
                {
                    "subscription": row.provider_reference,
                    "membership": row.pk,
                    "business": row.client.business_id,
                }
                for row in rows
                if row.provider_reference
            ],
            using=using,
        )
        return ended


def forfeit_packages(
    packages: models.QuerySet[Package], *, now: datetime.datetime, reason: str, using: str = "default"
) -> tuple[int, int]:
    """Forfeit the credits that are left on unexpired packages; returns (packages, credits)."""
    with transaction.atomic(using=using):
        unused = (
            selectors.unused_packages(now).using(using).filter(pk__in=packages.using(using).order_by().values("pk"))
        )
        # The rows are locked by themselves: a lock and a sum do not go into one statement.
        keys = list(unused.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        if not keys:
            return 0, 0
        mine = Package.objects.using(using).filter(pk__in=Keys(keys))
        unused_credits = mine.aggregate(n=Sum(F("credits_total") - F("credits_used") - F("credits_forfeited")))["n"]
        mine.update(credits_forfeited=F("credits_total") - F("credits_used"), forfeited_reason=reason)
        return len(keys), unused_credits


def remove_payer(memberships: models.QuerySet[Membership], *, using: str = "default") -> int:
    """Let the client pay for these memberships themself from now on; returns how many had another payer.

    What was billed stays with who paid it. One statement.
    """
    return memberships.using(using).order_by().filter(paid_by__isnull=False).update(paid_by=None)


def cancel_for_erasure(ids: Sequence[int], now: datetime.datetime, using: str = "default") -> dict[str, int]:
    """Row F13: end every active or frozen membership of these clients, today in UTC."""
    mine = Membership.objects.filter(client_id__in=Keys(ids))
    today = now.astimezone(datetime.UTC).date()
    return {"memberships cancelled": cancel_memberships(mine, on=today, reason=ERASURE, at_provider=False, using=using)}


def forfeit_packages_for_erasure(ids: Sequence[int], now: datetime.datetime, using: str = "default") -> dict[str, int]:
    """Row H7: forfeit what these clients have left on packages. After the bookings, whose credits come back first."""
    mine = Package.objects.filter(client_id__in=Keys(ids))
    packages, unused = forfeit_packages(mine, now=now, reason=ERASURE, using=using)
    return {"packages forfeited": packages, "credits forfeited": unused}


def lock_packages(
    keys: Iterable[int],
    *,
    clients: models.QuerySet[Any] | None = None,
    using: str = "default",
) -> list[Package]:
    """Lock packages, by key and (``clients``: a queryset of one column) by client, in key order."""
    wanted = Q(pk__in=Keys(keys))
    if clients is not None:
        wanted |= Q(client_id__in=clients)
    rows = Package.objects.using(using).filter(wanted)
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk"))


def return_credits(used: Mapping[int, int], *, using: str = "default") -> int:
    """Give credits back: package key to number of credits; returns how many came back.

    To an erased client's package nothing comes back: what was left there is forfeited, and what a buddy gives up later
    would stand there as unused for ever. An imported package may say that less was used than is given back; it stops at
    nothing used. Call it under :func:`lock_packages`.
    """
    if not used:
        return 0
    rows = Package.objects.using(using).filter(pk__in=Keys(used)).exclude(client__status=Client.Status.DELETED)
    before = dict(rows.values_list("pk", "credits_used"))
    after = {pk: max(0, credits - used[pk]) for pk, credits in before.items()}
    update_each(Package, "credits_used", after, using=using)
    return sum(before.values()) - sum(after.values())


def take_credits(clients: Sequence[int], *, now: datetime.datetime, using: str = "default") -> list[int | None]:
    """Use a credit for each place given to these clients, a client as often as places are given.

    Returns for each the key of the package used: of those with credits left the one that expires first. None where an
    active membership covers the client, or where there is no credit to use (the place is settled at the desk).
    """
    wanted = Keys(clients)
    today = now.astimezone(datetime.UTC).date()
    covered = set(
        Membership.objects.using(using)
        .filter(client_id__in=wanted, status=Membership.Status.ACTIVE, starts_on__lte=today)
        .values_list("client_id", flat=True)
    )
    paying = [client for client in clients if client not in covered]
    if not paying:
        return [None] * len(clients)
    usable = selectors.unused_packages(now).using(using).filter(client_id__in=Keys(paying))
    rows = list(usable.select_for_update(no_key=True, of=("self",)).order_by("pk"))
    stacks: dict[int, list[Package]] = defaultdict(list)
    for package in sorted(rows, key=lambda row: (row.expires_on or datetime.date.max, row.pk)):
        stacks[package.client_id].append(package)
    used: Counter[int] = Counter()
    chosen = [None if client in covered else _next_credit(stacks.get(client, []), used) for client in clients]
    update_each(Package, "credits_used", {p.pk: p.credits_used + used[p.pk] for p in rows if used[p.pk]}, using=using)
    return chosen


def _next_credit(packages: Collection[Package], used: Counter[int]) -> int | None:
    for package in packages:
        if package.credits_used + package.credits_forfeited + used[package.pk] < package.credits_total:
            used[package.pk] += 1
            return int(package.pk)
    return None
