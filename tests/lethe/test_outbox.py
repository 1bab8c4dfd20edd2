"""The outbox: each effect is done by one worker, again after a failure, and scrubbed once done."""

from __future__ import annotations

import datetime
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, connections, transaction
from django.utils import timezone

from lethe import outbox, pipeline
from lethe.exceptions import LetheError
from lethe.models import Effect
from lethe.outbox import LEASE, drain, handler, perform, record, take, work
from lethe.tries import FIRST_DELAY, LONGEST_DELAY, delay
from tests.lethe.apps.shop.models import Customer
from tests.lethe.support import process
from tests.lethe.support.world import make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the shop's handler writes."""
    return tmp_path / "written"


def lines(file: Path) -> list[str]:
    """What was written."""
    return file.read_text().splitlines() if file.exists() else []


def past(effect: Effect, **more: Any) -> None:
    """Let an effect's lease and waiting time be over."""
    then = timezone.now() - datetime.timedelta(seconds=1)
    Effect.objects.filter(pk=effect.pk, leased_until__isnull=False).update(leased_until=then)
    Effect.objects.filter(pk=effect.pk).update(next_try_at=then, **more)


# --- leases -----------------------------------------------------------------------------------------------------------
def test_what_is_taken_is_not_taken_again_while_the_lease_lasts(file: Path) -> None:
    effects = [record("shop.write", {"file": str(file)}) for _ in range(3)]
    first = take(limit=2)
    assert [effect.pk for effect in first] == [effects[0].pk, effects[1].pk]
    assert [effect.pk for effect in take()] == [effects[2].pk]
    assert take() == []
    assert first[0].leased_until is not None
    assert abs(first[0].leased_until - timezone.now() - LEASE) < datetime.timedelta(seconds=10)


def test_a_worker_that_died_between_taking_and_doing(file: Path) -> None:
    effect = record("shop.write", {"file": str(file)})
    dead = take()[0]
    assert take() == []
    past(effect)
    living = take()[0]
    assert living.pk == dead.pk
    assert living.lease != dead.lease
    # The first was only slow, and comes back: it has lost the lease, and does nothing.
    assert perform(dead) is False
    assert lines(file) == []
    assert perform(living) is True
    assert perform(living) is False
    assert lines(file) == ["done"]


