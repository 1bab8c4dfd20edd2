"""Making tasks, in the erasure that leaves them, and ticking them off: as many statements for one as for all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from clubhouse.sets import Keys, insert_all
from clubhouse.tasks import selectors
from clubhouse.tasks.models import Task
from clubhouse.team.models import StaffMember


def open_tasks(wanted: Iterable[tuple[str, int]], *, now: datetime.datetime, using: str = "default") -> int:
    """Make a task for each (kind, client key) that has none open; returns how many. Two statements.

    The clients are locked by whoever calls it, with ``hold_clients``.
    """
    pairs = sorted({(str(kind), client) for kind, client in wanted})
    if not pairs:
        return 0
    known = Task.objects.using(using).filter(client_id__in=Keys(client for _, client in pairs), done_at=None)
    there = set(known.values_list("kind", "client_id"))
    rows = [Task(kind=kind, client_id=client, created_at=now) for kind, client in pairs if (kind, client) not in there]
    return len(insert_all(rows, using=using))


def finish(task: Task, *, by: StaffMember, now: datetime.datetime) -> bool:
    """Tick a task off by hand; returns False where it was done already. One statement."""
    same = Task.objects.filter(kind=task.kind, client_id=task.client_id, done_at=None)
    return bool(same.update(done_at=now, done_by=by))


def tick_settled(now: datetime.datetime, using: str = "default") -> int:
    """Tick off what has settled itself; returns how many. One statement."""
    done = Task.objects.using(using).filter(selectors.settled(now), done_at=None)
    return Task.objects.using(using).filter(pk__in=done.values("pk")).update(done_at=now)
