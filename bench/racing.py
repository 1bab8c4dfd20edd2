"""Erasures raced against everything else that can happen at that moment, and against each other.

A round is one set of people, one or two erasures of theirs, and mostly a move by somebody else, all started at the same
moment in connections of their own, each after a random while. After some rounds all that they may not have left behind
is looked for.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError, IntegrityError, connection, connections
from django.utils import timezone

from bench.cast import CANARY, Cast, World, make_casts, make_world
from bench.moves import MOVES, pause
from clubhouse.audits.models import LogEntry
from clubhouse.billing.exceptions import BillingError
from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.clients.services import ErasedClientError
from clubhouse.memberships.models import Membership, Package
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.exceptions import ScheduleError
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from lethe import pipeline
from lethe.models import ErasedMark
from lethe.seal import is_sealed
from tests.support.dump import logical_dump

#: Rounds that are made, run and looked at together.
CHUNK = 25
#: In one chunk of so many the clients have something upcoming, owed and left; the others' erasures are short.
BUSY_EVERY = 4
#: Two erasures at once: which of the set's clients each of them takes.
ERASURES = (("a",), ("a",), ("a",), ("a", "b"), ("b", "a"), ("a", "b"), ("ab", "b"), ("ab", "ba"))


@dataclass
class Verdict:
    """What came of the rounds; ``failures`` are what must not be."""

    rounds: int = 0
    erasures: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = f"{self.rounds} rounds, {self.erasures} erasures"
        return f"{said}: {len(self.failures)} failures" if self.failures else f"{said}: every one held"


def race(
    rounds: int, seed: int, *, seconds: float | None = None, report: Callable[[str], None] = lambda _: None
) -> Verdict:
    """Run rounds until there are enough, or until the time is over. The same seed gives the same rounds."""
    verdict, ends = Verdict(), time.monotonic() + (seconds or 1e9)
    world = make_world(waiting_list_promotion="at_once")
    with ThreadPoolExecutor(3) as pool:
        try:
            while verdict.rounds < rounds and time.monotonic() < ends:
                numbers = range(verdict.rounds, min(verdict.rounds + CHUNK, rounds))
                known = len(verdict.failures)
                _chunk(world, numbers, seed, pool, verdict)
                report("; ".join([str(verdict), *verdict.failures[known:]]))
        finally:
            everyone = threading.Barrier(3)
            for closed in [pool.submit(_close, everyone) for _ in range(3)]:
                closed.result(60)
    return verdict


def _close(everyone: threading.Barrier) -> None:
    everyone.wait(30)
    connections.close_all()


def _chunk(world: World, numbers: range, seed: int, pool: ThreadPoolExecutor, verdict: Verdict) -> None:
    business = world.club.business
    business.waiting_list_promotion = random.Random(f"{seed}/{numbers.start}").choice(["at_once", "offer"])
    business.save(update_fields=["waiting_list_promotion"])
    casts = make_casts(world, numbers, settled=numbers.start // CHUNK % BUSY_EVERY != 0)
    erased: set[int] = set()
    for cast in casts:
        erased |= _round(cast, random.Random(f"{seed}/{cast.number}"), pool, verdict)
    where = f"rounds {numbers.start}-{numbers.stop - 1} of seed {seed}"
    verdict.failures += [f"{where}: {said}" for said in left_behind(erased)]
    # Whoever was not erased in a race is erased now, so that no canary has a right to be anywhere.
    everyone = {client.pk for cast in casts for client in (cast.a, cast.b)}
    rest = sorted(everyone - erased)
    if rest:
        outcome = pipeline.erase(Client, rest, by="role:race", reason="the rest of a race")
        verdict.failures += [f"{where}: {type(error).__name__} for the rest" for error in outcome.refused.values()]
    verdict.failures += [f"{where}: {said}" for said in left_behind(everyone)]
    verdict.failures += [f"{where}: a canary in {table}" for table in sorted(_canaries())]


def _round(cast: Cast, rng: random.Random, pool: ThreadPoolExecutor, verdict: Verdict) -> set[int]:
    """One round; returns the keys of who was to be erased."""
    orders = rng.choice(ERASURES)
    acts: list[Callable[[], object]] = [_erasing(cast, who, random.Random(rng.random())) for who in orders]
    names = ["erase"] * len(orders)
    if len(orders) == 1 or rng.random() < 0.6:
        names.append(rng.choice(sorted(MOVES)))
        acts.append(partial(MOVES[names[-1]], cast, random.Random(rng.random())))
    delays = [random.Random(rng.random()) for _ in acts]
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object], delay: random.Random) -> str:
        start.wait(30)
        pause(delay)
        try:
            act()
        except (ScheduleError, BillingError, ErasedClientError):
            return "refused by the service"
        except IntegrityError as error:
            return "refused by the database" if is_sealed(error) else f"refused: {_constraint(error)}"
        except Exception as error:
            return f"broke: {type(error).__name__} {_state(error)}"
        return "done"

    running = [pool.submit(run, act, delay) for act, delay in zip(acts, delays, strict=True)]
    for name, done in zip(names, running, strict=True):
        said = done.result(120)
        verdict.outcomes[f"{name}: {said}"] += 1
        if said.startswith("broke") or (name == "erase" and said != "done"):
            verdict.failures.append(f"round {cast.number}: {name} {said} ({', '.join(names)})")
    verdict.rounds += 1
    verdict.erasures += len(orders)
    return {getattr(cast, name).pk for who in orders for name in who}


def _erasing(cast: Cast, who: str, rng: random.Random) -> Callable[[], object]:
    keys = [getattr(cast, name).pk for name in who]

    def act() -> None:
        outcome = pipeline.erase(Client, keys, by="role:race", reason="a race")
        if outcome.refused:
            raise next(iter(outcome.refused.values()))

    return act


def _constraint(error: IntegrityError) -> str:
    """Which constraint, never which values."""
    named = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
    return named or str(error).split("\n")[0][:60]


def _state(error: Exception) -> str:
    if isinstance(error, DatabaseError):
        return getattr(error.__cause__, "sqlstate", None) or str(error)[:80]
    return str(error)[:120]


#: Rows that an erased client may not have, by the columns that would name them.
NONE_LEFT = (
    (ClientLinking, ("client", "other")),
    (ClientNote, ("client",)),
    (ClientTrainer, ("client",)),
    (Identity, ("client",)),
    (ProfileImage, ("client",)),
    (StoredCard, ("client",)),
    (WaitingListEntry, ("client",)),
    (ClientMessage, ("client",)),
    (Notification, ("client",)),
    (LogEntry, ("client", "other")),
    (Booking, ("booked_by",)),
    (Membership, ("paid_by",)),
    (Package, ("paid_by",)),
    (Invoice, ("paid_by",)),
)


def left_behind(erased: set[int]) -> list[str]:
    """What stands on erased clients and may not, in words. Asks the tables themselves, not the engine."""
    said = []
    people = Client.objects.filter(pk__in=erased)
    living = people.exclude(status="deleted").count()
    marks = ErasedMark.objects.filter(subject="clients.client", key__in=[str(key) for key in erased]).count()
    if living or marks != len(erased):
        said.append(f"{living} of {len(erased)} are not erased, {marks} are marked")
    upcoming = Booking.objects.filter(client__in=erased, status="booked", session__starts_at__gt=timezone.now())
    if live := upcoming.count():
        said.append(f"{live} live bookings")
    counted = [
        (model.objects.filter(**{f"{column}__in": erased}).count(), f"{model._meta.label} by {column}")
        for model, columns in NONE_LEFT
        for column in columns
    ]
    said += [f"{rows} {where}" for rows, where in counted if rows]
    return [*said, *_overbooked()]


def _overbooked() -> Sequence[str]:
    """Sessions with more places given and offered than there are; a race must not give one twice."""
    from clubhouse.schedule.selectors import with_taken

    rows = with_taken(Session.objects.all(), timezone.now()).values_list("pk", "capacity", "taken")
    return [f"session {pk} has {taken} of {capacity} places taken" for pk, capacity, taken in rows if taken > capacity]


def _canaries() -> set[str]:
    """The tables in whose dump a canary stands."""
    found, table = set(), ""
    for line in logical_dump(connection).lower().split(b"\n"):
        if named := re.match(rb'(?:insert into|copy) "?([\w.]+)', line):
            table = named[1].decode()
        if CANARY.encode() in line:
            found.add(table)
    return found
