"""Compiling: an immutable value, in an order in which every step finds its rows, with a digest of the declaration."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from django.db import models
from django.test.utils import isolate_apps

from lethe import Action, Blocker, Replace, by_value, delete_rows, emit, keep_rows
from lethe.exceptions import NotRegistered, PolicyError
from lethe.plan import compile_plan
from lethe.registry import registry
from lethe.steps import Step
from tests.lethe.apps.people.models import Account, Member
from tests.lethe.apps.shapes.models import Patient
from tests.lethe.apps.shop.models import Address, Customer, Order, Shop
from tests.lethe.support.registries import declared

PERSON: dict[str, Any] = {"subject": True, "clear": ("name",)}


def names(steps: tuple[Step, ...]) -> list[str]:
    """Step names in order, without the app."""
    return [step.name.replace("shop.", "") for step in steps]


def before(steps: tuple[Step, ...], first: str, second: str) -> bool:
    """Whether one step runs before another."""
    found = names(steps)
    return found.index(first) < found.index(second)


# --- what a plan is ---------------------------------------------------------------------------------------------------
def test_a_plan_is_immutable() -> None:
    plan = compile_plan(Customer)
    with pytest.raises(FrozenInstanceError):
        plan.digest = "another"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        plan.steps[0].name = "another"  # type: ignore[misc]
    assert isinstance(plan.steps, tuple)
    again = compile_plan(Customer)
    assert (again.steps, again.checks, again.digest) == (plan.steps, plan.checks, plan.digest)


def test_only_subjects_have_plans() -> None:
    with pytest.raises(NotRegistered, match=r"shop.Shop is not a subject. Register a policy with subject = True"):
        compile_plan(Shop)
    with pytest.raises(NotRegistered):
        compile_plan(Address)


def test_each_kind_of_subject_sees_what_leads_to_it() -> None:
    customer = {step.model for step in compile_plan(Customer).steps}
    account = {step.model for step in compile_plan(Account).steps}
    assert "people.Shift" not in customer
    assert "shop.Address" not in account
    assert [step.name for step in compile_plan(Account).steps if step.model == "shop.Order"] == ["shop.Order.packed_by"]
    assert {step.model for step in compile_plan(Patient).steps} == {
        *("shapes.Patient", "shapes.Result", "shapes.Stay", "shapes.StayItem", "shapes.Handover", "shapes.Legacy"),
        *("shop.Note",),
    }
    assert {step.table for step in compile_plan(Member).steps} >= {"people_person", "people_member", "people_document"}


# --- the digest -------------------------------------------------------------------------------------------------------
BLOCKER = Blocker("owed", "Orders not paid", lambda now: Order.objects.filter(due_at__gt=now), path="customer")
ACTION = Action("stop", "Stopped", lambda now: Order.objects.all(), run=lambda batch: None, path="customer")
CUSTOMER: dict[str, Any] = {"subject": True, "clear": ("phone",), "keep": {"joined": "counted by month"}}
ADDRESS: dict[str, Any] = {"path": "customer", "rows": delete_rows()}
CHANGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"clear": ("phone", "about")}, {}),
    ({"replace": {"name": "[deleted]"}}, {}),
    ({"replace": {"name": "[gone]"}}, {}),
    ({"keep": {"joined": "counted by year"}}, {}),
    ({"keep": {("joined", "shop"): "counted by month"}}, {}),
    ({"unlink": {"referred_by": ()}}, {}),
    ({"unlink": {"referred_by": ("about",)}}, {}),
    ({"emits": (emit("told", name="name"),)}, {}),
    ({"blockers": (BLOCKER,)}, {}),
    ({"first": (ACTION,)}, {}),
    ({"history": True}, {}),
    ({}, {"rows": keep_rows("they are counted")}),
    ({}, {"rows": keep_rows("they are counted", until="May")}),
    ({}, {"path": ("customer", "main_of")}),
    ({}, {"path": ("customer", by_value("line", of="name"))}),
    ({}, {"path": ("customer", by_value("line", of="name", fold=False))}),
    ({}, {"history": True}),
    ({}, {"emits": (emit("told", once=True, line="line"),)}),
]


def digest(
    customer: dict[str, Any] | None = None, address: dict[str, Any] | None = None, using: str = "default"
) -> str:
    """The digest of two policies with some attributes changed."""
    source = declared((Customer, CUSTOMER | (customer or {})), (Address, ADDRESS | (address or {})))
    return compile_plan(Customer, using, source).digest


def test_the_digest_changes_with_every_attribute() -> None:
    digests = [digest(), *(digest(*change) for change in CHANGES)]
    assert len(set(digests)) == len(CHANGES) + 1


def test_the_digest_is_of_the_declaration_and_not_of_the_database() -> None:
    assert digest() == digest(using="other")
    assert compile_plan(Customer).digest == compile_plan(Customer, "other").digest
    turned = declared((Address, ADDRESS), (Customer, CUSTOMER))
    assert compile_plan(Customer, "default", turned).digest == digest()


# --- the order --------------------------------------------------------------------------------------------------------
def test_effects_first_children_before_parents_and_the_subject_last() -> None:
    steps = compile_plan(Customer).steps
    fates = [step.fate for step in steps]
    assert fates[: fates.count("emit")] == ["emit"] * fates.count("emit")
    assert fates[-1] == "subject"
    assert before(steps, "Engraver", "Address")
    # Rows that are found by others' columns, before those are taken away.
    assert before(steps, "Order.address", "Address")
    assert before(steps, "Comment.reply_to", "Comment")
    assert before(steps, "Attempt", "Customer")
    for step in steps:
        later = steps[steps.index(step) + 1 :]
        assert not [other.name for other in later if other.needs_before(step)]


@isolate_apps("tests.lethe.apps.shop")
def test_a_chain_is_cut_from_its_far_end() -> None:
    class Person(models.Model):
        name = models.CharField(max_length=9, blank=True)

        class Meta:
            app_label = "shop"

    class Album(models.Model):
        person = models.ForeignKey(Person, models.CASCADE)

        class Meta:
            app_label = "shop"

    class Page(models.Model):
        album = models.ForeignKey(Album, models.CASCADE)

        class Meta:
            app_label = "shop"

    class Photo(models.Model):
        page = models.ForeignKey(Page, models.CASCADE)

        class Meta:
            app_label = "shop"

    source = declared(
        (Album, {"path": "person", "rows": delete_rows()}),
        (Person, PERSON),
        (Photo, {"path": "page__album__person", "rows": delete_rows()}),
        (Page, {"path": "album__person", "rows": delete_rows()}),
    )
    steps = compile_plan(Person, "default", source).steps
    assert names(steps) == ["Photo", "Page", "Album", "Person"]
    photo, page = steps[0], steps[1]
    assert photo.needs_before(page)
    assert not page.needs_before(photo)


@isolate_apps("tests.lethe.apps.shop")
def test_a_cycle_of_references() -> None:
    class Person(models.Model):
        name = models.CharField(max_length=9, blank=True)
        home = models.ForeignKey("Home", models.SET_NULL, null=True)

        class Meta:
            app_label = "shop"

    class Home(models.Model):
        person = models.ForeignKey(Person, models.CASCADE)

        class Meta:
            app_label = "shop"

    for clear in (("name", "home"), ("home", "name")):
        source = declared(
            (Person, {"subject": True, "clear": clear}), (Home, {"path": "person", "rows": delete_rows()})
        )
        assert names(compile_plan(Person, "default", source).steps) == ["Home", "Person"]


@isolate_apps("tests.lethe.apps.shop")
def test_steps_that_need_each_other_are_refused() -> None:
    class Person(models.Model):
        name = models.CharField(max_length=9, blank=True)

        class Meta:
            app_label = "shop"

    class Left(models.Model):
        right = models.ForeignKey("Right", models.CASCADE, related_name="lefts")
        person = models.ForeignKey(Person, models.CASCADE)

        class Meta:
            app_label = "shop"

    class Right(models.Model):
        left = models.ForeignKey(Left, models.CASCADE, related_name="rights")
        person = models.ForeignKey(Person, models.CASCADE)

        class Meta:
            app_label = "shop"

    source = declared(
        (Person, PERSON),
        (Left, {"path": "right__person", "rows": delete_rows()}),
        (Right, {"path": "left__person", "rows": delete_rows()}),
    )
    with pytest.raises(PolicyError, match=r"each take away what another needs to find its rows: shop.Left, shop.Right"):
        compile_plan(Person, "default", source)


def test_a_row_on_two_paths_is_counted_by_the_first() -> None:
    steps = {step.name: step for step in compile_plan(Customer).steps}
    assert {"shop.Review by author", "shop.Review by order__customer"} <= set(steps)
    assert "IS NOT TRUE" not in steps["shop.Review by author"].count
    assert steps["shop.Review by author"].count.partition("WHERE ")[2] in steps["shop.Review by order__customer"].count


@isolate_apps("tests.lethe.apps.shop")
def test_a_path_through_its_own_table_runs_before_what_it_reads() -> None:
    class Person(models.Model):
        name = models.CharField(max_length=9, blank=True)

        class Meta:
            app_label = "shop"

    class Post(models.Model):
        person = models.ForeignKey(Person, models.CASCADE)
        answers = models.ForeignKey("self", models.SET_NULL, null=True)

        class Meta:
            app_label = "shop"

    policy = {"path": ("person", "answers__person"), "rows": delete_rows(), "unlink": {"answers": ()}}
    source = declared((Person, PERSON), (Post, policy))
    steps = compile_plan(Person, "default", source).steps
    assert before(steps, "Post by answers__person", "Post by person")
    assert before(steps, "Post.answers 1", "Post by person")


def test_paths_that_lead_nowhere_are_said() -> None:
    for path, words in (
        ("nobody", "has no relation 'nobody'"),
        ("line", "which is not a relation"),
        ("customer__shop", "ends at shop.Shop, which is no subject"),
    ):
        source = declared((Customer, CUSTOMER), (Address, ADDRESS | {"path": path}))
        with pytest.raises(PolicyError, match=words):
            compile_plan(Customer, "default", source)


def test_querysets_that_cannot_be_counted_are_said() -> None:
    for rows, words in (
        (lambda now: Order.objects.all()[:3], "must not be sliced"),
        (lambda now: Order.objects.none(), "certainly empty"),
    ):
        blocker = Blocker("bad", "Bad", rows, path="customer")
        source = declared((Customer, CUSTOMER | {"blockers": (blocker,)}))
        with pytest.raises(PolicyError, match=words):
            compile_plan(Customer, "default", source)


def test_every_registered_policy_compiles_on_both_databases() -> None:
    for policy in registry.subjects():
        for using in ("default", "other"):
            assert compile_plan(policy.model, using).steps
    assert Replace("a") != Replace("b")


def test_a_value_that_two_kinds_of_subject_may_have() -> None:
    from tests.lethe.apps.shop.models import Attempt

    customer = CUSTOMER | {"keep": {"joined": "counted by month"}}
    account: dict[str, Any] = {"subject": True, "clear": ("full_name",)}
    for value, models_ in (
        (by_value("username", of="email"), {Customer, Account}),
        (by_value("username", of="email", subject="people.Account"), {Account}),
        (by_value("username", of="phone"), {Customer}),
    ):
        source = declared((Customer, customer), (Account, account), (Attempt, {"path": value, "rows": delete_rows()}))
        found = {
            subject
            for subject in (Customer, Account)
            if "shop.Attempt" in {step.model for step in compile_plan(subject, "default", source).steps}
        }
        assert found == models_
    source = declared((Customer, customer), (Attempt, {"path": by_value("username", of="nick"), "rows": delete_rows()}))
    with pytest.raises(PolicyError, match="found by the value of 'nick', a field that no subject has"):
        compile_plan(Customer, "default", source)