def test_what_is_not_due_yet_waits(file: Path) -> None:
    effect = record("shop.write", {"file": str(file)})
    Effect.objects.filter(pk=effect.pk).update(next_try_at=timezone.now() + datetime.timedelta(minutes=1))
    assert take() == []
    assert drain() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_take_the_same_effect(file: Path) -> None:
    names = [f"effect {number}" for number in range(60)]
    for name in names:
        record("shop.write", {"file": str(file), "line": name})
    start = threading.Barrier(4)

    def worker() -> list[int]:
        start.wait(20)
        mine = []
        try:
            while effects := take(limit=3):
                for effect in effects:
                    mine.append(effect.pk)
                    assert perform(effect)
        finally:
            connections.close_all()
        return mine

    with ThreadPoolExecutor(4) as pool:
        taken = [future.result(60) for future in [pool.submit(worker) for _ in range(4)]]
    assert sorted(lines(file)) == sorted(names)
    assert sum(map(len, taken)) == 60
    assert not Effect.objects.filter(done_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_an_effect_of_a_transaction_that_is_rolled_back_is_never_done(file: Path) -> None:
    with transaction.atomic():
        record("shop.write", {"file": str(file)})
        transaction.set_rollback(True)
    assert drain() == 0
    assert lines(file) == []


# --- failing ----------------------------------------------------------------------------------------------------------
def test_a_failure_is_kept_by_its_kind_and_tried_again_later() -> None:
    effect = record("shop.fails", {"name": "Ada Lovelace"})
    assert drain() == 0
    effect.refresh_from_db()
    assert (effect.attempts, effect.last_error, effect.lease, effect.leased_until) == (1, "ValueError", "", None)
    assert effect.payload == {"name": "Ada Lovelace"}
    assert effect.next_try_at > timezone.now()
    assert drain() == 0
    past(effect)
    assert drain() == 0
    effect.refresh_from_db()
    assert effect.attempts == 2


def test_the_log_names_no_one(caplog: pytest.LogCaptureFixture) -> None:
    record("shop.fails", {"name": "Ada Lovelace"})
    drain()
    assert "shop.fails" in caplog.text
    assert "Ada" not in caplog.text


def test_the_other_side_is_not_ready() -> None:
    effect = record("shop.fails", {"name": "x", "retry": True})
    assert drain() == 0
    effect.refresh_from_db()
    assert effect.last_error == "The bank is closed."


def test_an_unknown_kind_is_visible_and_waits_for_its_handler() -> None:
    effect = record("nobody.knows", {"a": 1})
    assert drain() == 0
    effect.refresh_from_db()
    assert effect.last_error == "No handler for 'nobody.knows' is registered in any app's effects.py."
    handler("nobody.knows")(lambda payload: {"a": payload["a"]})
    try:
        past(effect)
        assert drain() == 1
    finally:
        del outbox._handlers["nobody.knows"]
    effect.refresh_from_db()
    assert (effect.receipt, effect.last_error) == ({"a": 1}, "")


def test_an_answer_that_is_no_json_is_a_failure_and_stops_nobody(file: Path) -> None:
    strange = record("shop.strange", {})
    record("shop.write", {"file": str(file)})
    assert drain() == 1
    strange.refresh_from_db()
    assert (strange.last_error, strange.done_at) == ("TypeError", None)


def test_delays_double_and_end() -> None:
    for attempts, base in ((1, FIRST_DELAY), (2, 2 * FIRST_DELAY), (5, 16 * FIRST_DELAY), (200, LONGEST_DELAY)):
        drawn = [delay(attempts) for _ in range(50)]
        assert min(drawn) >= 0.8 * base
        assert max(drawn) <= 1.2 * base
        assert len(set(drawn)) > 1


def test_an_effect_that_always_fails_does_not_hold_up_the_others(file: Path) -> None:
    poison = [record("shop.fails", {"name": "x"}) for _ in range(outbox.TAKE + 5)]
    for number in range(5):
        record("shop.write", {"file": str(file), "line": str(number)})
    assert drain() == 5
    assert len(lines(file)) == 5
    assert Effect.objects.filter(done_at=None).count() == len(poison)


@pytest.mark.django_db(transaction=True)
def test_an_effect_that_kills_its_worker_does_not_hold_up_the_others(file: Path) -> None:
    poison = record("shop.kills", {})
    others = [record("shop.write", {"file": str(file), "line": str(number)}) for number in range(3)]
    connection.close()
    assert process.run("worker", "--drain").returncode == 9
    assert lines(file) == []
    poison.refresh_from_db()
    assert poison.attempts == 1
    # Their lease ends, and the next worker begins with the others.
    then = timezone.now() - datetime.timedelta(seconds=1)
    Effect.objects.update(leased_until=then)
    assert [effect.pk for effect in take()] == [effect.pk for effect in others]


# --- done -------------------------------------------------------------------------------------------------------------
def test_what_is_done_has_a_receipt_and_no_payload(file: Path) -> None:
    effect = record("shop.write", {"file": str(file), "line": "Ada Lovelace"})
    assert drain() == 1
    effect.refresh_from_db()
    assert (effect.payload, effect.receipt) == ({}, {"written": True})
    assert effect.done_at is not None
    assert effect.scrubbed_at is not None
    assert drain() == 0
    assert lines(file) == ["Ada Lovelace"]


def test_a_handler_knows_its_effect_and_keeps_what_its_next_try_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int | None, dict[str, Any]]] = []

    def begun(payload: dict[str, Any]) -> dict[str, Any]:
        effect = outbox.performing()
        seen.append((effect and effect.pk, dict(payload)))
        outbox.keep(job="job_1")
        if len(seen) == 1:
            raise outbox.Retry("Not yet.")
        return {}

    monkeypatch.setitem(outbox._handlers, "shop.begun", begun)
    effect, other = record("shop.begun", {"of": "Ada"}), record("shop.fail", {})
    assert drain() == 0
    effect.refresh_from_db()
    other.refresh_from_db()
    assert (effect.payload, other.payload) == ({"of": "Ada", "job": "job_1"}, {})
    past(effect)
    assert drain() == 1
    effect.refresh_from_db()
    assert effect.payload == {}, "scrubbed with the rest"
    assert seen == [(effect.pk, {"of": "Ada"}), (effect.pk, {"of": "Ada", "job": "job_1"})]
    assert outbox.performing() is None
    outbox.keep(job="nowhere")


