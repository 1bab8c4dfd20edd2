"""Two people at once: the last places are given once, and never to a client who is being erased."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import ClientMessage
from clubhouse.schedule import exceptions
from clubhouse.schedule.effects import offer_places
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.services import book, cancel_bookings
from lethe.models import Effect
from tests.support import factories as make

pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts: Callable[[], object]) -> list[BaseException]:
    """Run the acts in threads with connections of their own, at the same moment; give back what they raised."""
    raised: list[BaseException] = []
    start = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        try:
            start.wait(10)
            act()
        except BaseException as error:
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    return raised


def cancelling(booking: Booking) -> Callable[[], object]:
    rows = Booking.objects.filter(pk=booking.pk)
    return lambda: cancel_bookings(rows, now=timezone.now(), tell_clients=False)


@pytest.mark.parametrize("promotion", ["at_once", "offer"])
def test_two_cancellations_of_the_last_places_fill_both_once(promotion: str) -> None:
    club = make.make_club(make.make_business(waiting_list_promotion=promotion))
    for _ in range(15):
        session = make.make_session(club, capacity=2)
        bookings = [make.make_booking(session, make.make_client(club)) for _ in range(2)]
        for _ in range(4):
            make.make_waiting(session, make.make_client(club))
        assert together(*map(cancelling, bookings)) == []
        live = session.bookings.filter(status="booked").count()
        offers = session.waiting_list.exclude(offered_until=None).count()
        assert live + offers == 2
        assert session.client_messages.count() == 2


def test_two_cancellations_crosswise_do_not_lock_each_other_up() -> None:
    club = make.make_club(make.make_business())
    for _ in range(10):
        sessions = [make.make_session(club, capacity=2) for _ in range(2)]
        clients = [make.make_client(club) for _ in range(2)]
        packages = [make.make_package(client, credits_used=2) for client in clients]
        own = [
            [make.make_booking(session, client, package=packages[1 - n]).pk for session in sessions]
            for n, client in enumerate(clients)
        ]
        acts = [
            lambda keys=keys: cancel_bookings(
                Booking.objects.filter(pk__in=keys), now=timezone.now(), tell_clients=False
            )
            for keys in own
        ]
        assert together(*acts) == []
        for package in packages:
            package.refresh_from_db()
            assert package.credits_used == 0


def test_the_last_place_is_booked_once() -> None:
    club = make.make_club(make.make_business())
    for _ in range(10):
        session = make.make_session(club, capacity=1)
        clients = [make.make_client(club) for _ in range(3)]
        raised = together(*[functools.partial(book, client, session, now=timezone.now()) for client in clients])
        assert [type(error) for error in raised] == [exceptions.SessionFull] * 2
        assert session.bookings.count() == 1


def test_the_last_credit_is_spent_once() -> None:
    club = make.make_club(make.make_business())
    client = make.make_client(club)
    package = make.make_package(client, credits_used=9)
    sessions = [make.make_session(club) for _ in range(3)]
    assert together(*[functools.partial(book, client, session, now=timezone.now()) for session in sessions]) == []
    package.refresh_from_db()
    assert package.credits_used == 10
    assert Booking.objects.filter(package=package).count() == 1


class Erasure:
    """An erasure at its slowest: it has locked its subject and thinks, until it is told to commit."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.locked, self.go_on = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self) -> None:
        try:
            with transaction.atomic():
                Client.objects.select_for_update().get(pk=self.client.pk)
                self.locked.set()
                assert self.go_on.wait(30)
                WaitingListEntry.objects.filter(client=self.client).delete()
                Client.objects.filter(pk=self.client.pk).update(status="deleted", first_name="[deleted]")
        finally:
            connection.close()

    def __enter__(self) -> Erasure:
        self.thread.start()
        assert self.locked.wait(30)
        return self

    def finish(self) -> None:
        self.go_on.set()
        self.thread.join(30)

    def __exit__(self, *_: object) -> None:
        self.finish()


def full_session(promotion: str, waiting: int) -> tuple[Session, Booking, list[Client]]:
    club = make.make_club(make.make_business(waiting_list_promotion=promotion))
    session = make.make_session(club, capacity=1)
    booking = make.make_booking(session, make.make_client(club))
    line = [make.make_client(club) for _ in range(waiting)]
    for hours, client in enumerate(line):
        make.make_waiting(session, client, joined_at=make.in_days(hours / 24 - 1))
    return session, booking, line


def got(client: Client) -> int:
    places = Booking.objects.filter(client=client).count()
    offers = WaitingListEntry.objects.filter(client=client).exclude(offered_until=None).count()
    return places + offers + ClientMessage.objects.filter(client=client).count()


@pytest.mark.parametrize("promotion", ["at_once", "offer"])
def test_a_client_under_erasure_is_never_given_a_place(promotion: str) -> None:
    """On PostgreSQL the cancellation passes over whoever is locked; on SQLite it waits for the erasure to end."""
    _, booking, (erased, following) = full_session(promotion, 2)
    with Erasure(erased) as erasure:
        if connection.vendor != "postgresql":
            erasure.finish()
        cancelling(booking)()
        assert got(following) == 2
        assert got(erased) == 0
    assert got(erased) == 0


def test_a_place_that_stays_free_because_of_an_erasure_is_offered_again_after_commit() -> None:
    session, booking, (erased,) = full_session("at_once", 1)
    if connection.vendor == "postgresql":
        with Erasure(erased):
            cancelling(booking)()
        effect = Effect.objects.get(kind="schedule.offer_places")
    else:
        cancelling(booking)()
        assert got(erased) == 2, "nobody can be under erasure while somebody else writes"
        return
    assert effect.payload == {"business": session.club.business_id, "sessions": [session.pk]}
    late = make.make_client(session.club)
    make.make_waiting(session, late)
    assert offer_places(effect.payload) == {"given": 1, "offered": 0}
    assert (got(late), got(erased)) == (2, 0)


def test_an_erasure_waits_for_a_place_that_is_just_being_given() -> None:
    """The other order: the promotion has the client first, so the erasure sees the new booking and can cancel it."""
    session, booking, (client,) = full_session("at_once", 1)
    seen: list[int] = []
    promoted, erasing = threading.Event(), threading.Event()

    def promote() -> None:
        with transaction.atomic():
            cancelling(booking)()
            promoted.set()
            erasing.wait(30)
            erasing.wait(0.3)

    def erase() -> None:
        assert promoted.wait(30)
        erasing.set()
        with transaction.atomic():
            Client.objects.select_for_update().get(pk=client.pk)
            seen.extend(Booking.objects.filter(client=client).values_list("session", flat=True))

    assert together(promote, erase) == []
    assert seen == [session.pk]


def test_nothing_is_booked_for_a_client_whose_erasure_ends_meanwhile() -> None:
    club = make.make_club(make.make_business())
    client, session = make.make_client(club), make.make_session(club)
    raised: list[BaseException] = []
    with Erasure(client) as erasure:
        acting = threading.Thread(
            target=lambda: raised.extend(together(lambda: book(client, session, now=timezone.now())))
        )
        acting.start()
        erasure.finish()
        acting.join(60)
    assert [type(error) for error in raised] == [exceptions.ClientErased]
    assert not session.bookings.exists()
