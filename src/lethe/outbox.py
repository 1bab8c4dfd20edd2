"""The outbox: what an erasure owes the world outside the database, recorded inside its transaction, done after commit.

The row in ``lethe_effect`` alone holds lease, retry and receipt; there is no second queue that could disagree with it.
A worker takes a few rows by lease, does them, writes the receipt and scrubs the payload. An effect that fails is tried
again with growing delays and never given up. A handler must be idempotent: after a crash it is called again.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

from django.db import close_old_connections, connections, transaction
from django.db.models import Q
from django.utils import timezone

from lethe.cleaning import owe
from lethe.exceptions import LetheError
from lethe.models import Effect
from lethe.points import reached

log = logging.getLogger("lethe.outbox")

Handler = Callable[[dict[str, Any]], dict[str, Any] | None]
Periodic = Callable[[datetime.datetime], None]

#: Longest that one effect may take before another worker may try it.
LEASE = datetime.timedelta(minutes=2)
#: Delay before the second try; doubled each time up to the longest.
FIRST_DELAY, LONGEST_DELAY = datetime.timedelta(seconds=2), datetime.timedelta(hours=6)
#: How many effects a worker leases at once.
TAKE = 20

_handlers: dict[str, Handler] = {}
_periodic: dict[str, tuple[float, Periodic]] = {}
#: The effect that is being done in this thread.
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


def handler(kind: str) -> Callable[[Handler], Handler]:
    """Register the function that does effects of ``kind``. It takes the payload and returns a receipt without
    identifiers, or ``None``; it raises :class:`Retry`, or anything, to be called again later."""

    def decorate(function: Handler) -> Handler:
        known = _handlers.setdefault(kind, function)
        if known is not function:
            raise LetheError(
                f"Two handlers for effects of kind {kind!r}: {known.__module__} and {function.__module__}."
            )
        return function

    return decorate


def handled(kind: str) -> bool:
    """Whether some app does effects of ``kind``."""
    return kind in _handlers


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
    """The effect that is being done in this thread: for a handler that has to know which run it belongs to."""
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
        return cursor.fetchone()[0]


def take(*, limit: int = TAKE, using: str = "default") -> list[Effect]:
    """Lease effects that are due, oldest first. Workers never get the same one while the lease lasts."""
    now, lease = clock(using), secrets.token_hex(16)
    effects = Effect.objects.using(using)
    with transaction.atomic(using=using):
        due = effects.filter(waiting(now)).order_by("next_try_at", "pk")
        if connections[using].features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        keys = list(due.values_list("pk", flat=True)[:limit])
        if not keys:
            return []
        taken = effects.filter(waiting(now), pk__in=keys).update(leased_until=now + LEASE, lease=lease)
    reached("effects leased")
    return list(effects.filter(lease=lease).order_by("next_try_at", "pk")) if taken else []


def release(effect: Effect, *, using: str = "default") -> None:
    """Give back what was leased together with this effect and is not done, so that no one waits for the lease's end."""
    effects = Effect.objects.using(using).filter(lease=effect.lease, done_at=None)
    effects.update(lease="", leased_until=None)


def perform(effect: Effect, *, using: str = "default") -> bool:
    """Do one leased effect; returns whether it is done. Never raises: a failure is on the row, and tried again."""
    attempts = effect.attempts + 1
    mine = Effect.objects.using(using).filter(pk=effect.pk, lease=effect.lease, done_at=None)
    # Written before the deed, so that a worker that dies in it has left its trace, and the effect that killed it comes
    # after all that waited beside it.
    until = clock(using) + LEASE
    if not mine.update(attempts=attempts, leased_until=until, next_try_at=until + delay(attempts)):
        return False
    reached("try counted")
    token = _performing.set(effect)
    try:
        function = _handlers.get(effect.kind)
        if function is None:
            raise Unknown(f"No handler for {effect.kind!r} is registered in any app's effects.py.")
        receipt = json.loads(json.dumps(function(effect.payload) or {}))
        reached("deed done")
    except NotYet as wait:
        mine.update(attempts=effect.attempts, lease="", leased_until=None, next_try_at=wait.until)
        return False
    except Exception as error:
        cause = str(error)[:200] if isinstance(error, LetheError) else type(error).__name__
        mine.update(last_error=cause, lease="", leased_until=None, next_try_at=clock(using) + delay(attempts))
        log.warning("Effect %s (%s) failed at try %s: %s", effect.pk, effect.kind, attempts, cause)
        return False
    finally:
        _performing.reset(token)
    now = timezone.now()
    with transaction.atomic(using=using):
        scrubbed = {"payload": {}, "scrubbed_at": now}
        done = mine.update(done_at=now, receipt=receipt, lease="", leased_until=None, last_error="", **scrubbed)
        if done and effect.run_id and effect.payload:
            # The identifiers that this row held are in the database's free pages now.
            owe(using)
    reached("receipt written")
    return True


def delay(attempts: int) -> datetime.timedelta:
    """How long to wait after so many tries: doubled each time, with jitter, never over :data:`LONGEST_DELAY`."""
    base = min(FIRST_DELAY * 2 ** min(attempts - 1, 20), LONGEST_DELAY)
    return base * random.uniform(0.8, 1.2)  # noqa: S311 (jitter, not a secret)


def drain(*, using: str = "default", limit: int = 10_000) -> int:
    """Do everything that is due, now, in this process; returns how many effects were done. For tests and commands."""
    done = 0
    while done < limit:
        effects = take(using=using)
        if not effects:
            return done
        done += sum(perform(effect, using=using) for effect in effects)
    return done


def work(stop: Callable[[], bool], *, using: str = "default", pause: float = 0.5) -> None:
    """Take and do effects, and call periodic functions, until ``stop()``. Survives a database that goes away."""
    last = dict.fromkeys(_periodic, 0.0)
    while not stop():
        busy = False
        with _surviving():
            close_old_connections()
            for effect in take(using=using):
                busy = True
                if stop():
                    release(effect, using=using)
                    return
                perform(effect, using=using)
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
