"""Two at once: a row that comes in while its subject is erased is erased with it or refused; nobody deadlocks."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection, connections, transaction
from django.db.models import Exists

from lethe import execute as stage
from lethe import pipeline
from lethe.models import ErasedMark, Receipt
from lethe.plan import plan_for
from lethe.seal import is_sealed
from tests.lethe.apps.shop.models import Address, Customer, Note, Order, OrderLine, Product, Refund, Review, Ticket
from tests.lethe.support.database import constraints_hold
from tests.lethe.support.world import make_customer, make_world, point

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads, each with a connection of its own that is closed at the end."""
    with ThreadPoolExecutor(4) as threads:
        yield threads
        barrier = threading.Barrier(4)

        def close() -> None:
            connections.close_all()
            barrier.wait(10)

        for ended in [threads.submit(close) for _ in range(4)]:
            ended.result(20)


def erase(*keys: int) -> stage.Outcome:
    """Erase customers, without the gate, which was passed."""
    return stage.execute(plan_for(Customer), keys, by="tests", reason="asked in writing")


WRITES: dict[str, Callable[[Customer, Order], Any]] = {
    "an address": lambda customer, order: Address.objects.create(customer=customer, line="zqrace"),
    "an order": lambda customer, order: Order.objects.create(customer=customer, note="zqrace"),
    "a line of an order": lambda customer, order: OrderLine.objects.create(
        order=order, product=Product.objects.first(), engraving="zqrace"
    ),
    "a review by the second path": lambda customer, order: Review.objects.create(order=order, body="zqrace"),
    "a gift by somebody else": lambda customer, order: Order.objects.create(
        customer=make_customer(), gift_for=customer, gift_note="zqrace"
    ),
    "a note by a generic key": lambda customer, order: point(Note, customer, body="zqrace"),
    "a ticket by number": lambda customer, order: Ticket.objects.create(customer_ref=customer.pk, question="zqrace"),
    "a refund, which is history": lambda customer, order: Refund.objects.create(
        customer=customer, amount=1, memo="zqrace"
    ),
    "a change of the record": lambda customer, order: Customer.objects.filter(pk=customer.pk).update(phone="zqrace"),
    "a change of a kept row": lambda customer, order: Order.objects.filter(pk=order.pk).update(note="zqrace"),
    "a row that is moved over": lambda customer, order: Address.objects.filter(line="zqrace").update(customer=customer),
}


def left(customer: Customer) -> list[str]:
    """Where a written value still stands on something of an erased customer's."""
    owned = {"customer": customer}
    places = {
        "address": Address.objects.filter(line="zqrace", **owned),
        "order": Order.objects.filter(note="zqrace", **owned),
        "line": OrderLine.objects.filter(engraving="zqrace", order__customer=customer),
        "review": Review.objects.filter(order__customer=customer),
        "gift": Order.objects.filter(gift_for=customer),
        "note": Note.objects.filter(body="zqrace", object_id=str(customer.pk)),
        "ticket": Ticket.objects.filter(question="zqrace", customer_ref=customer.pk),
        "refund": Refund.objects.filter(memo="zqrace", **owned),
        "record": Customer.objects.filter(pk=customer.pk, phone="zqrace"),
    }
    found = (
        Customer.objects.filter(pk=customer.pk)
        .values(**{f"on_{name}": Exists(rows) for name, rows in places.items()})
        .get()
    )
    return [name for name, there in found.items() if there]


ROUNDS = 250


def test_a_row_at_any_moment_is_erased_with_it_or_refused(pool: ThreadPoolExecutor) -> None:
    Product.objects.create(name="Lamp")
    clear = make_customer()
    names = list(WRITES)
    verdicts: dict[str, int] = {"in time": 0, "refused": 0}
    took = [0.01]

    def write(name: str, customer: Customer, order: Order, start: threading.Barrier, delay: float, slow: float) -> str:
        start.wait(30)
        time.sleep(delay)
        try:
            with transaction.atomic():
                WRITES[name](customer, order)
                time.sleep(slow)  # committed late: until then nobody else sees it
        except DatabaseError as error:
            if is_sealed(error):
                return "refused"
            raise
        return "in time"

    def forget(customer: Customer, start: threading.Barrier, delay: float) -> float:
        start.wait(30)
        time.sleep(delay)
        began = time.monotonic()
        erase(customer.pk)
        return time.monotonic() - began

    for number in range(ROUNDS):
        customer = make_customer()
        order = Order.objects.create(customer=customer)
        name = names[number % len(names)]
        if name == "a row that is moved over":
            Address.objects.create(customer=clear, line="zqrace")
        start = threading.Barrier(2)
        spread = sum(took[-20:]) / len(took[-20:])
        moment, slow = random.uniform(-1.5, 1.5) * spread, random.choice((0, 0, 0.3, 1)) * spread
        written = pool.submit(write, name, customer, order, start, max(moment, 0), slow)
        took.append(pool.submit(forget, customer, start, max(-moment, 0)).result(60))
        verdicts[written.result(60)] += 1
        assert left(customer) == [], name
        Address.objects.filter(customer=clear).delete()
    # Else the moments were not mixed, and nothing was raced.
    assert min(verdicts.values()) >= ROUNDS // 10, verdicts
    assert ErasedMark.objects.count() == ROUNDS
    assert constraints_hold()


