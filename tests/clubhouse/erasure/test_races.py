"""Erasures beside everything else, and beside each other. Issue 2, "Done when" 3.

These are a few hundred rounds at most, for half a minute; ``bench/races.py`` runs thousands.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from bench.cast import CANARY, Cast, make_casts, make_world
from bench.racing import left_behind, race
from clubhouse.clients.models import Client
from clubhouse.schedule.models import Booking
from clubhouse.schedule.services import book
from lethe import pipeline
from lethe.seal import is_sealed

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 20


def test_nothing_slips_in_at_any_moment_and_nobody_sees_a_deadlock() -> None:
    """Random rounds of a fixed seed: bookings, edits, offers, bare SQL, and two erasures of clients who are tied."""
    verdict = race(100, 20261121, seconds=SECONDS)
    assert verdict.failures == []
    assert verdict.erasures > verdict.rounds >= 5


@pytest.fixture
def cast() -> Cast:
    """One set of people with nothing to be done first."""
    return make_casts(make_world(), range(1), settled=True)[0]


def test_a_booking_that_is_open_is_waited_for_and_cancelled(cast: Cast) -> None:
    """The insert came first and commits in the middle of the erasure: the erasure has waited and sees it."""
    inserted, finished = threading.Event(), threading.Event()

    def insert() -> None:
        with transaction.atomic():
            Booking.objects.create(
                session=cast.free, client_id=cast.a.pk, booked_at=timezone.now(), note=f"{CANARY} open"
            )
            inserted.set()
            assert not finished.wait(0.4), "the erasure did not wait for the booking that was being made"

    def erase() -> None:
        inserted.wait(10)
        pipeline.erase(Client, [cast.a.pk], by="role:test", reason="a race")
        finished.set()

    _side_by_side(insert, erase)
    booking = Booking.objects.get(client=cast.a.pk)
    assert (booking.status, booking.note) == ("cancelled", "")
    assert left_behind({cast.a.pk}) == []


@pytest.mark.parametrize("by_hand", [True, False])
def test_a_booking_that_comes_later_waits_and_is_refused(by_hand: bool, cast: Cast) -> None:
    """The erasure has the lock and is not done: whoever books waits, and is refused when it commits."""
    locked, refused = threading.Event(), []

    def erase() -> None:
        # Something slow stands between the lock and the commit: somebody holds a row that the erasure changes.
        pipeline.erase(Client, [cast.a.pk], by="role:test", reason="a race")

    def hold() -> None:
        with transaction.atomic():
            Client.objects.select_for_update().get(pk=cast.a.pk)
            locked.set()
            time.sleep(0.3)
            Client.objects.filter(pk=cast.a.pk).update(notes=f"{CANARY} just before")

    def insert() -> None:
        locked.wait(10)
        time.sleep(0.15)
        try:
            if by_hand:
                Booking.objects.create(session=cast.free, client_id=cast.a.pk, booked_at=timezone.now())
            else:
                book(Client.objects.get(pk=cast.a.pk), cast.free, now=timezone.now())
        except Exception as error:
            refused.append(error)

    def erase_after() -> None:
        locked.wait(10)
        erase()

    _side_by_side(hold, erase_after, insert)
    if refused and by_hand:
        assert isinstance(refused[0], IntegrityError)
        assert is_sealed(refused[0])
    assert not Booking.objects.filter(client=cast.a.pk, status="booked").exists()
    assert left_behind({cast.a.pk}) == []


def _side_by_side(*acts: object) -> None:
    """Run the acts in threads with connections of their own, and raise what any of them raised."""

    def run(act: object) -> None:
        try:
            act()  # type: ignore[operator]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result(60)
    assert connection.vendor
