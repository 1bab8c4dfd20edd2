"""The process dies in the middle: either the whole client is forgotten or nothing has happened (rule 2).

Each test starts one process, lets it work for a random while and ends it with SIGKILL.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from bench.cast import Cast, make_casts, make_world
from bench.racing import left_behind
from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client, ProfileImage
from clubhouse.schedule.models import Booking, WaitingListEntry
from lethe import outbox, pipeline
from lethe.models import Effect, ErasedMark, Receipt, Run, SubjectKey
from tests.clubhouse.erasure.evidence import broken_foreign_keys

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]
#: Clients of one test, and the longest that the process may work before it is killed.
MANY, LONGEST = 25, 1.2


def killed(what: str, keys: list[int], after: float) -> set[int]:
    """Run a process for so many seconds from its first deed on, kill it, and give the keys that it called done."""
    command = [sys.executable, "-m", "tests.clubhouse.erasure.eraser"]
    command += [str(connection.settings_dict["NAME"]), what, *map(str, keys)]
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.support.settings",
        "MEDIA_ROOT": str(settings.MEDIA_ROOT),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
    }
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        time.sleep(after)
        process.kill()
        done = {int(line) for line in process.stdout.read().split() if line.isdecimal()}
    _wait_for_its_connection()
    return done


def _wait_for_its_connection() -> None:
    """PostgreSQL notices that a client has gone when it next listens to it."""
    if connection.vendor != "postgresql":
        return
    deadline = time.monotonic() + 10
    others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(others)
            if cursor.fetchone()[0] == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the killed process still has a connection")


def whole(client: Client) -> dict[str, Any]:
    """What an untouched client has, as values."""
    key = client.pk
    return {
        "row": Client.objects.filter(pk=key).values().get(),
        "bookings": sorted(Booking.objects.filter(client=key).values_list("pk", "status", "note", "package")),
        "waits": sorted(WaitingListEntry.objects.filter(client=key).values_list("pk", flat=True)),
        "invoices": sorted(Invoice.objects.filter(client=key).values_list("pk", "status", "billing_name", "paid_by")),
        "rest": [
            rows.filter(client=key).count()
            for rows in (
                Client.audits.rel.related_model.objects,
                ProfileImage.objects,
                client.cards,
                client.client_notes,
            )
        ],
        "key": SubjectKey.objects.filter(subject="clients.client", key=str(key)).count(),
    }


@pytest.fixture
def casts() -> list[Cast]:
    """People with something to cancel, so that there is much to be in the middle of."""
    return make_casts(make_world(), range(MANY))


def test_a_killed_erasure_is_whole_or_has_not_happened(casts: list[Cast]) -> None:
    """Rule 2: of each client everything is gone or everything is there; what was called done stays done."""
    people = {cast.a.pk: cast.a for cast in casts}
    before = {key: whole(client) for key, client in people.items()}
    done = killed("erase", list(people), random.uniform(0.1, LONGEST))
    erased = {int(key) for key in ErasedMark.objects.values_list("key", flat=True)}
    assert done <= erased <= set(people)
    assert left_behind(erased) == []
    for key in people.keys() - erased:
        assert whole(people[key]) == before[key]
    assert Receipt.objects.count() == Run.objects.count() == len(erased)
    assert set(Effect.objects.values_list("run_id", flat=True)) <= set(Run.objects.values_list("pk", flat=True))
    assert broken_foreign_keys() == []
    # Whoever comes next finishes the work.
    finished = _finish(list(people))
    assert set(people) == {int(key) for key in ErasedMark.objects.values_list("key", flat=True)} >= finished
    assert left_behind(set(people)) == []


def _finish(keys: list[int]) -> set[int]:
    return set(pipeline.erase(Client, keys, by="role:test", reason="after a crash").receipts)


def test_the_effects_of_a_killed_worker_are_done_by_another(casts: list[Cast], media: Path) -> None:
    """Rule 2, row N4: files that the dead worker had in hand are deleted once its lease is over."""
    names = [default_storage.save(f"clients/{cast.a.pk}.png", ContentFile(b"x")) for cast in casts]
    for cast, name in zip(casts, names, strict=True):
        ProfileImage.objects.filter(client=cast.a).update(original=name)
    _finish([cast.a.pk for cast in casts])
    owed = Effect.objects.filter(done_at=None)
    assert owed.count() >= MANY
    killed("drain", [], random.uniform(0.0, 0.2))
    outbox.drain()
    # What the dead one had leased is not taken from it before its time, and then it is; the one it died in comes later.
    leased = owed.exclude(leased_until=None)
    leased.update(leased_until=timezone.now(), next_try_at=timezone.now())
    outbox.drain()
    assert not owed.exists()
    assert not Effect.objects.exclude(payload={}).exists()
    assert not list((media / "clients").iterdir())
