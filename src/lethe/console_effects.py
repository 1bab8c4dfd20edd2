"""``manage.py lethe effects``: what is still owed to the world outside, why, since when; wait for it, or try it now."""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Callable
from json import dumps
from typing import Any

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils import timezone

from lethe.console import Writer
from lethe.exceptions import LetheError
from lethe.execute import Outcome
from lethe.models import Effect, Receipt
from lethe.outstanding import Owed, owed, try_now

#: Seconds between two looks while it is waited.
PAUSE = 0.5


class NoSuchReceipt(LetheError):
    """There is no such receipt. Its number has four groups of five characters."""


def add_arguments(add: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The subcommand and its options."""
    effects = add("effects", "What is still owed to the world outside: why it has not worked yet, and since when.")
    effects.add_argument("--receipt", help="Of the erasure with this receipt alone.")
    effects.add_argument("--retry", action="store_true", help="Have what failed tried now, by the worker.")
    effects.add_argument(
        "--wait", type=float, metavar="SECONDS", help="Wait until all that is due is done; exit status 4 if it is not."
    )


def run(
    using: str, json: bool, out: Writer, *, receipt: str | None, retry: bool, wait: float | None, **_: object
) -> None:
    """Show what is owed; on request have it tried now, and wait for it. Raises ``NoSuchReceipt``, and ``CommandError``
    where it was waited for in vain."""
    effects = effects_of(receipt, using)
    tried = try_now(effects) if retry else 0
    if retry and not json:
        out.write(f"Tried now: {tried:,}." if tried else "Nothing has failed.")

    def tell(left: list[Owed]) -> None:
        if not json:
            show_owed(left, out)
            out.flush()

    left = owed(effects) if wait is None else wait_for(effects, wait, tell)
    if json:
        out.write(dumps(as_data(left) | ({"tried": tried} if retry else {}), indent=2))
    else:
        show_owed(left, out)
    if wait is not None and any(group.cause or group.in_hand or group.next_try_at <= timezone.now() for group in left):
        raise CommandError(f"Not all was done within {wait:g} seconds.", returncode=4)


def effects_of(number: str | None, using: str) -> QuerySet[Effect]:
    """The effects of one receipt's erasure, or all there are. Raises ``NoSuchReceipt``."""
    effects = Effect.objects.using(using)
    if number is None:
        return effects
    runs = Receipt.objects.using(using).filter(number=number.strip().upper()).values_list("run_id", flat=True)
    if not runs:
        raise NoSuchReceipt
    return effects.filter(run=runs[0])


def left_of(outcome: Outcome, using: str) -> list[Owed]:
    """What an erasure that has just been done still owes."""
    runs = Receipt.objects.using(using).filter(number__in=list(outcome.receipts.values())).values("run")
    return owed(Effect.objects.using(using).filter(run__in=runs))


def progress(total: int, out: Writer) -> Callable[[int], None]:
    """Told of each batch of subjects; says how far an erasure of several has come."""
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        if total > 1:
            out.write(f"{done:,} of {total:,}")
            out.flush()

    return told


def wait_for(effects: QuerySet[Effect], seconds: float, tell: Callable[[list[Owed]], None]) -> list[Owed]:
    """Wait until nothing is left that is due or failing, so many seconds at the most; returns what is left then.

    What waits on purpose for later than that is not waited for. ``tell`` hears of each change.
    """
    ends, before = time.monotonic() + seconds, None
    while True:
        left = owed(effects)
        until = timezone.now() + datetime.timedelta(seconds=max(ends - time.monotonic(), 0))
        open_ones = [group for group in left if group.cause or group.in_hand or group.next_try_at <= until]
        if not open_ones or time.monotonic() >= ends:
            return left
        state = [(group.kind, group.cause, group.count, group.tries) for group in left]
        if state != before:
            tell(left)
            before = state
        time.sleep(PAUSE)


def as_data(left: list[Owed]) -> dict[str, Any]:
    """What is owed as plain data, ready for JSON. Times are in ISO 8601; ``cause`` is null where nothing failed."""
    return {
        "left": sum(group.count for group in left),
        "failing": sum(group.count for group in left if group.cause),
        "effects": [
            {
                "kind": group.kind,
                "count": group.count,
                "cause": group.cause or None,
                "since": group.since.isoformat(),
                "tries": group.tries,
                "next_try": group.next_try_at.isoformat(),
                "in_hand": group.in_hand,
            }
            for group in left
        ],
    }


def show_owed(left: list[Owed], out: Writer) -> None:
    """Print what is owed, alike effects in one line, and what it means."""
    if not left:
        out.write("Nothing is left to be done outside.")
        return
    now = timezone.now()
    for group in left:
        out.write(f"{group.count:>8,}  {group.kind}, for {_period(now - group.since)}: {_state(group, now)}")
    failing = sum(group.count for group in left if group.cause)
    total = sum(group.count for group in left)
    out.write(f"{total:,} left to be done outside" + (f", {failing:,} of them failing." if failing else "."))


def _state(group: Owed, now: datetime.datetime) -> str:
    if group.in_hand == group.count:
        state = "in a worker's hands"
    elif group.next_try_at <= now:
        state = "due"
    else:
        state = f"due at {timezone.localtime(group.next_try_at):%Y-%m-%d %H:%M:%S}"
    if not group.cause:
        return state
    times = "once" if group.tries == 1 else f"{group.tries} times"
    return f"{group.cause.rstrip('.')} (tried {times}; {state})"


def _period(age: datetime.timedelta) -> str:
    seconds = int(max(age.total_seconds(), 0))
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size or size == 1:
            count = seconds // size
            return f"{count} {name}" + ("" if count == 1 else "s")
    raise AssertionError
