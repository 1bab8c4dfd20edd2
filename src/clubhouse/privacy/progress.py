"""How far what an erasure owes the world outside has come, step by step, in people's words (row N4)."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from clubhouse.privacy.answers import answer_words
from clubhouse.privacy.wording import cause_words, effect_words
from lethe.models import Effect, Run
from lethe.outstanding import KILLED, in_hand, never_begun, troubled

#: An effect that has been due for so long, while no worker has anything in hand, says that none runs.
IDLE = datetime.timedelta(seconds=60)
#: How often an open page asks: each second while things move, and seldom once only the other side is waited for.
SOON, LATER, SELDOM = 1, 5, 30


@dataclass(frozen=True, kw_only=True)
class Deed:
    """Effects of one kind: how many there are, and how many are done, in hand, or failed and wait for another try.

    ``begins`` is when the first is due, where all that is left waits on purpose. ``answers`` is what the other side
    said to those that are done.
    """

    label: str
    total: int
    done: int
    failing: int = 0
    in_hand: int = 0
    tries: int = 0
    error: str = ""
    next_try: datetime.datetime | None = None
    begins: datetime.datetime | None = None
    done_at: datetime.datetime | None = None
    answers: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """``done``, ``trying``, ``failed``, ``doing``, ``later`` or ``waiting``."""
        if self.done == self.total:
            return "done"
        if self.failing:
            return "trying" if self.in_hand else "failed"
        if self.in_hand:
            return "doing"
        return "later" if self.begins else "waiting"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far what is done outside the database has come.

    ``idle_since`` is since when nobody has taken up what is due. ``every`` is in how many seconds to ask again.
    """

    deeds: list[Deed]
    since: datetime.datetime
    idle_since: datetime.datetime | None = None
    every: int = SOON

    @property
    def total(self) -> int:
        return sum(deed.total for deed in self.deeds)

    @property
    def done(self) -> int:
        return sum(deed.done for deed in self.deeds)

    @property
    def finished(self) -> bool:
        return self.done == self.total

    @property
    def failing(self) -> bool:
        return any(deed.failing for deed in self.deeds)

    @property
    def finished_at(self) -> datetime.datetime | None:
        """When the last was done; ``None`` while something is left, or where there was nothing to do."""
        times = [deed.done_at for deed in self.deeds if deed.done_at]
        return max(times) if times and self.finished else None

    @property
    def said(self) -> str:
        """Changes when the one sentence on top does, which a screen reader is told."""
        state = "done" if self.finished else "failing" if self.failing else "idle" if self.idle_since else "on"
        return f"{state}-{self.done}-{self.total}"

    @property
    def token(self) -> str:
        """Changes when there is something new to see."""
        deeds = (f"{deed.state}.{deed.done}.{deed.failing}.{deed.tries}" for deed in self.deeds)
        return "~".join([self.said, str(self.every), *deeds])

    def tells(self, seen: str) -> bool:
        """Whether the sentence on top is another than the one that was ``seen``, as :attr:`token` had it."""
        return seen.partition("~")[0] != self.said


def progress(run: Run) -> Progress:
    """The state of a run's effects by kind: three queries at the most, however many effects there are."""
    now = timezone.now()
    left, bad = Q(done_at=None), troubled()
    rows = list(
        Effect.objects.filter(run=run)
        .values("kind")
        .annotate(
            total=Count("pk"),
            done=Count("pk", filter=Q(done_at__isnull=False)),
            failing=Count("pk", filter=bad),
            in_hand=Count("pk", filter=in_hand(now)),
            later=Count("pk", filter=never_begun(now)),
            tries=Max("attempts", filter=bad),
            error=Max("last_error", filter=bad),
            next_try=Min("next_try_at", filter=left),
            due=Min("next_try_at", filter=left & Q(next_try_at__lte=now)),
            done_at=Max("done_at"),
        )
        .order_by("kind")
    )
    answers = _answers(run) if any(row["done"] for row in rows) else {}
    deeds = [_deed(row, answers.get(row["kind"], ())) for row in rows]
    due = min((row["due"] for row in rows if row["due"] and not row["in_hand"]), default=None)
    idle = due if due and due < now - IDLE and not Effect.objects.filter(in_hand(now)).exists() else None
    return Progress(deeds=deeds, since=run.erased_at, idle_since=idle, every=_every(now - run.erased_at, deeds))


def _deed(row: Mapping[str, Any], answers: tuple[str, ...]) -> Deed:
    left = row["total"] - row["done"]
    return Deed(
        label=effect_words(row["kind"]),
        total=row["total"],
        done=row["done"],
        failing=row["failing"],
        in_hand=row["in_hand"],
        tries=row["tries"] or 0,
        error=cause_words(row["error"] or KILLED) if row["failing"] else "",
        next_try=row["next_try"],
        begins=row["next_try"] if left and row["later"] == left else None,
        done_at=row["done_at"] if not left else None,
        answers=answers,
    )


def _answers(run: Run) -> dict[str, tuple[str, ...]]:
    """What the other side answered, by kind, alike answers counted together."""
    found: dict[str, list[tuple[dict[str, Any], int]]] = defaultdict(list)
    rows = Effect.objects.filter(run=run, done_at__isnull=False).values("kind", "receipt").annotate(n=Count("pk"))
    for row in rows.order_by():
        found[row["kind"]].append((row["receipt"] or {}, row["n"]))
    return {kind: answer_words(said) for kind, said in found.items()}


def _every(age: datetime.timedelta, deeds: list[Deed]) -> int:
    """How many seconds an open page waits before it asks again."""
    if age < datetime.timedelta(minutes=2):
        return SOON
    moving = any(deed.in_hand for deed in deeds) or age < datetime.timedelta(hours=1)
    return LATER if moving else SELDOM
