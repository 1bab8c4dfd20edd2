"""How many effects were done, how long that took, and how many tries failed: counted as it happens.

A table of a few rows, so that whoever watches the outbox does not count a million effects that are done each minute. A
row is written in the transaction that it counts, so a count is exact and never goes down.
"""

from __future__ import annotations

import datetime

from django.db import connections

from lethe.models import Tally

#: Upper bounds of the time from the erasure to the deed, in seconds: a few seconds, minutes, hours, a day, three.
BOUNDS = (5, 15, 60, 300, 1_800, 7_200, 86_400, 259_200)


def count_done(kind: str, *waited: datetime.timedelta, using: str = "default") -> None:
    """Count effects of one kind that were done so long after they were recorded. One statement for each bound."""
    # Clocks of two machines may differ.
    each = [max(one.total_seconds(), 0.0) for one in waited]
    for within in sorted({bound(seconds) for seconds in each}):
        alike = [seconds for seconds in each if bound(seconds) == within]
        _count(kind, within, len(alike), sum(alike), using)


def count_failures(kind: str, number: int, *, using: str = "default") -> None:
    """Count tries that failed. One statement, and none where there were none."""
    if number:
        _count(kind, Tally.FAILED, number, 0.0, using)


def bound(seconds: float) -> int:
    """The least of :data:`BOUNDS` that is not exceeded, or :attr:`Tally.LONGER`."""
    return next((bound for bound in BOUNDS if seconds <= bound), Tally.LONGER)


def _count(kind: str, within: int, number: int, seconds: float, using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(
            "INSERT INTO lethe_tally (kind, within, number, seconds) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (kind, within) DO UPDATE SET number = lethe_tally.number + excluded.number, "
            "seconds = lethe_tally.seconds + excluded.seconds",
            [kind, within, number, seconds],
        )
