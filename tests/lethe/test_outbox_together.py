"""Effects that are done together: as many statements as one needs, and each as safe as if it were alone."""

from __future__ import annotations

import datetime
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lethe import outbox
from lethe.models import Effect, Run
from lethe.outbox import LEASE, drain, perform, perform_turn, record, record_all, take, turns, work
from lethe.points import armed
from tests.lethe.support import process

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the shop's handler writes."""
    return tmp_path / "written"


def many(file: Path, lines: list[str], **more: Any) -> list[Effect]:
    """Effects that are done together, each of which leaves a line in the file."""
    return [record("shop.many", {"file": str(file), "line": line} | more) for line in lines]


def lines(file: Path) -> list[str]:
    """What was written."""
    return file.read_text().splitlines() if file.exists() else []


def past() -> None:
    """Let every lease and every waiting time be over."""
    then = timezone.now() - datetime.timedelta(seconds=1)
    Effect.objects.filter(leased_until__isnull=False).update(leased_until=then)
    Effect.objects.update(next_try_at=then)


# --- one turn ---------------------------------------------------------------------------------------------------------
def test_each_has_its_own_receipt(file: Path) -> None:
    effects = many(file, ["a", "bb", "ccc"])
    assert drain() == 3
    assert lines(file) == ["a", "bb", "ccc"]
    for effect in effects:
        line = len(effect.payload["line"])
        effect.refresh_from_db()
        assert effect.receipt == {"written": True, "line": line, "beside": 2}
        assert (effect.payload, effect.lease, effect.leased_until, effect.attempts) == ({}, "", None, 1)
        assert effect.done_at is not None
        assert effect.scrubbed_at is not None
    assert drain() == 0


