"""The seal: the database refuses personal data on an erased record, and lets history through."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from lethe import pipeline
from lethe.models import SubjectKey
from lethe.seal import is_sealed
from tests.lethe.apps.people.models import Account, Invoice, Member, Person, PersonNote
from tests.lethe.apps.shapes.models import Handover, Legacy, Patient, Result, Stay, StayItem
from tests.lethe.apps.shop.models import (
    Address,
    Card,
    ClubMember,
    Comment,
    Counter,
    Customer,
    Flag,
    Note,
    Order,
    OrderLine,
    Product,
    Refund,
    Review,
    Ticket,
)
from tests.lethe.support.world import World, make_account, make_customer, make_member, make_patient, make_world, point

pytestmark = pytest.mark.django_db


@pytest.fixture
def erased() -> World:
    """A customer in every table, erased."""
    return gone(make_world())


def gone(world: World) -> World:
    """Erase a world's subject."""
    pipeline.erase(type(world.subject), [world.pk], by="tests", reason="asked in writing")
    world.subject = type(world.subject).objects.get(pk=world.pk)
    return world


def refused(write: Callable[[], Any]) -> bool:
    """Whether the seal refuses a write; another error is not its own."""
    try:
        with transaction.atomic():
            write()
    except DatabaseError as error:
        if is_sealed(error):
            return True
        raise
    return False


# --- the record itself ------------------------------------------------------------------------------------------------
PERSONAL: dict[str, Any] = {
    "name": "Ada",
    "email": "ada@example.com",
    "password": "!another",
    "number": "123456789",
    "phone": "1",
    "born": datetime.date(2000, 1, 1),
    "about": "x",
    "tags": ["x"],
    "extra": {"x": 1},
    "loyal": True,
    "picture": "x.png",
    "fingerprint": b"x",
    "status": "active",
    "joined": datetime.date(2000, 1, 1),
}


@pytest.mark.parametrize("field", PERSONAL)
def test_every_personal_column_is_refused(field: str, erased: World) -> None:
    rows = Customer.objects.filter(pk=erased.pk)
    assert refused(lambda: rows.update(**{field: PERSONAL[field]}))
    setattr(erased.subject, field, PERSONAL[field])
    assert refused(erased.subject.save)
    other = make_customer()
    assert not refused(lambda: Customer.objects.filter(pk=other.pk).update(**{field: PERSONAL[field]}))


def test_references_of_an_erased_record_are_refused(erased: World) -> None:
    address = Address.objects.create(customer=make_customer(), line="x")
    for field, value in (
        ("main_address", address),
        ("referred_by", make_customer()),
        ("clerk", make_account().subject),
    ):
        assert refused(lambda f=field, v=value: Customer.objects.filter(pk=erased.pk).update(**{f: v}))


def test_saving_unchanged_and_clearing_more_pass(erased: World) -> None:
    erased.subject.save()
    erased.subject.refresh_from_db()
    assert not refused(erased.subject.save)
    assert not refused(lambda: Customer.objects.filter(pk=erased.pk).update(phone="", tags=[], extra=None, loyal=False))
    assert not refused(lambda: Customer.objects.filter(pk=erased.pk).update(name="[deleted]", main_address=None))


def test_every_spelling_of_a_write_is_refused(erased: World) -> None:
    erased.subject.phone = "123"
    assert refused(lambda: Customer.objects.bulk_update([erased.subject], ["phone"]))
    assert refused(lambda: Customer.objects.update_or_create(pk=erased.pk, defaults={"phone": "123"}))

    def raw() -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE shop_customer SET phone = '123'")

    assert refused(raw)


# --- what points at it ------------------------------------------------------------------------------------------------
def test_new_rows_that_point_at_it_are_refused(erased: World) -> None:
    customer, other = erased.subject, make_customer()
    order = Order.objects.get(customer=customer)
    line = order.lines.get()
    product = Product.objects.create(name="Chair")
    writes: dict[str, Callable[[], Any]] = {
        "deleted rows": lambda: Address.objects.create(customer=customer, line="x"),
        "kept rows": lambda: Order.objects.create(customer=customer),
        "two steps away": lambda: OrderLine.objects.create(order=order, product=product),
        "three steps away": lambda: line.engraver_set.create(wording="x"),
        "by the second path": lambda: Review.objects.create(order=order, body="x"),
        "on somebody else's row": lambda: Order.objects.create(customer=other, gift_for=customer),
        "by a number": lambda: Ticket.objects.create(customer_ref=customer.pk),
        "many-to-many": lambda: customer.wishes.add(product),
        "many-to-many with itself": lambda: other.friends.add(customer),
        "a generic key": lambda: point(Note, customer, body="x"),
        "a generic number": lambda: point(Flag, customer, why="x"),
        "in bulk": lambda: Card.objects.bulk_create(
            [Card(customer=other, token="a"), Card(customer=customer, token="b")]
        ),
    }
    for name, write in writes.items():
        assert refused(write), name
    assert not Card.objects.filter(token="a").exists(), "half of a bulk insert stayed"
    assert not refused(lambda: Counter.objects.create(customer=customer)), "nobody's rows are not the seal's matter"
    assert not refused(lambda: Address.objects.create(customer=other, line="x"))
    assert not refused(lambda: point(Note, product, body="x"))


