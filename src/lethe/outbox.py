"""The outbox: what an erasure owes the world outside the database, recorded inside its transaction, done after commit.

The row in ``lethe_effect`` alone holds lease, retry and receipt; there is no second queue that could disagree with it.
A worker takes a few rows by lease, does them, writes the receipt and scrubs the payload. An effect that fails is tried
again with growing delays and never given up. A handler must be idempotent: after a crash it is called again.

Effects of a kind whose handler says ``together`` are done many at once, with as many statements as one needs. Each
still has its own lease, tries, error and receipt.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from django.db import close_old_connections, connections, transaction
from django.db.models import F, Q
from django.utils import timezone

from lethe.cleaning import owe
from lethe.exceptions import LetheError
from lethe.models import Effect
from lethe.points import reached
from lethe.tally import count_done, count_failures
from lethe.tries import LONGEST_DELAY, each, later

if TYPE_CHECKING:
    from django.db.models import QuerySet

log = logging.getLogger("lethe.outbox")

Handler = Callable[[dict[str, Any]], dict[str, Any] | None]
Answer = dict[str, Any] | None | Exception
#: Takes payloads, and what it calls between its steps so that the lease lasts; answers for each payload, in order.
Together = Callable[[Sequence[dict[str, Any]], Callable[[], None]], Sequence[Answer]]
Periodic = Callable[[datetime.datetime], None]

#: Longest that one effect, or one step of many, may take before another worker may try it.
LEASE = datetime.timedelta(minutes=2)
#: How many effects a worker leases at once, beside those that are done together with one of them.
TAKE = 20
#: After a worker has died in a turn, its effects are done in turns of so many times fewer: it was one of them, maybe.
FEWER = 32
#: Seconds of a turn after which it is asked, again and again, whether to stop.
ASK = 5

_handlers: dict[str, Any] = {}
_together: dict[str, int] = {}
_periodic: dict[str, tuple[float, Periodic]] = {}
#: The effect that is being done in this thread, if it is done alone.
_performing: ContextVar[Effect | None] = ContextVar("lethe_performing", default=None)


class Retry(LetheError):
    """The other side is not ready. The effect is tried again later; the cause is kept, so it must name no person."""


class NotYet(LetheError):
    """The effect waits on purpose, until ``until``: no try is counted, and it has not failed."""

    def __init__(self, until: datetime.datetime) -> None:
        super().__init__("It waits on purpose.")
        self.until = until


class Unknown(LetheError):
    """No handler is registered for this kind of effect. Register one with ``@handler`` in an app's ``effects.py``."""


def handler(kind: str, *, together: int = 1) -> Callable[[Any], Any]:
    """Register the function that does effects of ``kind``: a :data:`Handler`. It takes the payload and returns a
    receipt without identifiers, or ``None``; it raises :class:`Retry`, or anything, to be called again later.

    With ``together`` the function is a :data:`Together`: it is given up to so many payloads, and gives for each what a
    handler would return, or the exception that a handler would raise. What it raises is the answer for all of them.
    """

    def decorate(function: Any) -> Any:
        known = _handlers.setdefault(kind, function)
        if known is not function:
            raise LetheError(
                f"Two handlers for effects of kind {kind!r}: {known.__module__} and {function.__module__}."
            )
        if together > 1:
            _together[kind] = together
        return function

    return decorate


def handled(kind: str) -> bool:
    """Whether some app does effects of ``kind``."""
    return kind in _handlers


def kinds() -> list[str]:
    """The kinds of effects that some app does."""
    return sorted(_handlers)


def periodic(*, seconds: float) -> Callable[[Periodic], Periodic]:
    """Register a function of "now" that a worker calls about every so many seconds."""

    def decorate(function: Periodic) -> Periodic:
        _periodic[f"{function.__module__}.{function.__qualname__}"] = (seconds, function)
        return function

    return decorate


def record(kind: str, payload: dict[str, Any], *, run: Any = None, using: str = "default") -> Effect:
    """Record an effect in the transaction that is open."""
    return Effect.objects.using(using).create(kind=kind, payload=payload, run_id=run)


def record_all(kind: str, payloads: Sequence[dict[str, Any]], *, using: str = "default") -> None:
    """Record an effect for each payload in the transaction that is open. Nothing is done for an empty list."""
    Effect.objects.using(using).bulk_create([Effect(kind=kind, payload=payload) for payload in payloads])


def performing() -> Effect | None:
    """The effect that is being done in this thread: for a handler that has to know which run it belongs to, and does
    its effects one by one."""
    return _performing.get()


def keep(**more: Any) -> None:
    """Add to the payload of the effect that is being done, so that its next try finds it; it is scrubbed with the rest.

    For what the other side has called a thing that was begun there. Outside of a handler it does nothing.
    """
    effect = _performing.get()
    if effect is not None:
        effect.payload |= more
        Effect.objects.using(effect._state.db).filter(pk=effect.pk, done_at=None).update(payload=effect.payload)