def test_statements_do_not_grow_with_the_effects(file: Path) -> None:
    counts = []
    for number in (2, 90):
        mixed = [*(["done"] * (number // 2)), *(["fail"] * (number // 2))]
        record_all("shop.many", [{"file": str(file), "line": f"{n}", "do": do} for n, do in enumerate(mixed)])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            (turn,) = turns(take())
            perform_turn(turn)
        assert len(turn) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_a_turn_has_no_more_than_the_handler_takes_and_a_long_one_comes_last(file: Path) -> None:
    payload = {"file": str(file), "line": "x"}
    record_all("shop.many", [payload] * 5)
    record("shop.write", payload)
    (first, second) = turns(take())
    assert [len(first), len(second), second[0].kind] == [5, 1, "shop.write"], "a short one has its own place"
    record_all("shop.many", [payload] * 145)
    past()
    assert [[effect.kind for effect in turn] for turn in turns(take())] == [["shop.write"], ["shop.many"] * 100]
    past()
    assert drain() == 151
    receipts = Effect.objects.filter(kind="shop.many").values_list("receipt", flat=True)
    assert Counter(receipt["beside"] for receipt in receipts) == {99: 100, 49: 50}


def test_those_of_an_erasure_owe_one_cleaning_of_the_bytes(file: Path, settings: SettingsWrapper) -> None:
    settings.LETHE_CLEAN_AT = "03:30"
    run = Run.objects.create(subject="shop.customer", subjects=1, plan="p", counts={}, reason="r", by="tests")
    for line in ("a", "b"):
        record("shop.many", {"file": str(file), "line": line}, run=run.pk)
    (turn,) = turns(take())
    assert perform_turn(turn) == 2
    assert Effect.objects.filter(kind="bytes.clean").count() == 1


# --- failing ----------------------------------------------------------------------------------------------------------
def test_one_that_fails_neither_fails_nor_holds_up_the_others(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = many(file, ["a", "b"])
    bad = many(file, ["Ada Lovelace"], do="fail")[0]
    closed = [many(file, [day], do="retry")[0] for day in ("Monday", "Tuesday")]
    strange = many(file, ["s"], do="strange")[0]
    until = timezone.now() + datetime.timedelta(hours=3)
    wait = many(file, ["w"], do="wait", until=until.isoformat())[0]
    Effect.objects.filter(pk=closed[0].pk).update(attempts=7)
    before = timezone.now()
    assert drain() == 2
    assert lines(file) == ["a", "b"]
    seen = {effect.pk: effect for effect in Effect.objects.all()}
    assert {pk: effect.last_error for pk, effect in seen.items()} == {
        **{effect.pk: "" for effect in good},
        bad.pk: "ValueError",
        closed[0].pk: "The bank is closed until Monday.",
        closed[1].pk: "The bank is closed until Tuesday.",
        strange.pk: "TypeError",
        wait.pk: "",
    }
    assert {effect.attempts for effect in seen.values() if effect.done_at} == {1}
    assert [seen[one.pk].attempts for one in (bad, closed[0], closed[1], strange, wait)] == [1, 8, 1, 1, 0]
    assert all((effect.lease, effect.leased_until) == ("", None) for effect in seen.values())
    assert seen[wait.pk].next_try_at == until
    # Each waits as long as its own tries ask for.
    assert 0.8 * 2 <= (seen[bad.pk].next_try_at - before).total_seconds() <= 1.2 * 2 + 5
    assert 0.8 * 256 <= (seen[closed[0].pk].next_try_at - before).total_seconds() <= 1.2 * 256 + 5
    assert seen[bad.pk].payload["line"] == "Ada Lovelace"
    assert "Ada" not in caplog.text
    assert "shop.many" in caplog.text


def test_what_the_handler_raises_is_the_answer_for_all(file: Path) -> None:
    many(file, ["a", "b"])
    many(file, ["c"], all=True)
    assert drain() == 0
    assert set(Effect.objects.values_list("last_error", "attempts")) == {("The bank is closed to everybody.", 1)}


def test_a_handler_that_forgets_one_has_done_none(file: Path) -> None:
    """Whose answers they are is not known then; all are tried again."""
    many(file, ["a", "b"])
    many(file, ["c"], do="vanish")
    assert drain() == 0
    assert set(Effect.objects.values_list("last_error", flat=True)) == {"The handler answered for 2 of 3 effects."}
    assert not Effect.objects.exclude(done_at=None).exists()


def test_longest_delays_do_not_end_the_tries(file: Path) -> None:
    for tries in (14, 15, 200):
        Effect.objects.filter(pk=many(file, ["x"], do="fail")[0].pk).update(attempts=tries)
    before = timezone.now()
    drain()
    for at in Effect.objects.values_list("next_try_at", flat=True):
        assert 0.8 * 6 <= (at - before).total_seconds() / 3600 <= 1.2 * 6 + 0.01


def let_time_fly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute passes between two looks at the clock."""
    real = outbox.time.monotonic
    passed = iter(range(0, 10_000, 60))
    monkeypatch.setattr(outbox.time, "monotonic", lambda: real() + next(passed))


# --- leases -----------------------------------------------------------------------------------------------------------
def test_the_lease_lasts_as_long_as_the_work(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many(file, ["a", "b", "c"])
    (turn,) = turns(take())
    ends = []
    let_time_fly(monkeypatch)

    def handler(payloads: Any, working: Any) -> list[Any]:
        for _ in payloads:
            Effect.objects.update(leased_until=timezone.now() + datetime.timedelta(seconds=1))
            working()
            ends.append(Effect.objects.values_list("leased_until", flat=True).distinct().get())
        return [None] * len(payloads)

    monkeypatch.setitem(outbox._handlers, "shop.many", handler)
    assert perform_turn(turn) == 3
    assert all(abs(end - timezone.now() - LEASE) < datetime.timedelta(seconds=10) for end in ends)
    assert len(ends) == 3


def test_what_somebody_else_has_taken_meanwhile_is_left_to_them(file: Path) -> None:
    first, second = many(file, ["a", "b"])
    slow = take()
    past()
    Effect.objects.filter(pk=second.pk).update(next_try_at=timezone.now() + datetime.timedelta(hours=1))
    (other,) = take()
    assert other.pk == first.pk
    assert perform_turn(slow) == 1
    assert lines(file) == ["b"]
    assert perform(other) is True
    assert perform_turn(slow) == 0
    assert lines(file) == ["b", "a"]


def test_a_worker_that_is_told_to_stop_gives_back_the_turns_that_it_did_not_begin(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "close_old_connections", lambda: None)
    record("shop.write", {"file": str(file), "line": "first"})
    many(file, ["a", "b"])
    work(lambda: lines(file) == ["first"])
    assert lines(file) == ["first"]
    assert Effect.objects.filter(done_at=None, lease="", leased_until=None, attempts=0).count() == 2


def test_a_worker_that_is_told_to_stop_ends_a_long_turn_between_two_steps(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "close_old_connections", lambda: None)
    let_time_fly(monkeypatch)
    many(file, [str(number) for number in range(50)])
    work(lambda: len(lines(file)) >= 2)
    assert lines(file) == ["0", "1"]
    assert Effect.objects.filter(done_at=None, lease="", leased_until=None, attempts=0, last_error="").count() == 50
    monkeypatch.undo()
    assert drain() == 50


@pytest.mark.django_db(transaction=True)
def test_workers_never_do_the_same_effect(file: Path) -> None:
    names = [f"effect {number}" for number in range(250)]
    record_all("shop.many", [{"file": str(file), "line": name} for name in names])
    start = threading.Barrier(3)

    def worker() -> int:
        start.wait(20)
        try:
            return drain()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        done = [future.result(60) for future in [pool.submit(worker) for _ in range(3)]]
    assert sum(done) == 250
    assert sorted(lines(file)) == sorted(names)


# --- a worker that dies -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_one_that_kills_its_worker_does_not_hold_up_the_others(file: Path) -> None:
    """The first worker dies with a hundred in hand, the second with three, the third with the one, after all others."""
    many(file, [f"{number}" for number in range(50)])
    poison = many(file, ["poison"], do="kill")[0]
    many(file, [f"{number}" for number in range(50, 99)])
    connection.close()
    for _ in range(3):
        assert process.run("worker", "--drain").returncode == 9
        past()
        poison.refresh_from_db()
    assert poison.attempts == 3
    assert set(Effect.objects.filter(done_at=None).values_list("pk", flat=True)) == {poison.pk}
    # Nobody was lost; who was in hand with it was done again.
    assert set(lines(file)) == {f"{number}" for number in range(99)}


def test_turns_are_smaller_after_a_death_and_not_after_a_failure(file: Path) -> None:
    many(file, [str(number) for number in range(70)])
    for attempts, died, sizes in (
        (0, True, [70]),  # Nothing had been begun.
        (1, False, [70]),
        (1, True, [*[3] * 23, 1]),
        (2, True, [1] * 70),
    ):
        past()
        leased = timezone.now() - datetime.timedelta(seconds=1) if died else None
        Effect.objects.update(attempts=attempts, leased_until=leased)
        assert [len(turn) for turn in turns(take())] == sizes


def test_every_point_is_reached_once_a_turn(file: Path) -> None:
    many(file, ["a", "b"])
    many(file, ["c"], do="fail")
    seen: list[str] = []
    with armed(seen.append):
        drain()
    assert seen == ["effects leased", "try counted", "deed done", "receipt written"]
