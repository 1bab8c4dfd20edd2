"""Previewing: everything is counted in a fixed number of statements, nothing is written, a fingerprint says what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lethe import pipeline, preview
from lethe.connection import Runner
from lethe.exceptions import Changed
from lethe.plan import plan_for
from lethe.preview import differences
from tests.lethe.apps.people.models import Account
from tests.lethe.apps.shapes.models import Patient, Stay
from tests.lethe.apps.shop.models import Address, Customer, Order, Product
from tests.lethe.support.world import make_customer, make_patient, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], int]:
    """How many statements something sends, the engine's own and Django's."""

    def count(work: Callable[[], Any]) -> int:
        runners: list[Runner] = []
        real = Runner.__init__

        def noted(self: Runner, using: str) -> None:
            runners.append(self)
            real(self, using)

        with monkeypatch.context() as patch, CaptureQueriesContext(connection) as captured:
            patch.setattr(Runner, "__init__", noted)
            work()
        return sum(runner.statements for runner in runners) + len(captured)

    return count


def addresses(customer: Customer, count: int) -> None:
    """So many addresses."""
    Address.objects.bulk_create(Address(customer=customer, line=f"line {number}") for number in range(count))


def test_the_number_of_statements_depends_on_nothing(statements: Callable[[Callable[[], Any]], int]) -> None:
    few, many = make_world(), make_world()
    addresses(few.subject, 10)
    addresses(many.subject, 1_000)
    Order.objects.bulk_create(Order(customer=many.subject, note="x") for _ in range(1_000))
    plan_for(Customer)
    small = statements(lambda: pipeline.preview(Customer, [few.pk]))
    large = statements(lambda: pipeline.preview(Customer, [many.pk]))
    several = statements(lambda: pipeline.preview(Customer, [few.pk, many.pk, make_customer().pk]))
    assert small == large == (4 if connection.vendor == "postgresql" else 15)
    # Making a customer is a statement of the test's own.
    assert several - small <= 2
    ids = [make_customer().pk for _ in range(20)]
    assert statements(lambda: pipeline.preview(Customer, ids)) == small


def test_nothing_is_written(snapshot: Callable[[], Any]) -> None:
    world = make_world()
    before = snapshot()
    with CaptureQueriesContext(connection):
        pipeline.preview(Customer, [world.pk])
    assert snapshot() == before


def test_what_is_counted() -> None:
    world, other = make_world(), make_world()
    addresses(world.subject, 4)
    found = pipeline.preview(Customer, [world.pk, 999_999])
    counts = {step.name: step.count for step in found.steps}
    assert counts["shop.Address"] == 5
    assert counts["shop.Order"] == counts["shop.OrderLine"] == counts["shop.Engraver"] == 1
    assert (counts["shop.Review by author"], counts["shop.Review by order__customer"]) == (1, 1)
    assert counts["shop.Note by key"] == 3 if "shop.Note by key" in counts else counts["shop.Note"] == 3
    assert counts["shop.Customer.referred_by"] == counts["shop.Order.gift_for"] == 1
    assert (found.subjects, found.missing, found.already) == (1, (999_999,), ())
    both = {step.name: step.count for step in pipeline.preview(Customer, [world.pk, other.pk]).steps}
    assert both["shop.Address"] == 6


def test_a_review_on_both_paths_is_counted_once() -> None:
    from tests.lethe.apps.shop.models import Review

    world = make_world()
    Review.objects.create(author=world.subject, order=Order.objects.get(customer=world.subject), body="both")
    counts = {step.name: step.count for step in pipeline.preview(Customer, [world.pk]).steps}
    assert (counts["shop.Review by author"], counts["shop.Review by order__customer"]) == (2, 1)


def test_blockers_and_actions_are_found_with_their_amounts() -> None:
    world = make_world()
    unpaid = {"customer": world.subject, "status": Order.Status.SENT, "note": "unpaid"}
    Order.objects.create(total="10.50", **unpaid)
    Order.objects.create(total="0.25", **unpaid)
    Order.objects.create(total="7", currency="GBP", **unpaid)
    Order.objects.create(customer=world.subject, due_at=timezone.now() + timezone.timedelta(days=1))
    found = pipeline.preview(Customer, [world.pk])
    assert found.blocked
    assert [(f.count, str(f.amount), f.unit, f.blocks) for f in found.findings] == [
        (2, "10.75", "EUR", True),
        (1, "7.00", "GBP", True),
    ]
    assert [(f.name, f.count, f.blocks) for f in found.actions] == [("cancel", 1, False)]


def test_an_erased_subject_is_told_apart() -> None:
    world, patient = make_world(), make_patient()
    for subject in (world.subject, patient.subject):
        pipeline.erase(type(subject), [subject.pk], by="tests", reason="asked in writing")
        found = pipeline.preview(type(subject), [subject.pk])
        assert (found.subjects, found.already) == (0, (subject.pk,))


# --- the fingerprint --------------------------------------------------------------------------------------------------
def test_the_same_rows_have_the_same_fingerprint() -> None:
    world = make_world()
    assert pipeline.preview(Customer, [world.pk]).fingerprint == pipeline.preview(Customer, [world.pk]).fingerprint


CHANGES: dict[str, Callable[[Customer], Any]] = {
    "a row is added": lambda customer: Address.objects.create(customer=customer, line="new"),
    "a row is removed": lambda customer: Address.objects.filter(customer=customer).first().delete(),
    "a row is exchanged": lambda customer: _exchanged(customer),
    "two rows are exchanged for two with the same sum of keys": lambda customer: _exchanged_evenly(customer),
}


def _exchanged(customer: Customer) -> None:
    goes = Address.objects.filter(customer=customer).latest("pk")
    Address.objects.filter(pk=goes.pk).update(customer=make_customer())
    Address.objects.create(customer=customer, line=goes.line)


def _exchanged_evenly(customer: Customer) -> None:
    """First and last stay, count and sum stay: only other rows are named."""
    keys = list(Address.objects.filter(line__startswith="line ").order_by("pk").values_list("pk", flat=True))
    other = make_customer()
    Address.objects.filter(pk__in=(keys[2], keys[6])).update(customer=other)
    Address.objects.filter(pk__in=(keys[3], keys[5])).update(customer=customer)


@pytest.mark.parametrize("change", CHANGES)
def test_the_fingerprint_differs_and_the_step_is_named(change: str) -> None:
    world, other = make_world(), make_customer()
    addresses(world.subject, 8)
    keys = list(Address.objects.filter(line__startswith="line ").order_by("pk").values_list("pk", flat=True))
    Address.objects.filter(pk__in=(keys[3], keys[5])).update(customer=other)
    mine = Address.objects.filter(customer=world.subject)
    summed = sum(mine.values_list("pk", flat=True))
    then = pipeline.preview(Customer, [world.pk])
    CHANGES[change](world.subject)
    if change.startswith("two"):
        assert (mine.count(), sum(mine.values_list("pk", flat=True))) == (7, summed)
    found = pipeline.preview(Customer, [world.pk])
    assert then.fingerprint != found.fingerprint
    changed = differences(plan_for(Customer), then.fingerprint, found.fingerprint)
    assert set(changed) == {"addresss"} or change == "a row is removed"
    with pytest.raises(Changed, match="addresss: "):
        pipeline.erase(Customer, [world.pk], by="tests", reason="asked in writing", fingerprint=then.fingerprint)


def test_another_subject_another_policy_and_nonsense_differ() -> None:
    one, two, plan = make_customer(), make_customer(), plan_for(Customer)
    first, second = (pipeline.preview(Customer, [customer.pk]).fingerprint for customer in (one, two))
    assert differences(plan, first, second) == {"the subjects": (0, 0), "customers": (1, 1)}
    account = pipeline.preview(Account, [Account.objects.create(email="a@example.com").pk]).fingerprint
    assert "the policy" in differences(plan, first, account)
    for nonsense in ("", "x", "!!!!", "eJwDAAAAAAE", first[:-3]):
        assert differences(plan, nonsense, first) == {"the confirmation": (0, 0)}


def test_a_fingerprint_holds_no_value_of_anyone() -> None:
    world = make_world()
    fingerprint = pipeline.preview(Customer, [world.pk]).fingerprint
    unpacked = repr(preview._unpacked(fingerprint)).encode()
    assert world.found_in(unpacked) == []


def test_keys_that_are_no_numbers_or_are_several() -> None:
    worlds = [make_patient() for _ in range(2)]
    then = pipeline.preview(Patient, [world.pk for world in worlds])
    assert {step.name: step.count for step in then.steps}["shapes.Stay"] == 2
    stay = Stay.objects.get(patient=worlds[0].subject)
    Stay.objects.filter(pk=stay.pk).delete()
    Stay.objects.create(patient=worlds[0].subject, number=stay.number + 100, ward="west")
    found = pipeline.preview(Patient, [world.pk for world in worlds])
    # Another row with the same count.
    assert differences(plan_for(Patient), then.fingerprint, found.fingerprint) == {
        "stays": (2, 2),
        "stay items": (2, 1),
    }
    assert Product.objects.count() == 0