def waiting(now: datetime.datetime) -> Q:
    """Effects that may be taken now: not done, due, and leased by no living worker.

    A lease that ends later than any can, or a next try later than the longest delay, was written by a clock that was
    wrong, and holds nobody up.
    """
    due = Q(next_try_at__lte=now) | Q(attempts__gt=0, next_try_at__gt=now + 2 * LEASE + 1.2 * LONGEST_DELAY)
    free = Q(leased_until=None) | Q(leased_until__lt=now) | Q(leased_until__gt=now + 2 * LEASE)
    return Q(done_at=None) & due & free


def clock(using: str) -> datetime.datetime:
    """The time that all workers share: the database server's, or this machine's where the database is a file on it."""
    if connections[using].vendor != "postgresql":
        return timezone.now()
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime.datetime = cursor.fetchone()[0]
        return moment


def take(*, limit: int = TAKE, using: str = "default") -> list[Effect]:
    """Lease effects that are due, oldest first. Workers never get the same one while the lease lasts.

    With one of a kind that is done together come all that are due of it, up to the number that its handler takes.
    """
    now, lease = clock(using), secrets.token_hex(16)
    effects = Effect.objects.using(using)
    with transaction.atomic(using=using):
        due = effects.filter(waiting(now)).order_by("next_try_at", "pk")
        if connections[using].features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        columns = ("pk", "kind", "attempts", "leased_until")
        found = list(due.values_list(*columns)[:limit])
        for kind in {kind for _, kind, *_ in found} & _together.keys():
            found += due.filter(kind=kind).values_list(*columns)[: _together[kind]]
        if not found:
            return []
        keys = {key for key, *_ in found}
        taken = effects.filter(waiting(now), pk__in=keys).update(leased_until=now + LEASE, lease=lease)
    reached("effects leased")
    mine = list(effects.filter(lease=lease).order_by("next_try_at", "pk")) if taken else []
    # A lease that ran out after a try was counted: nobody lived to say what came of it.
    died = {key for key, _, attempts, until in found if attempts and until is not None}
    for effect in mine:
        effect.worker_died = effect.pk in died
    return mine


