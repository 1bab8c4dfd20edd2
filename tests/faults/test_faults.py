"""Rules 1, 2 and 6 under faults, bounded: each named point once, each outside part once. ``bin/faults`` does more runs.

After each run either nothing has happened or everything is done in the end; every effect exactly once as the other side
sees it; the client was not told; no receipt without the deed; nothing of the person is left in a dump.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from lethe.points import POINTS
from tests.faults.faults import ERASING, WORKING, Scenario
from tests.faults.gates import MODES
from tests.faults.outside import PARTS

if TYPE_CHECKING:
    from tests.faults.house import House


#: So that the database is there to be copied; the runs have copies of their own.
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: Any) -> Iterator[House]:
    """Everything the runs need, made from the tests' own migrated database."""
    from django.db import connection, connections

    from tests.faults.ground import contents
    from tests.faults.house import Verdict, house

    with django_db_blocker.unblock():
        migrated, vendor = contents(connection), connection.vendor
        connections.close_all()
    with house(vendor, migrated) as whole:
        usual = Verdict(0, vendor)
        whole.run(Scenario(seed=0), usual)
        assert usual.failures == [], "without a fault"
        yield whole


def failures(made: House, scenario: Scenario) -> list[str]:
    """What did not hold in a run."""
    from tests.faults.house import Verdict

    verdict = Verdict(0, made.place.vendor)
    made.run(scenario, verdict)
    assert verdict.runs == 1
    wanted = sum(bool(fault) for fault in (scenario.erasing, scenario.working))
    assert verdict.faults.total() - len(scenario.gates) == wanted, f"a fault never came: {verdict.faults}"
    return verdict.failures


def at(point: str, nth: int = 1, kind: str = "kill", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "point": point, "nth": nth, **more}


@pytest.mark.parametrize("point", ERASING)
def test_the_process_that_erases_is_killed_and_then_the_worker(made: House, point: str) -> None:
    """In the web process at one half of the points, in a command's at the other; each of the worker's points too."""
    number = ERASING.index(point)
    working = WORKING[number % len(WORKING)]
    scenario = Scenario(
        seed=1,
        door="web" if number % 2 else "erase",
        bucket=number > len(WORKING),
        erasing=at(point),
        working=at(working, 1 if working in {"effects leased", "mail handed over"} else 3),
    )
    assert failures(made, scenario) == []


def test_every_point_is_one_of_them() -> None:
    assert {*ERASING, *WORKING} >= set(POINTS)
    assert len(ERASING) >= len(WORKING)


@pytest.mark.parametrize("turn", range(3))
def test_every_part_outside_fails_first(made: House, turn: int) -> None:
    """Each part in a way of its own, in each turn another: slow, down, rate-limited, wrong, garbage, answer lost."""
    gates = {part: (MODES[(number + 2 * turn) % len(MODES)], 2) for number, part in enumerate(PARTS)}
    assert failures(made, Scenario(seed=3, bucket=True, gates=gates)) == []


def test_the_disk_is_full(made: House) -> None:
    full = {"kind": "disk", "bytes": 60_000}
    assert failures(made, Scenario(seed=5, erasing=full, working=full)) == []


@pytest.mark.parametrize("hours", [-30, 30])
def test_the_clock_moves(made: House, hours: int) -> None:
    """A worker whose clock is wrong dies with effects in hand; those after it have the right time again."""
    moved = at("try counted", 2, hours=hours)
    if hours < 0 and made.place.vendor == "SQLite":
        # There the machine's clock is all there is: to a worker that is a day behind nothing is due, and it takes none.
        moved = {"kind": "clock", "hours": hours}
    assert failures(made, Scenario(seed=6, erasing={"kind": "clock", "hours": hours}, working=moved)) == []


def test_connections_are_cut_and_the_server_restarts(made: House) -> None:
    """On SQLite there is neither; there it is the same run without."""
    if made.place.vendor != "PostgreSQL":
        assert made.place.postmaster() == 0
        return
    cut, restart = at("steps run", kind="cut"), at("deed done", kind="restart", how="SIGQUIT")
    assert failures(made, Scenario(seed=7, erasing=cut, working=restart)) == []
    starts = made.place.starts
    assert starts > 1, "the server was really away"
    fast = at("marked and recorded", kind="restart", how="SIGINT")
    assert failures(made, Scenario(seed=8, door="web", erasing=fast, working=at("receipt written", 2, "cut"))) == []
    assert made.place.starts == starts + 1


# --- the suite can fail -----------------------------------------------------------------------------------------------
def test_what_does_not_hold_is_seen(made: House) -> None:
    """A deed that was undone, a mail that came twice and a client who was told are each found."""
    from tests.faults.house import _Run

    run = _Run(made, Scenario(seed=9))
    run.do("dress")
    run.do("erase")
    run.do("work")
    run.finish()
    seen = run.look(quick=False)
    run.end(seen)
    assert run.found == []
    sink, media = made.outer.sink, run.media
    (media / made.world["files"][0]).write_bytes(b"back again")
    first = sink.envelopes[0]
    first.content = bytes(first.content or b"").replace(b"Message-ID: <", b"Message-ID: <again")
    sink.envelopes.append(first)
    first.rcpt_tos.append(made.world["addresses"][0])
    run.end(seen | {"broken": ["one"], "canaries": ["email"]})
    said = [what for _, what in run.found]
    assert any("receipts of file.delete, 2 deeds" in what for what in said)
    assert "the client was told" in said
    assert any(what.startswith("broken foreign keys") for what in said)
    assert any(what.startswith("left in the dump") for what in said)