def test_pointing_existing_rows_at_it_is_refused(erased: World) -> None:
    other = make_world()
    customer = erased.subject
    kept = Order.objects.get(customer=customer)
    assert refused(lambda: Order.objects.filter(customer=other.pk).update(customer=customer))
    assert refused(lambda: Address.objects.filter(customer=other.pk).update(customer=customer))
    assert refused(lambda: Order.objects.filter(customer=other.pk).update(gift_for=customer))
    assert refused(lambda: OrderLine.objects.filter(order__customer=other.pk).update(order=kept))
    assert refused(lambda: Comment.objects.filter(author=other.pk).update(author=customer))
    assert refused(lambda: Ticket.objects.filter(customer_ref=other.pk).update(customer_ref=customer.pk))


def test_kept_rows_stay_as_they_were_cleared(erased: World) -> None:
    orders = Order.objects.filter(customer=erased.pk)
    assert refused(lambda: orders.update(note="again"))
    assert refused(lambda: OrderLine.objects.filter(order__customer=erased.pk).update(engraving="again"))
    assert refused(lambda: ClubMember.objects.filter(customer=erased.pk).update(nickname="again"))
    assert refused(lambda: Ticket.objects.filter(customer_ref=erased.pk).update(question="again"))


def test_history_goes_on(erased: World) -> None:
    orders = Order.objects.filter(customer=erased.pk)
    assert not refused(lambda: orders.update(status=Order.Status.SENT, note=""))
    order = orders.get()
    order.total = 5
    assert not refused(order.save)
    assert not refused(lambda: OrderLine.objects.filter(order=order).update(quantity=7))
    assert not refused(lambda: orders.update(packed_by=Account.objects.create(email="p@example.com")))


def test_history_lets_a_row_in_with_nothing_personal(erased: World) -> None:
    assert not refused(lambda: Refund.objects.create(customer=erased.subject, amount=3))
    assert refused(lambda: Refund.objects.create(customer=erased.subject, amount=3, memo="for Ada"))
    assert refused(lambda: Refund.objects.filter(customer=erased.pk).update(memo="for Ada"))
    elsewhere = Refund.objects.create(customer=make_customer(), amount=3, memo="for Bob")
    assert refused(lambda: Refund.objects.filter(pk=elsewhere.pk).update(customer=erased.pk))
    assert not refused(lambda: Refund.objects.filter(pk=elsewhere.pk).update(customer=erased.pk, memo=""))


# --- keys -------------------------------------------------------------------------------------------------------------
def test_the_same_key_is_never_given_out_again(erased: World) -> None:
    shop, key = erased.subject.shop, erased.pk
    again = {"pk": key, "shop": shop, "name": "x", "email": "x@example.com", "number": "x"}
    with connection.cursor() as cursor:  # the row is gone, by a hand that knows of nothing
        for table in ("shop_refund", "shop_clubmember", "shop_counter"):
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("DELETE FROM shop_engraver")
        cursor.execute("DELETE FROM shop_orderline")
        cursor.execute("DELETE FROM shop_order")
        cursor.execute("DELETE FROM shop_customer WHERE id = %s", [key])
    assert refused(lambda: Customer.objects.create(**again))
    assert refused(lambda: Customer.objects.bulk_create([Customer(**again)]))
    again["pk"] = key + 1_000_000
    assert not refused(lambda: Customer.objects.create(**again))


def test_replacing_a_row_is_no_way_round(erased: World, postgres: bool) -> None:
    names = (
        "id, name, shop_id, email, password, number, phone, about, tags, loyal, picture, fingerprint, status, joined"
    )
    head = f"{erased.pk}, 'Ada', {erased.subject.shop_id}, 'a@example.com', '', '1', '', '', '[]'"
    values = head + ", {}, '', {}, 'x', '2020-01-01'"

    def replace() -> None:
        with connection.cursor() as cursor:
            if postgres:
                cursor.execute(
                    f"INSERT INTO shop_customer ({names}) VALUES ({values.format('false', chr(39) * 2)}) "
                    "ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name"
                )
            else:
                cursor.execute("PRAGMA defer_foreign_keys = ON")
                cursor.execute(
                    f"INSERT OR REPLACE INTO shop_customer ({names}) VALUES ({values.format(0, 'x' + chr(39) * 2)})"
                )

    assert refused(replace)
    assert Customer.objects.get(pk=erased.pk).name == "[deleted]"

    def replace_dependent() -> None:
        order = Order.objects.get(customer=erased.pk)
        columns = "id, customer_id, gift_note, status, total, currency, due_at, note"
        row = f"{order.pk}, {erased.pk}, '', 'sent', 1, 'EUR', '2020-01-01', 'for Ada'"
        conflict = "ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note" if postgres else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT {'' if postgres else 'OR REPLACE'} INTO shop_order ({columns}) VALUES ({row}) {conflict}"
            )

    assert refused(replace_dependent)


