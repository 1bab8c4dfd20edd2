"""The running tally of effects, and what it is begun with where there are effects already."""

from __future__ import annotations

import datetime
import importlib
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from lethe.models import Effect, Tally
from lethe.tally import BOUNDS, bound, count_done, count_failures

pytestmark = pytest.mark.django_db


def counted() -> dict[tuple[str, int], tuple[int, float]]:
    return {(row.kind, row.within): (row.number, row.seconds) for row in Tally.objects.all()}


@pytest.mark.parametrize(("seconds", "within"), [(0, 5), (5, 5), (5.1, 15), (259_200, 259_200), (259_201, 0)])
def test_where_a_time_is_counted(seconds: float, within: int) -> None:
    assert bound(seconds) == within


def test_it_is_added_up() -> None:
    second = datetime.timedelta(seconds=1)
    count_done("a", 2 * second)
    count_done("a", 3 * second, 10 * second, -second)
    count_failures("a", 1)
    count_failures("a", 1)
    count_done("b")
    assert counted() == {("a", 5): (3, 5.0), ("a", 15): (1, 10.0), ("a", Tally.FAILED): (2, 0.0)}


def test_it_begins_with_what_is_there() -> None:
    """As the migration does on a database that is in use: the same as if it had been counted all along."""
    migration = importlib.import_module("lethe.migrations.0002_tally")
    assert migration.BOUNDS == BOUNDS
    now = timezone.now()
    for kind, seconds, attempts in (("a", 2, 1), ("a", 5, 3), ("a", 6, 1), ("a", 300_000, 9), ("b", 60, 1)):
        then = now - datetime.timedelta(seconds=seconds)
        Effect.objects.create(kind=kind, created_at=then, done_at=now, attempts=attempts)
    Effect.objects.create(kind="b", attempts=4, last_error="It is down.")
    Effect.objects.create(kind="c")
    migration.begin(apps, SimpleNamespace(connection=connection))
    assert counted() == {
        ("a", 5): (2, 7.0),
        ("a", 15): (1, 6.0),
        ("a", Tally.LONGER): (1, 300_000.0),
        ("a", Tally.FAILED): (10, 0.0),
        ("b", 60): (1, 60.0),
        ("b", Tally.FAILED): (4, 0.0),
    }
