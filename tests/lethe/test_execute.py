"""Erasing: everything goes, nothing else changes, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from lethe import execute as stage
from lethe import outbox, pipeline
from lethe.models import ErasedMark, Receipt, Run, SubjectKey
from lethe.plan import plan_for
from tests.lethe.apps.people.models import Account, Invoice, Member, Person
from tests.lethe.apps.shapes.models import Handover, Patient
from tests.lethe.apps.shop.models import Address, Comment, Customer, Note, Order, Refund, Shop
from tests.lethe.support.database import constraints_hold
from tests.lethe.support.world import make_account, make_customer, make_member, make_patient, make_world
from tests.support.dump import logical_dump

KINDS = {"customer": make_world, "member": make_member, "account": make_account, "patient": make_patient}
Snapshot = Callable[[], dict[str, list[tuple[Any, ...]]]]


def erase(*subjects: Any, **options: Any) -> stage.Outcome:
    """Erase instances."""
    return pipeline.erase(
        type(subjects[0]), [one.pk for one in subjects], by="tests", reason="asked in writing", **options
    )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", KINDS)
def test_canaries_are_present_before_and_absent_after(kind: str) -> None:
    world = KINDS[kind]()
    if kind == "customer":
        default_storage.save(world.subject.picture.name, ContentFile(b"pixels"))
    assert sorted(world.found_in(logical_dump(connection))) == sorted(world.canaries)

    outcome = erase(world.subject)

    assert outcome.erased == 1
    # What is to be done outside waits with its identifiers until it is done, and no longer.
    waiting = {"token", "picture"} if kind == "customer" else set()
    assert set(world.found_in(logical_dump(connection))) == waiting
    outbox.drain()
    assert world.found_in(logical_dump(connection)) == []
    assert constraints_hold()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", KINDS)
def test_bystanders_are_what_they_were(kind: str, snapshot: Snapshot) -> None:
    KINDS[kind]()
    before = snapshot()
    world = KINDS[kind]()
    with_world = snapshot()
    erase(world.subject)
    after = snapshot()
    for table, rows in before.items():
        gone = [row for row in rows if row not in after[table]]
        assert gone == [], f"rows of others changed in {table}"
    changed = {table for table in after if after[table] != with_world[table]}
    assert changed, "nothing changed, so nothing was compared"
    assert constraints_hold()


@pytest.mark.django_db
def test_rows_of_others_lose_the_reference_and_nothing_else() -> None:
    world = make_world()
    referred = Customer.objects.get(referred_by=world.subject)
    gift = Order.objects.get(gift_for=world.subject)
    answer = Comment.objects.get(reply_to__author=world.subject)
    acted = Note.objects.get(actor=world.subject)
    erase(world.subject)
    for row in (referred, gift, answer, acted):
        row.refresh_from_db()
    assert (referred.referred_by, gift.gift_for, answer.reply_to, acted.actor) == (None, None, None, None)
    assert (gift.gift_note, gift.note) == ("", "of the friend")
    assert (answer.quoted, answer.body) == ("", "an answer")
    assert (acted.actor_address, acted.body) == ("", "the lamp")


@pytest.mark.django_db
def test_the_record_has_its_erased_values() -> None:
    shop = Shop.objects.create(name="Other", erased_domain="forgotten.example")
    world = make_world(shop=shop)
    erase(world.subject)
    customer = Customer.objects.get(pk=world.pk)
    assert (customer.name, customer.status, customer.phone, customer.born) == ("[deleted]", "deleted", "", None)
    assert (customer.tags, customer.extra, customer.loyal, bytes(customer.fingerprint)) == ([], None, False, b"")
    local, _, domain = customer.email.partition("@")
    assert (len(local), domain) == (32, "forgotten.example")
    assert customer.password.startswith("!")
    assert len(customer.number) == 9
    assert customer.number.isdigit()
    assert (customer.main_address, customer.referred_by) == (None, None)


@pytest.mark.django_db
def test_an_address_without_a_domain_gets_the_reserved_one() -> None:
    shop = Shop.objects.create(name="Nameless", erased_domain="")
    customer = make_customer(shop=shop)
    erase(customer)
    customer.refresh_from_db()
    assert customer.email.endswith("@erased.invalid")


@pytest.mark.django_db
def test_sales_are_what_they_were() -> None:
    world = make_world()
    before = Order.objects.filter(customer=world.subject).values("status", "total", "currency", "lines__quantity")
    before = list(before)
    erase(world.subject)
    assert (
        list(Order.objects.filter(customer=world.pk).values("status", "total", "currency", "lines__quantity")) == before
    )
    assert Refund.objects.get(customer=world.pk).amount == 1.5


@pytest.mark.django_db
def test_erasing_twice_is_a_success_that_changes_nothing(snapshot: Snapshot) -> None:
    world = make_world()
    first = erase(world.subject)
    once, runs = snapshot(), list(Run.objects.values())
    second = erase(world.subject)
    assert (first.erased, first.already) == (1, 0)
    assert (second.erased, second.already, second.receipts) == (0, 1, {})
    assert snapshot() == once
    assert list(Run.objects.values()) == runs


@pytest.mark.django_db
def test_mark_key_run_and_receipt() -> None:
    world = make_world()
    named = {"subject": "shop.customer", "key": str(world.pk)}
    assert len(SubjectKey.objects.get(**named).value) == 32
    outcome = erase(world.subject)
    assert ErasedMark.objects.filter(**named).count() == 1
    assert not SubjectKey.objects.filter(**named).exists()
    receipt = Receipt.objects.get(number=outcome.receipts[world.pk])
    run = receipt.run
    assert (run.subject, run.subjects, run.reason, run.by) == ("shop.customer", 1, "asked in writing", "tests")
    assert run.plan == plan_for(Customer).digest
    assert run.counts == outcome.counts
    assert (outcome.counts["shop.Address"], outcome.counts["shop.Comment.reply_to"]) == (1, 1)


@pytest.mark.django_db
def test_a_run_names_no_one() -> None:
    world = make_world()
    outcome = erase(world.subject)
    said = repr([list(Run.objects.values()), list(Receipt.objects.values())])
    assert world.found_in(said.encode()) == []
    assert f"'{world.pk}'" not in said
    assert len(outcome.receipts[world.pk]) == 23


@pytest.mark.django_db
def test_the_number_of_statements_does_not_depend_on_rows_or_subjects() -> None:
    one = make_world()
    few = erase(one.subject).statements
    busy = make_world()
    for number in range(40):
        order = Order.objects.create(customer=busy.subject, note="x", status=Order.Status.SENT)
        Address.objects.create(customer=busy.subject, line=f"line {number}")
        Comment.objects.create(author=busy.subject, body=f"{order.pk}")
    assert erase(busy.subject).statements == few
    several = [make_world().subject for _ in range(3)]
    assert erase(*several).statements == few


# --- other shapes -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_row_in_two_tables_is_erased_in_both() -> None:
    world = make_member()
    erase(world.subject)
    person = Person.objects.get(pk=world.pk)
    member = Member.objects.get(pk=world.pk)
    assert (person.name, member.card, member.home, person.introduced_by) == ("[deleted]", "", "north", None)
    assert person.email.endswith("@erased.invalid")
    assert Invoice.objects.get(member=member).title == ""
    assert Person.objects.get(name="Newcomer").introduced_by is None


@pytest.mark.django_db
def test_several_kinds_of_subject_are_told_apart() -> None:
    customer = make_customer()
    account = Account.objects.create(pk=customer.pk, email="same-key@example.com", full_name="Ada")
    erase(account)
    customer.refresh_from_db()
    assert customer.name != "[deleted]"
    assert list(ErasedMark.objects.values_list("subject", "key")) == [("people.account", str(account.pk))]
    assert erase(customer).erased == 1


@pytest.mark.django_db
def test_keys_and_columns_of_every_kind() -> None:
    world = make_patient()
    told = Handover.objects.get(patient=world.subject)
    erase(world.subject)
    patient = Patient.objects.get(pk=world.pk)
    assert (patient.name, patient.initial) == ("[deleted]", "[")
    told = Handover.objects.get(pk=told.pk)
    assert (told.patient, told.told) == (None, "")


@pytest.mark.django_db(databases=["default", "other"])
def test_another_database_of_the_same_project() -> None:
    shop = Shop.objects.using("other").create(name="There", erased_domain="there.example")
    given = {"shop": shop, "name": "Elsewhere", "email": "e@example.com", "number": "1"}
    customer = Customer.objects.using("other").create(**given)
    here = make_customer(pk=customer.pk)
    outcome = pipeline.erase(Customer, [customer.pk], by="tests", reason="asked in writing", using="other")
    assert outcome.erased == 1
    customer.refresh_from_db()
    here.refresh_from_db()
    assert (customer.name, here.name != "[deleted]") == ("[deleted]", True)
    assert (ErasedMark.objects.using("other").count(), ErasedMark.objects.count()) == (1, 0)