def test_a_subject_s_key_is_drawn_and_removed() -> None:
    def key(customer: Customer) -> str | None:
        return (
            SubjectKey.objects.filter(subject="shop.customer", key=str(customer.pk))
            .values_list("value", flat=True)
            .first()
        )

    one = make_customer()
    shop = one.shop
    bulk = Customer.objects.bulk_create(
        Customer(shop=shop, name="x", email=f"b{number}@example.com", number=f"b{number}") for number in range(3)
    )
    keys = [key(customer) for customer in (one, *bulk)]
    assert all(value is not None and len(value) == 32 for value in keys)
    assert len(set(keys)) == 4
    one.name = "renamed"
    one.save()
    assert key(one) == keys[0]
    pk = one.pk
    one.delete()
    one.pk = pk
    assert key(one) is None
    pipeline.erase(Customer, [bulk[0].pk], by="tests", reason="asked in writing")
    assert key(bulk[0]) is None
    assert key(bulk[1]) == keys[2]


def test_a_uuid_s_key_is_drawn_and_removed() -> None:
    world = make_patient()
    assert SubjectKey.objects.filter(subject="shapes.patient").count() == 1
    gone(world)
    assert not SubjectKey.objects.filter(subject="shapes.patient").exists()


# --- other shapes -----------------------------------------------------------------------------------------------------
def test_a_row_in_two_tables() -> None:
    world = gone(make_member())
    other = make_member()
    assert refused(lambda: Member.objects.filter(pk=world.pk).update(card="1"))
    assert refused(lambda: Person.objects.filter(pk=world.pk).update(name="Ada"))
    assert refused(lambda: Member.objects.filter(pk=world.pk).update(email="a@example.com"))
    assert refused(lambda: Person.objects.filter(pk=world.pk).update(introduced_by=other.pk))
    assert refused(lambda: PersonNote.objects.create(person_id=world.pk, body="x"))
    assert refused(lambda: Invoice.objects.create(member=world.subject))
    assert refused(lambda: Invoice.objects.filter(member=world.pk).update(title="for Ada"))
    assert refused(lambda: Invoice.objects.filter(member=world.pk).update(billed_to="Ada"))
    assert not refused(lambda: Invoice.objects.filter(member=world.pk).update(number=5))
    assert not refused(Member.objects.get(pk=world.pk).save)
    assert not refused(lambda: Person.objects.filter(pk=other.pk).update(name="Bob"))
    assert not refused(lambda: Person.objects.create(name="Nobody's"))


def test_keys_and_columns_of_every_kind() -> None:
    world, other = gone(make_patient()), make_patient()
    patient = world.subject
    assert refused(lambda: Patient.objects.filter(pk=patient.pk).update(name="Ada"))
    assert refused(lambda: Patient.objects.filter(pk=patient.pk).update(code="1" * 18))
    assert refused(lambda: Result.objects.create(patient=patient, finding="x"))
    assert refused(lambda: Stay.objects.create(patient=patient, number=999, ward="east"))
    assert refused(lambda: Stay.objects.filter(patient=patient).update(remark="x"))
    assert refused(lambda: Legacy.objects.create(patient=patient, memo="x"))
    number = Stay.objects.get(patient=patient).number
    assert refused(lambda: StayItem.objects.create(patient_key=patient.pk, stay_number=number, what="x"))
    assert refused(lambda: Handover.objects.filter(patient=other.pk).update(patient=patient))
    assert refused(lambda: point(Note, patient, body="x"))
    assert not refused(lambda: Stay.objects.filter(patient=patient).update(ward="east"))
    assert not refused(lambda: Result.objects.create(patient=other.subject, finding="x"))
    assert not refused(Patient.objects.get(pk=patient.pk).save)


def test_several_kinds_of_subject_are_told_apart() -> None:
    world = gone(make_account())
    customer = make_customer()
    assert refused(lambda: Account.objects.filter(pk=world.pk).update(full_name="Ada"))
    assert refused(lambda: Order.objects.create(customer=customer, packed_by=world.subject))
    assert refused(lambda: Customer.objects.filter(pk=customer.pk).update(clerk=world.pk))
    assert not refused(lambda: Order.objects.create(customer=customer, note="x"))
