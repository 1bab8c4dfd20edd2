"""How long an erasure takes: the engine beside the same writes by hand, and beside a loop over objects.

    bin/bench                      both databases
    .venv/bin/python bench/erasure.py --clients 60 --batches 1000,10000

Everything runs in one process, in turns, so that a busy machine is busy for all of them; what counts are the ratios to
the hand-written SQL.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import ground

if TYPE_CHECKING:
    from bench.members import Members

Way = Callable[[list[int]], object]


class Clock(NamedTuple):
    """Seconds by the wall, and seconds of processor that this process and its database process used.

    The second does not mind who else is on the machine. The server's is from Linux's scheduler; elsewhere it is zero.
    """

    elapsed: float
    busy: float

    @classmethod
    def now(cls) -> Clock:
        """The time."""
        return cls(time.perf_counter(), time.process_time() + _used(_server()))

    def __sub__(self, other: Clock) -> Clock:
        return Clock(self.elapsed - other.elapsed, self.busy - other.busy)


def _used(process: str) -> float:
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def _server() -> str:
    """The database's process for this connection; none for SQLite, which runs in this one."""
    from django.db import connection

    raw = connection.connection
    return str(raw.info.backend_pid) if connection.vendor == "postgresql" and raw is not None else "none"


def main(arguments: list[str]) -> int:
    """Measure and print; 0 where every way left nothing behind."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=60, help="Erased one by one in each way (60).")
    parser.add_argument("--batches", default="1000,10000", help="Clients erased at once (1000,10000); 0 for none.")
    parser.add_argument("--profile", action="store_true", help="Show where the engine's own time goes.")
    options = parser.parse_args(arguments)
    ground.set_up()
    from bench import by_hand, naive
    from bench.cast import make_world
    from bench.members import Members

    with ground.database() as vendor:
        by_hand.prepare()
        members = Members(make_world())
        ways: dict[str, Way] = {"engine": _engine, "by hand": by_hand.forget, "loop over objects": naive.forget}
        _warm(ways, members)
        print(f"{vendor}, one client at a time, {options.clients} in each way, in turns:", flush=True)
        _one_by_one(ways, members, options.clients)
        if options.profile:
            _profiled(members.take(options.clients))
        for size in [int(size) for size in options.batches.split(",") if int(size)]:
            print(f"{vendor}, {size:,} clients at once, for each client:", flush=True)
            _at_once({name: ways[name] for name in ("engine", "by hand")}, members, size)
    return 0


def _engine(ids: list[int]) -> None:
    from clubhouse.clients.models import Client
    from lethe import pipeline

    outcome = pipeline.erase(Client, ids, by="role:bench", reason="bench")
    if outcome.erased != len(ids):
        raise SystemExit("The engine refused some of them, so the figures mean nothing.")


def _in_batches(way: Way, ids: list[int]) -> None:
    """By hand in transactions of the same size as the engine's."""
    from lethe.preview import batches

    for part in batches(ids, "default"):
        way(part)


def _warm(ways: dict[str, Way], members: Members) -> None:
    """A few of each before the clock runs, and a look at what they left behind."""
    from bench.racing import left_behind

    for name, way in ways.items():
        ids = members.take(6)
        for key in ids:
            way([key])
        if said := left_behind(set(ids)):
            raise SystemExit(f"{name} left something behind: {'; '.join(said)}.")


def _one_by_one(ways: dict[str, Way], members: Members, clients: int) -> None:
    names = list(ways)
    lots = {name: members.take(clients) for name in names}
    took: dict[str, list[Clock]] = {name: [] for name in names}
    gc.disable()
    for turn in range(clients):
        # Whoever goes first pays for the other's dirty pages, so each goes first in turn.
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            started = Clock.now()
            ways[name]([lots[name][turn]])
            took[name].append(Clock.now() - started)
    gc.enable()
    for name in names:
        _say(name, *(statistics.median(_column(took[name], at)) for at in (0, 1)), *_ratios(took, name))


def _column(clocks: list[Clock], at: int) -> list[float]:
    return [clock[at] for clock in clocks]


def _ratios(took: dict[str, list[Clock]], name: str) -> list[float]:
    """The median of the turns' ratios to the hand-written SQL: elapsed, and processor time."""
    pairs = list(zip(took[name], took["by hand"], strict=True))
    return [statistics.median(mine[at] / theirs[at] for mine, theirs in pairs if theirs[at]) for at in (0, 1)]


def _say(name: str, elapsed: float, busy: float, ratio: float, busy_ratio: float) -> None:
    print(
        f"  {name:<18} {elapsed * 1000:9.3f} ms {ratio:7.2f} x   processor {busy * 1000:9.3f} ms {busy_ratio:7.2f} x",
        flush=True,
    )


def _at_once(ways: dict[str, Way], members: Members, size: int) -> None:
    took: dict[str, Clock] = {}
    for name, way in ways.items():
        ids = members.take(size)
        started = Clock.now()
        way(ids) if name == "engine" else _in_batches(way, ids)
        took[name] = Clock.now() - started
    hand = took["by hand"]
    for name, clock in took.items():
        _say(name, clock.elapsed / size, clock.busy / size, clock.elapsed / hand.elapsed, clock.busy / hand.busy)


def _profiled(ids: list[int]) -> None:
    profile = cProfile.Profile()
    profile.enable()
    for key in ids:
        _engine([key])
    profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
