"""Erasing: what is refused, what is rolled back, what is tried again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone

from lethe import execute as stage
from lethe import pipeline
from lethe.exceptions import (
    Blocked,
    Changed,
    GateClosed,
    LeftOver,
    LetheError,
    ReasonNamesSubject,
    SubjectNotFound,
    TryAgain,
)
from lethe.models import Effect, ErasedMark, Receipt, Run
from lethe.plan import plan_for
from tests.lethe.apps.shop.models import Address, Customer, Order
from tests.lethe.support.database import rewriting_trigger
from tests.lethe.support.world import make_account, make_customer, make_member, make_patient, make_world
from tests.support.dump import logical_dump

KINDS = {"customer": make_world, "member": make_member, "account": make_account, "patient": make_patient}
Snapshot = Callable[[], dict[str, list[tuple[Any, ...]]]]


def erase(*subjects: Any, **options: Any) -> stage.Outcome:
    """Erase instances."""
    return pipeline.erase(
        type(subjects[0]), [one.pk for one in subjects], by="tests", reason="asked in writing", **options
    )


# --- what is refused --------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_blockers_are_looked_at_again_under_the_lock(snapshot: Snapshot) -> None:
    world = make_world()
    approved = pipeline.preview(Customer, [world.pk])
    assert not approved.blocked
    Order.objects.create(customer=world.subject, status=Order.Status.SENT, note="unpaid", total=5)
    before = snapshot()
    with pytest.raises(Blocked) as refused:
        erase(world.subject)
    assert [(f.name, f.count, str(f.amount), f.unit) for f in refused.value.findings] == [("owed", 1, "5.00", "EUR")]
    assert snapshot() == before
    assert not ErasedMark.objects.exists()


@pytest.mark.django_db
def test_what_changed_since_the_preview_is_refused_by_name(snapshot: Snapshot) -> None:
    world = make_world()
    approved = pipeline.preview(Customer, [world.pk]).fingerprint
    Address.objects.create(customer=world.subject, line="another")
    before = snapshot()
    with pytest.raises(Changed) as refused:
        erase(world.subject, fingerprint=approved)
    assert refused.value.differences == {"addresss": (1, 2)}
    assert snapshot() == before
    assert erase(world.subject, fingerprint=pipeline.preview(Customer, [world.pk]).fingerprint).erased == 1


@pytest.mark.django_db
def test_a_subject_that_is_not_there() -> None:
    with pytest.raises(SubjectNotFound, match=r"shop.Customer has no 987654; nothing was changed"):
        pipeline.erase(Customer, [987654], by="tests", reason="asked in writing")


@pytest.mark.django_db
def test_a_reason_that_names_the_person_is_refused() -> None:
    customer = make_customer(name="Ottilie Ångström", phone="+46 70 123 45 67")
    for reason in ("Ottilie angstrom asked", "call 0046 (70) 123-4567 about it", f"asked from {customer.email}"):
        with pytest.raises(ReasonNamesSubject):
            pipeline.erase(Customer, [customer.pk], by="tests", reason=reason)
    assert pipeline.erase(Customer, [customer.pk], by="tests", reason="asked in writing").erased == 1


@pytest.mark.django_db
def test_what_stands_for_a_name_afterwards_names_nobody() -> None:
    """A second click comes with the same reason, which may well hold the word that the name was replaced with."""
    customer = make_customer(name="Ottilie Ångström")
    reason = "[deleted] by the front desk"
    for _ in range(2):
        outcome = pipeline.erase(Customer, [customer.pk], by="tests", reason=reason)
    customer.refresh_from_db()
    assert customer.name == "[deleted]"
    assert (outcome.erased, outcome.already) == (0, 1)


@pytest.mark.django_db
def test_nothing_is_erased_while_the_gate_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.lethe.apps.shop.erasure import CustomerPolicy

    customer = make_customer()
    monkeypatch.setattr(CustomerPolicy, "clear", ())
    with pytest.raises(GateClosed, match=r"shop.Customer.phone has no answer"):
        erase(customer)
    assert not ErasedMark.objects.exists()


# --- all or nothing ---------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_what_is_written_anew_rolls_everything_back(snapshot: Snapshot) -> None:
    world = make_world()
    before = snapshot()
    with rewriting_trigger("shop_order", "note"), pytest.raises(LeftOver) as refused:
        erase(world.subject)
    assert refused.value.places == {"shop.Order": 1}
    assert snapshot() == before
    assert [model.objects.count() for model in (Effect, Run, ErasedMark)] == [0, 0, 0]
    assert erase(world.subject).erased == 1


@pytest.mark.django_db(transaction=True)
def test_rows_that_come_back_roll_everything_back(snapshot: Snapshot) -> None:
    from tests.lethe.support.database import resurrecting_trigger

    world = make_world()
    before = snapshot()
    with resurrecting_trigger("shop_engraver"), pytest.raises(LeftOver) as refused:
        erase(world.subject)
    assert refused.value.places == {"shop.Engraver": 1}
    assert snapshot() == before


@contextmanager
def failing_action(error: Exception) -> Iterator[None]:
    """The shop's own step fails after it has written."""
    from tests.lethe.apps.shop import erasure

    action = plan_for(Customer).checks[1].action
    assert action is not None

    def run(batch: stage.Batch) -> None:
        erasure.cancel_orders(batch)
        raise error

    kept = action.run
    object.__setattr__(action, "run", run)
    try:
        yield
    finally:
        object.__setattr__(action, "run", kept)