def test_an_erasure_s_effects_belong_to_its_run_and_are_scrubbed() -> None:
    world = make_world()
    default_storage.save(world.subject.picture.name, ContentFile(b"pixels"))
    pipeline.erase(Customer, [world.pk], by="tests", reason="asked in writing")
    assert Effect.objects.exclude(run=None).count() == 2
    assert drain() == 2
    assert world.found_in(repr(list(Effect.objects.values())).encode()) == []
    assert Effect.objects.get(kind="card.detach").receipt == {"provider": "bank", "answer": "detached"}
    assert not default_storage.exists(world.subject.picture.name)


def test_deleting_a_file_twice_is_a_success() -> None:
    name = default_storage.save("portrait.png", ContentFile(b"pixels"))
    effects = [record("file.delete", {"name": name, "storage": "default"}) for _ in range(2)]
    assert drain() == 2
    assert not default_storage.exists(name)
    receipts = [Effect.objects.get(pk=effect.pk).receipt for effect in effects]
    assert receipts[0] != receipts[1]
    assert name not in repr(receipts)


def test_two_handlers_of_one_kind_are_refused() -> None:
    with pytest.raises(
        LetheError, match=r"Two handlers for effects of kind 'shop.write': tests.lethe.apps.shop.effects"
    ):
        handler("shop.write")(lambda payload: None)


# --- the worker -------------------------------------------------------------------------------------------------------
@pytest.fixture
def periodic() -> Iterator[list[datetime.datetime]]:
    """A periodic function of this test alone."""
    called: list[datetime.datetime] = []
    kept = dict(outbox._periodic)
    outbox._periodic.clear()

    @outbox.periodic(seconds=0.05)
    def often(now: datetime.datetime) -> None:
        called.append(now)
        raise ValueError("and it fails each time")

    yield called
    outbox._periodic.clear()
    outbox._periodic.update(kept)


def test_periodic_functions_are_called_and_survive_their_failures(
    periodic: list[datetime.datetime], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "close_old_connections", lambda: None)
    real = time.sleep
    monkeypatch.setattr(outbox.time, "sleep", lambda seconds: real(min(seconds, 0.02)))
    record("shop.write", {"file": str(file)})
    until = time.monotonic() + 5
    work(lambda: len(periodic) >= 3 or time.monotonic() > until, pause=0.01)
    assert len(periodic) >= 3
    assert lines(file) == ["done"]


def test_a_worker_that_is_told_to_stop_gives_back_what_it_did_not_begin(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "close_old_connections", lambda: None)
    for number in range(4):
        record("shop.write", {"file": str(file), "line": str(number)})
    work(lambda: len(lines(file)) == 2)
    assert lines(file) == ["0", "1"]
    assert Effect.objects.filter(done_at=None, lease="", leased_until=None).count() == 2
    assert len(take()) == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_process_ends_cleanly_when_it_is_told_to(number: signal.Signals, file: Path) -> None:
    begun = record("shop.write", {"file": str(file), "line": "begun", "seconds": 1.5})
    later = record("shop.write", {"file": str(file), "line": "later"})
    connection.close()
    command, environment = process.command("worker"), process.environment()
    with subprocess.Popen(command, env=environment, cwd=process.ROOT, stdout=-1, stderr=-1, text=True) as worker:
        try:
            until = time.monotonic() + 60
            while not Effect.objects.filter(pk=begun.pk, attempts=1).exists() and time.monotonic() < until:
                time.sleep(0.05)
            worker.send_signal(number)
            out, err = worker.communicate(timeout=60)
        finally:
            worker.kill()
    assert worker.returncode == 0, err
    assert "Traceback" not in out + err
    # What was begun is finished; the rest waits, leased by no one.
    assert lines(file) == ["begun"]
    later.refresh_from_db()
    assert (later.lease, later.attempts, later.done_at) == ("", 0, None)


@pytest.mark.django_db(transaction=True)
def test_draining_ends_by_itself_and_says_how_many(file: Path) -> None:
    for _ in range(3):
        record("shop.write", {"file": str(file)})
    connection.close()
    done = process.run("worker", "--drain")
    assert (done.returncode, done.stdout.strip()) == (0, "3 effects done.")
    assert lines(file) == ["done"] * 3