def turns(effects: Sequence[Effect]) -> list[list[Effect]]:
    """Leased effects as they are to be done: those of a kind that goes together in one turn, each other alone.

    The long turns come after the others, so that no effect waits for a thousand. Where a worker died in a turn, its
    effects come last and in smaller ones, after the next death alone: what kills a worker does not hold up the others.
    """
    found: list[tuple[int, list[Effect]]] = []
    filling: dict[tuple[str, int], list[Effect]] = {}
    for effect in effects:
        deaths = effect.attempts if effect.worker_died else 0
        most = max(1, _together.get(effect.kind, 1) // FEWER**deaths)
        turn = filling.get((effect.kind, deaths))
        if turn is None or len(turn) >= most:
            turn = filling[effect.kind, deaths] = []
            found.append((deaths, turn))
        turn.append(effect)
    return [turn for _, turn in sorted(found, key=lambda one: (one[0], len(one[1]) > TAKE))]


def release(effect: Effect, *, using: str = "default") -> None:
    """Give back what was leased together with this effect and is not done, so that no one waits for the lease's end."""
    effects = Effect.objects.using(using).filter(lease=effect.lease, done_at=None)
    effects.update(lease="", leased_until=None)


def perform(effect: Effect, *, using: str = "default") -> bool:
    """Do one leased effect; returns whether it is done. Never raises: a failure is on the row, and tried again."""
    return perform_turn([effect], using=using) == 1


def perform_turn(effects: Sequence[Effect], *, using: str = "default", stop: Callable[[], bool] = lambda: False) -> int:
    """Do leased effects of one kind; returns how many are done. A failure is on the row of the effect that failed.

    Once ``stop()`` says so, a turn of many ends between two steps; what it has not done waits for the next worker.
    """
    kind, mine = effects[0].kind, Effect.objects.using(using).filter(lease=effects[0].lease, done_at=None)
    # Written before the deed, so that a worker that dies in it has left its trace, and the effect that killed it comes
    # after all that waited beside it.
    until = clock(using) + LEASE
    ours = mine.filter(pk__in=[effect.pk for effect in effects])
    held = ours.update(attempts=F("attempts") + 1, leased_until=until, next_try_at=later(until, tries=1))
    if held < len(effects):
        # The lease of the others had ended, and somebody else has them.
        still = set(ours.values_list("pk", flat=True))
        effects = [effect for effect in effects if effect.pk in still]
    if not effects:
        return 0
    reached("try counted")
    answers = _answers(kind, effects, _working(ours, using, stop))
    receipts: dict[int, Any] = {}
    failed: dict[int, Exception] = {}
    for effect, answer in zip(effects, answers, strict=True):
        try:
            if isinstance(answer, Exception):
                raise answer
            receipts[effect.pk] = json.loads(json.dumps(answer or {}))
        except Exception as error:
            failed[effect.pk] = error
    if receipts:
        reached("deed done")
        now = timezone.now()
        with transaction.atomic(using=using):
            scrubbed = {"payload": {}, "scrubbed_at": now, "lease": "", "leased_until": None, "last_error": ""}
            done = mine.filter(pk__in=receipts).update(done_at=now, receipt=each(receipts, using), **scrubbed)
            if done and any(effect.run_id and effect.payload for effect in effects if effect.pk in receipts):
                # The identifiers that these rows held are in the database's free pages now.
                owe(using)
            # Last: workers wait for each other at this row until they commit. Some may be somebody else's by now.
            waited = [now - effect.created_at for effect in effects if effect.pk in receipts][:done]
            count_done(kind, *waited, using=using)
        reached("receipt written")
    if failed:
        _note(kind, failed, mine, using)
    # A handler may have settled its row itself, as a cleaning settles all that were owed when it began.
    return len(receipts)


def _answers(kind: str, effects: Sequence[Effect], working: Callable[[], None]) -> Sequence[Answer]:
    """What the handler answers for each effect; what it raises is its answer for all."""
    payloads = [effect.payload for effect in effects]
    try:
        function = _handlers.get(kind)
        if function is None:
            raise Unknown(f"No handler for {kind!r} is registered in any app's effects.py.")
        if kind not in _together:
            return [_alone(function, effect) for effect in effects]
        answers = function(payloads, working)
        if len(answers) != len(payloads):
            raise LetheError(f"The handler answered for {len(answers)} of {len(payloads)} effects.")
    except Exception as error:
        return [error] * len(payloads)
    return list(answers)


def _alone(function: Handler, effect: Effect) -> Answer:
    token = _performing.set(effect)
    try:
        return function(effect.payload)
    finally:
        _performing.reset(token)


def _working(ours: QuerySet[Effect], using: str, stop: Callable[[], bool]) -> Callable[[], None]:
    """What a handler calls between its steps: the lease begins anew, once a quarter of it is over. Raises
    :class:`NotYet` where the worker has been told to stop."""
    renewed = asked = time.monotonic()

    def working() -> None:
        nonlocal renewed, asked
        now = time.monotonic()
        if now - asked >= ASK:
            asked = now
            if stop():
                raise NotYet(clock(using))
        if now - renewed >= LEASE.total_seconds() / 4:
            renewed = now
            ours.update(leased_until=clock(using) + LEASE)

    return working


def _note(kind: str, failed: dict[int, Exception], mine: QuerySet[Effect], using: str) -> None:
    """Write on the rows what came of those that are not done, and when each is tried again."""
    free = {"lease": "", "leased_until": None}
    waits = {key: error.until for key, error in failed.items() if isinstance(error, NotYet)}
    for until in set(waits.values()):
        wait = [key for key, other in waits.items() if other == until]
        mine.filter(pk__in=wait).update(attempts=F("attempts") - 1, next_try_at=until, **free)
    causes = {
        key: str(error)[:200] if isinstance(error, LetheError) else type(error).__name__
        for key, error in failed.items()
        if key not in waits
    }
    if not causes:
        return
    again = {"last_error": each(causes, using), "next_try_at": later(clock(using), tries=0)}
    with transaction.atomic(using=using):
        count_failures(kind, mine.filter(pk__in=causes).update(**again, **free), using=using)
    for cause, count in Counter(causes.values()).items():
        first = next(key for key, other in causes.items() if other == cause)
        log.warning("Effect %s (%s)%s failed: %s", first, kind, f" and {count - 1} more" if count > 1 else "", cause)


def drain(*, using: str = "default", limit: int = 10_000) -> int:
    """Do everything that is due, now, in this process; returns how many effects were done. For tests and commands."""
    done = 0
    while done < limit:
        effects = take(using=using)
        if not effects:
            return done
        done += sum(perform_turn(turn, using=using) for turn in turns(effects))
    return done


def work(stop: Callable[[], bool], *, using: str = "default", pause: float = 0.5) -> None:
    """Take and do effects, and call periodic functions, until ``stop()``. Survives a database that goes away."""
    last = dict.fromkeys(_periodic, 0.0)
    while not stop():
        busy = False
        with _surviving():
            close_old_connections()
            for turn in turns(take(using=using)):
                busy = True
                if stop():
                    release(turn[0], using=using)
                    return
                perform_turn(turn, using=using, stop=stop)
        for name, (seconds, function) in _periodic.items():
            if not stop() and time.monotonic() - last[name] >= seconds:
                last[name] = time.monotonic()
                with _surviving():
                    function(timezone.now())
        if not busy:
            time.sleep(pause)


@contextlib.contextmanager
def _surviving() -> Iterator[None]:
    """Report a failure by its kind alone (its text may quote a row) and go on."""
    try:
        yield
    except Exception as error:
        log.error("The worker met %s and goes on.", type(error).__name__)
        with contextlib.suppress(Exception):
            for connection in connections.all():
                connection.close_if_unusable_or_obsolete()
        time.sleep(1)
