"""What is suggested for models of every shape, and why."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from lethe import delete_rows
from lethe.guess import Shape, guess, shapes
from lethe.registry import Registry, registry
from lethe.suggest import remaining, suggest
from lethe.suggestion import Suggestion
from tests.lethe.apps.people.models import Member, Person
from tests.lethe.apps.shop.models import Address, Customer, Note, Order
from tests.lethe.support.registries import declared, only
from tests.lethe.support.world import make_customer


@pytest.fixture(scope="module")
def made() -> dict[type[models.Model], Suggestion]:
    """Suggestions for all the apps of the tests, as if nothing were declared."""
    return {one.model: one for one in suggest(Registry())}


def test_confirmed_they_leave_nothing_to_find(made: dict[type[models.Model], Suggestion]) -> None:
    assert len(made) > 25
    assert [str(found.msg) for found in remaining(Registry(), list(made.values()))] == []


def test_what_stands_is_left_alone(made: dict[type[models.Model], Suggestion]) -> None:
    assert suggest(registry) == []
    source = declared((Address, {"path": "customer", "rows": delete_rows()}))
    assert Address in made
    assert Address not in {one.model for one in suggest(source)}


def test_who_it_is_whose_it_is_and_whom_it_mentions(made: dict[type[models.Model], Suggestion]) -> None:
    assert made[Customer].kind == "subject"
    order = made[Order]
    assert (order.kind, order.paths) == ("keep", ["customer"])
    assert {"gift_for", "packed_by"} <= set(order.unlink)
    assert (made[Address].kind, made[Address].paths) == ("delete", ["customer"])
    assert made[Note].by_key == ("content_type", "object_id")
    assert made[Note].unlink == ["actor"]
    # A subject's row begins in another table: the fields of both are answered in one place.
    assert Person not in made
    assert {"name", "email", "card"} <= set(made[Member].fields)


def test_e024_a_suggestion_is_no_answer() -> None:
    source = declared((Address, {"path": "customer", "rows": delete_rows(), "suggested": ("rows", "street")}))
    for policy in registry:
        if policy.model is not Address:
            source._policies[policy.model] = policy
    finding = only(source, "E024")
    assert finding.msg == "shop.Address: nobody has confirmed what was suggested for rows, street."
    assert finding.hint == "Delete from suggested what you have decided, and the line when nothing is left in it."


@isolate_apps("tests.lethe.apps.shop")
def test_fields_are_guessed_by_type_by_name_and_by_what_they_can_take() -> None:
    class Thing(models.Model):
        email = models.EmailField()
        code_name = models.CharField(max_length=60, unique=True)
        born = models.DateField()
        weight = models.IntegerField()
        currency = models.CharField(max_length=3)
        state = models.CharField(max_length=9, choices=[("a", "A"), ("b", "B")])
        password = models.CharField(max_length=128)
        short_password = models.CharField(max_length=20)
        remark = models.TextField()
        token = models.CharField(max_length=40)
        plate = models.CharField(max_length=40)
        total = models.DecimalField(max_digits=9, decimal_places=2)
        extra = models.JSONField(default=dict)
        seen_from = models.GenericIPAddressField(null=True)

        class Meta:
            app_label = "shop"

    def said(name: str, **seen: Shape) -> tuple[str, str]:
        found = guess(Thing._meta.get_field(name), seen, counted="things are counted by it")
        return found.action, found.source

    keep = ("keep", "things are counted by it")
    assert said("email") == ("clear", "")
    assert said("code_name") == ("replace", "RandomEmail()")
    assert said("weight") == ("replace", "0")
    assert said("password") == ("replace", "UnusablePassword()")
    assert said("short_password") == ("replace", "RandomDigits(20)")
    for name in ("remark", "token", "plate", "extra", "seen_from"):
        assert said(name) == ("clear", ""), name
    for name in ("currency", "state", "total"):
        assert said(name) == keep, name
    # A date that cannot be empty has no good answer, and says what is missing.
    left = guess(Thing._meta.get_field("born"), {}, counted="")
    assert (left.action, left.open) == ("keep", True)
    assert "allow NULL" in left.source
    few = Shape(rows=100, distinct=4, addresses=False, numbers=False)
    assert said("plate", plate=few) == keep
    assert said("plate", plate=Shape(rows=9, distinct=4, addresses=False, numbers=False)) == ("clear", "")
    assert said("currency", currency=Shape(rows=9, distinct=9, addresses=True, numbers=False)) == ("clear", "")


@pytest.mark.django_db
def test_shapes_take_one_query_and_hold_no_value(django_assert_num_queries: Any) -> None:
    for number in range(3):
        make_customer(name=f"Quillon {number}", phone=f"020 7946 000{number}")
    with django_assert_num_queries(1):
        few = shapes(Customer)
    for _ in range(5):
        make_customer(phone="+44 20 7946 0000")
    with django_assert_num_queries(1):
        many = shapes(Customer)
    assert few["phone"].numbers
    assert many["email"].addresses
    assert many["phone"].rows == 8
    assert "Quillon" not in repr(many)
