"""``lethe effects`` and the end of ``lethe erase``: what is owed, why and since when; waiting for it, trying it now."""

from __future__ import annotations

import datetime
import json
import threading
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from lethe import outbox
from lethe.models import Effect, Receipt, Run
from tests.lethe.apps.people.models import Account
from tests.lethe.support.world import make_customer, make_world
from tests.lethe.test_command import as_json, lethe, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> tuple[str, ...]:
    """Who orders it, and why."""
    return ("--by", Account.objects.create(email="boss@example.com").email, "--reason", "asked", "--yes")


def owe(kind: str = "test.kind", **values: Any) -> Effect:
    return Effect.objects.create(kind=kind, **values)


def test_nothing_is_owed() -> None:
    assert lethe("effects").strip() == "Nothing is left to be done outside."
    assert as_json("effects") == {"left": 0, "failing": 0, "effects": []}
    assert lethe("effects", "--retry").startswith("Nothing has failed.")


def test_alike_ones_are_one_line_with_cause_and_age() -> None:
    now = timezone.now()
    down = {"attempts": 4, "last_error": "It is down.", "next_try_at": now + datetime.timedelta(hours=1)}
    for _ in range(300):
        owe(created_at=now - datetime.timedelta(days=2, hours=3), **down)
    owe("test.killed", attempts=2, created_at=now - datetime.timedelta(hours=1, minutes=1))
    owe("test.later", next_try_at=now + datetime.timedelta(hours=9))
    owe("test.done", done_at=now)
    lines = lethe("effects").splitlines()
    assert lines[0].strip().startswith("300  test.kind, for 2 days: It is down (tried 4 times; due at ")
    assert lines[1].strip() == "1  test.killed, for 1 hour: The worker ended in the middle of it (tried 2 times; due)"
    assert lines[2].strip().startswith("1  test.later, for 0 seconds: due at ")
    assert lines[3] == "302 left to be done outside, 301 of them failing."
    data = as_json("effects")
    assert (data["left"], data["failing"]) == (302, 301)
    assert [(one["kind"], one["count"], one["cause"], one["tries"]) for one in data["effects"]] == [
        ("test.kind", 300, "It is down.", 4),
        ("test.killed", 1, "The worker ended in the middle of it.", 2),
        ("test.later", 1, None, 0),
    ]


def test_trying_now_leaves_what_waits_on_purpose() -> None:
    later = timezone.now() + datetime.timedelta(hours=9)
    failed, waits = owe(attempts=1, last_error="It is down.", next_try_at=later), owe("test.later", next_try_at=later)
    assert as_json("effects", "--retry")["tried"] == 1
    failed.refresh_from_db()
    waits.refresh_from_db()
    assert failed.next_try_at <= timezone.now()
    assert waits.next_try_at == later


def test_of_one_receipt() -> None:
    run = Run.objects.create(subject="x", subjects=1, plan="x", counts={}, reason="x", by="role:test")
    number = Receipt.objects.create(run=run).number
    owe(run=run)
    owe("test.other")
    assert [one["kind"] for one in as_json("effects", "--receipt", number.lower())["effects"]] == ["test.kind"]
    said, status = refusal("effects", "--receipt", "AAAAA")
    assert "no such receipt" in said
    assert status == 1


@pytest.mark.django_db(transaction=True)
def test_waiting_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(outbox._handlers, "test.kind", lambda payload: None)
    owe()
    owe("test.later", next_try_at=timezone.now() + datetime.timedelta(hours=9))

    def worker() -> None:
        outbox.drain()
        connections.close_all()

    thread = threading.Timer(0.2, worker)
    thread.start()
    text = lethe("effects", "--wait", "20")
    thread.join()
    assert text.splitlines()[0].strip().startswith("1  test.kind")
    assert "test.kind" not in "".join(text.splitlines()[3:])
    assert text.splitlines()[-1] == "1 left to be done outside."


def test_waiting_in_vain_ends_with_four() -> None:
    owe(attempts=1, last_error="It is down.", next_try_at=timezone.now() + datetime.timedelta(hours=1))
    said, status = refusal("effects", "--wait", "0.1")
    assert said == "Not all was done within 0.1 seconds."
    assert status == 4


def test_an_erasure_ends_with_what_is_still_to_be_done(by: tuple[str, ...]) -> None:
    world = make_world()
    text = lethe("erase", f"shop.Customer:{world.pk}", *by)
    left = Effect.objects.filter(done_at=None, run__isnull=False).count()
    assert left > 0
    assert text.splitlines()[-1] == f"{left} left to be done outside."
    assert "of 1" not in text, "one is not counted up"
    other = make_world()
    data = json.loads(lethe("erase", f"shop.Customer:{other.pk}", *by, "--json"))
    assert data["outside"]["left"] == left


def test_an_erasure_of_several_says_how_far_it_is(by: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lethe.execute.batches", lambda ids, using: [[key] for key in sorted(ids)])
    monkeypatch.setattr("lethe.preview.batches", lambda ids, using: [[key] for key in sorted(ids)])
    keys = ",".join(str(make_customer().pk) for _ in range(3))
    lines = lethe("erase", f"shop.Customer:{keys}", *by).splitlines()
    assert [line for line in lines if " of 3" in line] == ["1 of 3", "2 of 3", "3 of 3"]