def test_linked_subjects_side_by_side_end_without_a_deadlock_seen(pool: ThreadPoolExecutor) -> None:
    for _ in range(15):
        one, two = make_world().subject, make_world().subject
        for giver, taker in ((one, two), (two, one)):
            Customer.objects.filter(pk=giver.pk).update(referred_by=taker)
            giver.friends.add(taker)
            for _ in range(5):
                Order.objects.create(customer=giver, gift_for=taker, gift_note="for you")
        start = threading.Barrier(2)

        def forget(customer: Customer, start: threading.Barrier = start) -> stage.Outcome:
            start.wait(30)
            return erase(customer.pk)

        outcomes = [future.result(60) for future in [pool.submit(forget, customer) for customer in (one, two)]]
        assert [outcome.erased for outcome in outcomes] == [1, 1]
        assert not any(outcome.refused for outcome in outcomes)
    assert Receipt.objects.count() == 30
    assert not Order.objects.exclude(gift_for=None).filter(gift_for__name="[deleted]").exists()
    assert constraints_hold()


def test_batches_that_overlap_end_without_a_deadlock_seen(pool: ThreadPoolExecutor) -> None:
    keys = [make_customer().pk for _ in range(40)]
    for taker in keys[::3]:
        Order.objects.create(customer_id=keys[(taker * 7) % 40], gift_for_id=taker)
    start = threading.Barrier(4)

    def forget(part: list[int]) -> stage.Outcome:
        start.wait(30)
        return erase(*part)

    parts = [keys[0:25], keys[15:40], keys[5:30][::-1], keys[::-1]]
    outcomes = [future.result(120) for future in [pool.submit(forget, part) for part in parts]]
    assert sum(outcome.erased for outcome in outcomes) == 40
    assert sum(outcome.already for outcome in outcomes) == sum(map(len, parts)) - 40
    assert not any(outcome.refused for outcome in outcomes)
    assert ErasedMark.objects.count() == Receipt.objects.count() == 40


def test_the_same_subject_twice_at_once_gets_one_receipt(pool: ThreadPoolExecutor) -> None:
    for _ in range(10):
        customer, start = make_world().subject, threading.Barrier(2)

        def forget(key: int = customer.pk, start: threading.Barrier = start) -> stage.Outcome:
            start.wait(30)
            return erase(key)

        outcomes = [future.result(60) for future in [pool.submit(forget) for _ in range(2)]]
        assert sorted((outcome.erased, outcome.already, len(outcome.receipts)) for outcome in outcomes) == [
            (0, 1, 0),
            (1, 0, 1),
        ]


def test_a_stricter_isolation_level_of_the_project_s_is_no_way_round(postgres: bool, pool: ThreadPoolExecutor) -> None:
    """Under REPEATABLE READ the snapshot would be older than the lock, and a row committed in between unseen."""
    if not postgres:
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        return
    customer = make_customer()
    locked, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Address.objects.create(customer=customer, line="zqrace")
            locked.set()
            go_on.wait(30)

    def forget() -> stage.Outcome:
        with connections["default"].cursor() as cursor:
            cursor.execute("SET default_transaction_isolation TO 'repeatable read'")
        try:
            return erase(customer.pk)
        finally:
            connections["default"].close()

    written = pool.submit(write)
    assert locked.wait(30)
    erased = pool.submit(forget)
    time.sleep(0.3)  # the eraser waits for the lock by now
    go_on.set()
    written.result(30)
    assert erased.result(30).erased == 1
    assert left(customer) == []


def test_sqlite_without_immediate_transactions_waits_too(
    postgres: bool, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project that begins its transactions as readers: the engine still takes the write lock before it looks."""
    if postgres:
        return
    customer = make_customer()
    tries: list[int] = []
    real = stage._transaction
    monkeypatch.setattr(stage, "_transaction", lambda *args, **options: tries.append(1) or real(*args, **options))
    locked, go_on = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            Address.objects.create(customer=customer, line="zqrace")
            locked.set()
            go_on.wait(30)

    def forget() -> stage.Outcome:
        one: Any = connections["default"]
        one.ensure_connection()
        kept, one.transaction_mode = one.transaction_mode, None
        try:
            return erase(customer.pk)
        finally:
            one.transaction_mode = kept

    written = pool.submit(write)
    assert locked.wait(30)
    erased = pool.submit(forget)
    time.sleep(0.3)
    go_on.set()
    written.result(30)
    assert erased.result(30).erased == 1
    assert left(customer) == []
    # It waited for the lock; else it would have read first, and begun again when it came to write.
    assert len(tries) == 1


def test_a_lock_that_is_held_too_long_is_said(
    postgres: bool, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again for a while, and then the caller hears of it and nothing has changed."""
    monkeypatch.setattr(stage, "TRIES", 2)
    customer = make_customer()
    locked, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Customer.objects.filter(pk=customer.pk).update(phone="1")
            locked.set()
            go_on.wait(60)

    def forget() -> str:
        with connections["default"].cursor() as cursor:
            cursor.execute("SET lock_timeout TO '100ms'" if postgres else "PRAGMA busy_timeout = 100")
        try:
            erase(customer.pk)
        except OperationalError as error:
            return type(error).__name__
        finally:
            connections["default"].close()
        return "erased"

    held = pool.submit(hold)
    assert locked.wait(30)
    try:
        assert pool.submit(forget).result(60) == "OperationalError"
    finally:
        go_on.set()
        held.result(30)
    assert not ErasedMark.objects.exists()
    assert pipeline.erase(Customer, [customer.pk], by="tests", reason="asked in writing").erased == 1