@pytest.mark.django_db(transaction=True)
def test_a_failing_action_rolls_everything_back(snapshot: Snapshot) -> None:
    world = make_world()
    Order.objects.create(customer=world.subject, due_at=timezone.now() + timezone.timedelta(days=3))
    before = snapshot()
    with failing_action(RuntimeError("the shop's own fault")), pytest.raises(RuntimeError):
        erase(world.subject)
    assert snapshot() == before
    assert not Effect.objects.exists()


@pytest.mark.django_db
def test_actions_run_first_and_record_effects() -> None:
    world = make_world()
    order = Order.objects.create(customer=world.subject, due_at=timezone.now() + timezone.timedelta(days=3))
    outcome = erase(world.subject)
    order.refresh_from_db()
    assert order.status == Order.Status.CANCELLED
    assert outcome.counts["cancel: orders"] == 1
    kinds = sorted(Effect.objects.exclude(kind="bytes.clean").values_list("kind", flat=True))
    assert kinds == ["card.detach", "file.delete", "shop.cancelled"]
    detach = Effect.objects.get(kind="card.detach")
    assert detach.payload == {"token": world.canaries["token"], "provider": "bank"}
    assert Effect.objects.get(kind="file.delete").payload == {"name": world.subject.picture.name, "storage": "default"}


@pytest.mark.django_db(transaction=True)
def test_a_bad_subject_is_found_by_halving_and_does_not_stop_the_others() -> None:
    worlds = [make_world() for _ in range(7)]
    bad = worlds[4]
    Order.objects.create(customer=bad.subject, status=Order.Status.SENT, note="unpaid", total=5)
    told: list[int] = []
    outcome = erase(*(world.subject for world in worlds), progress=told.append)
    assert outcome.erased == 6
    assert set(outcome.refused) == {bad.pk}
    assert isinstance(outcome.refused[bad.pk], Blocked)
    assert sorted(outcome.receipts) == sorted(world.pk for world in worlds if world is not bad)
    assert told == [7]
    assert ErasedMark.objects.count() == Receipt.objects.count() == 6
    bad.subject.refresh_from_db()
    assert bad.subject.name == bad.canaries["name"]
    dump = logical_dump(connection)
    left = [place for world in worlds if world is not bad for place in world.found_in(dump)]
    assert sorted(left) == ["picture"] * 6 + ["token"] * 6


@pytest.mark.django_db(transaction=True)
def test_a_database_error_of_one_subject_is_reported_without_its_values() -> None:
    worlds = [make_world() for _ in range(3)]
    with rewriting_trigger("shop_customer", "name", fails_for=worlds[1].pk):
        outcome = erase(*(world.subject for world in worlds))
    assert (outcome.erased, set(outcome.refused)) == (2, {worlds[1].pk})
    error = outcome.refused[worlds[1].pk]
    assert isinstance(error, LetheError)
    assert worlds[1].found_in(str(error).encode()) == []


