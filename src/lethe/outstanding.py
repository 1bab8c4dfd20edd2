"""What is still owed to the world outside the database: what waits, what keeps failing and why, and trying it now.

Read from the outbox alone, so that a page, the command line and a monitor tell the same.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db.models import Count, Max, Min, Q, QuerySet
from django.utils import timezone

from lethe.models import Effect

#: Said where a try left no cause: whatever did it was killed, so that nobody could write one down.
KILLED = "The worker ended in the middle of it."


def troubled() -> Q:
    """Effects that are not done and have failed: by a cause, or by a worker that ended in it and so left none."""
    return Q(done_at=None, attempts__gt=0) & (~Q(last_error="") | Q(attempts__gt=1))


def in_hand(now: datetime.datetime) -> Q:
    """Effects that a worker has leased."""
    return Q(done_at=None, leased_until__gt=now)


def never_begun(now: datetime.datetime) -> Q:
    """Effects that wait on purpose: none was tried yet, and none is due."""
    return Q(done_at=None, attempts=0, next_try_at__gt=now)


@dataclass(frozen=True, kw_only=True)
class Owed:
    """Effects of one kind that are not done, alike in whether and why they failed.

    ``cause`` is "" for those that did not fail. ``oldest`` is the key of the one that has waited longest, ``since``
    when it was recorded, ``tries`` the most that one of them has had, and ``next_try_at`` when the first is due.
    """

    kind: str
    cause: str
    count: int
    in_hand: int
    oldest: int
    since: datetime.datetime
    tries: int
    next_try_at: datetime.datetime


def owed(effects: QuerySet[Effect]) -> list[Owed]:
    """What is not done among these effects, alike ones counted together, the oldest first. Two queries, in any number.

    Those that failed come before those that only wait.
    """
    return _groups(effects.filter(troubled()), failed=True) + _groups(
        effects.filter(done_at=None).exclude(troubled()), failed=False
    )


def failing(effects: QuerySet[Effect]) -> list[Owed]:
    """What keeps failing among these effects, alike ones counted together, the oldest first. One query."""
    return _groups(effects.filter(troubled()), failed=True)


def _groups(effects: QuerySet[Effect], *, failed: bool) -> list[Owed]:
    rows = effects.order_by().values("kind", *(["last_error"] if failed else []))
    found = rows.annotate(
        count=Count("pk"),
        in_hand=Count("pk", filter=in_hand(timezone.now())),
        oldest=Min("pk"),
        since=Min("created_at"),
        tries=Max("attempts"),
        due=Min("next_try_at"),
    ).order_by("since", "oldest")
    return [
        Owed(
            kind=row["kind"],
            cause=(row["last_error"] or KILLED) if failed else "",
            count=row["count"],
            in_hand=row["in_hand"],
            oldest=row["oldest"],
            since=row["since"],
            tries=row["tries"],
            next_try_at=row["due"],
        )
        for row in found
    ]


def alike(effects: QuerySet[Effect], kind: str, cause: str) -> QuerySet[Effect]:
    """Those of the failing effects that :func:`failing` counts under one kind and one cause."""
    return effects.filter(troubled(), kind=kind, last_error="" if cause == KILLED else cause)


def try_now(effects: QuerySet[Effect]) -> int:
    """Make effects that failed due now; returns how many. One that a worker has in hand stays with that worker."""
    return effects.filter(troubled()).update(next_try_at=timezone.now())