@pytest.mark.django_db(transaction=True)
def test_batches_report_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    from lethe import preview

    monkeypatch.setattr(preview, "BATCH", 2)
    monkeypatch.setattr(preview, "BATCH_SQLITE", 2)
    customers = [make_customer() for _ in range(5)]
    approved = pipeline.preview(Customer, [one.pk for one in customers])
    Address.objects.create(customer=customers[0], line="new")
    told: list[int] = []
    outcome = erase(*customers, fingerprint=approved.fingerprint, progress=told.append)
    assert told == [2, 2, 1]
    # The batch that changed is refused as a whole, the others run.
    assert set(outcome.refused) == {customers[0].pk, customers[1].pk}
    assert {type(error) for error in outcome.refused.values()} == {Changed}
    assert outcome.erased == 3


# --- trying again -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("state", ["40P01", "40001", "55P03", "locked"])
def test_a_deadlock_and_a_lock_that_did_not_come_are_tried_again(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    customer = make_customer()
    tries: list[int] = []
    real = stage._transaction

    def twice_unlucky(*args: Any, **options: Any) -> stage.Outcome:
        tries.append(1)
        outcome = real(*args, **options)
        if len(tries) < 3:
            error = OperationalError("database is locked" if state == "locked" else "the other one won")
            cause = Exception()
            cause.sqlstate = state  # type: ignore[attr-defined]
            raise error from cause
        return outcome

    monkeypatch.setattr(stage, "_transaction", twice_unlucky)
    assert erase(customer).erased == 1
    assert len(tries) == 3
    assert ErasedMark.objects.count() == Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_other_errors_of_the_database_are_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = make_customer()
    tries: list[int] = []

    def broken(*args: Any, **options: Any) -> stage.Outcome:
        tries.append(1)
        raise OperationalError("disk full")

    monkeypatch.setattr(stage, "_transaction", broken)
    with pytest.raises(OperationalError):
        erase(customer)
    assert len(tries) == 1


@pytest.mark.django_db(transaction=True)
def test_a_random_value_that_is_taken_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = make_customer()
    tries: list[int] = []
    real = stage._transaction

    def taken_once(*args: Any, **options: Any) -> stage.Outcome:
        tries.append(1)
        if len(tries) == 1:
            with transaction.atomic():
                Customer.objects.create(shop=customer.shop, name="twin", email="t@example.com", number=customer.number)
        return real(*args, **options)

    monkeypatch.setattr(stage, "_transaction", taken_once)
    assert erase(customer).erased == 1
    assert len(tries) == 2


@pytest.mark.django_db(transaction=True)
def test_a_constraint_that_is_really_broken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = make_customer()
    monkeypatch.setattr(stage, "_transaction", _always_broken)
    with pytest.raises(IntegrityError):
        erase(customer)


def _always_broken(*args: Any, **options: Any) -> stage.Outcome:
    raise IntegrityError("UNIQUE constraint failed")


# --- what is over in a moment -----------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("busy", [3, 10_000])
def test_what_is_just_busy_is_waited_for_outside_the_transaction(
    monkeypatch: pytest.MonkeyPatch, snapshot: Snapshot, busy: int
) -> None:
    """Each try is rolled back; after some seconds the caller hears of it, and nothing has changed."""
    world = make_world()
    policy = plan_for(Customer, "default").policy
    before, tries, slept = snapshot(), [], []

    def receipted(batch: stage.Batch) -> None:
        tries.append(connection.in_atomic_block)
        if len(tries) <= busy:
            raise TryAgain

    real = stage.time.sleep
    monkeypatch.setattr(policy, "receipted", receipted)
    monkeypatch.setattr(stage.time, "sleep", lambda s: (slept.append(connection.in_atomic_block), real(s / 10)))
    monkeypatch.setattr(stage, "PATIENCE", 0.2)
    if busy == 3:
        assert erase(world.subject).erased == 1
        assert len(tries) == 4
    else:
        with pytest.raises(TryAgain, match="busy with this subject"):
            erase(world.subject)
        assert snapshot() == before
        assert len(tries) > 3
    assert all(tries)
    assert not any(slept)
