"""Declaring: policies, the registry, and how they are found."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.test.utils import isolate_apps
from django.utils.module_loading import autodiscover_modules

from lethe import EMPTY, Policy, Replace, by_value, delete_rows, keep_rows, register
from lethe.registry import Registry, registry
from tests.lethe.apps.shop.models import Address, Card, Customer, FavouriteCustomer, Named, Order


def test_the_application_cannot_be_imported_here() -> None:
    with pytest.raises(ModuleNotFoundError, match="run without clubhouse"):
        __import__("clubhouse")
    assert not [name for name in sys.modules if name.partition(".")[0] == "clubhouse"]


def test_every_app_is_asked_for_its_declaration() -> None:
    registered = {policy.model._meta.label for policy in registry}
    assert {"shop.Customer", "people.Member", "shapes.Patient"} <= registered
    assert [policy.model._meta.label for policy in registry.subjects()] == [
        "shop.Customer",
        "people.Account",
        "people.Member",
        "shapes.Patient",
    ]


def test_a_declaration_that_is_broken_raises_and_a_missing_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = apps.get_app_config("contenttypes")
    package = tmp_path / "broken_shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(app, "name", "broken_shop")
    monkeypatch.setattr(app, "module", importlib.import_module("broken_shop"))
    autodiscover_modules("erasure")  # no such module: nothing to say
    (package / "erasure.py").write_text("from lethe import no_such_word")
    importlib.invalidate_caches()
    with pytest.raises(ImportError, match="no_such_word"):
        autodiscover_modules("erasure")


def test_two_policies_for_one_model_are_refused() -> None:
    source = Registry()

    @register(Address, to=source)
    class First(Policy):
        rows = delete_rows()

    with pytest.raises(ImproperlyConfigured, match=r"shop.Address has two policies: .*First and .*Second. Delete one."):

        @register(Address, to=source)
        class Second(Policy):
            rows = delete_rows()

    assert list(source) == [First]


def test_registering_for_several_models_is_all_or_nothing() -> None:
    source = Registry()
    register(Card, to=source)(type("CardPolicy", (Policy,), {}))
    with pytest.raises(ImproperlyConfigured):
        register(Address, Card, Order, to=source)(type("ManyPolicy", (Policy,), {}))
    assert [policy.model for policy in source] == [Card]
    register(Address, Order, to=source)(type("ManyPolicy", (Policy,), {}))
    assert [policy.model for policy in source] == [Card, Address, Order]


def test_a_proxy_stands_for_the_model_behind_it() -> None:
    source = Registry()
    policy = register(FavouriteCustomer, to=source)(type("P", (Policy,), {"subject": True}))
    assert policy.model is Customer
    assert source.get(Customer) is source.get(FavouriteCustomer) is policy
    with pytest.raises(ImproperlyConfigured, match="two policies"):
        register(Customer, to=source)(type("P", (Policy,), {}))


def test_an_abstract_model_has_no_rows() -> None:
    with pytest.raises(ImproperlyConfigured, match="is abstract and has no rows"):
        register(Named, to=Registry())(type("P", (Policy,), {}))


@isolate_apps("tests.lethe.apps.shop")
def test_what_a_policy_says() -> None:
    class Thing(models.Model):
        class Meta:
            app_label = "shop"

    class ThingPolicy(Policy):
        path = ("owner", by_value("name", of="email"))
        rows = keep_rows("counted by month", until="the year's end")
        clear = ("note",)
        replace = {"status": "gone"}
        keep = {("a", "b"): "counted", "c": "summed"}

    assert ThingPolicy.paths() == ("owner",)
    assert [value.of for value in ThingPolicy.values()] == ["email"]
    assert ThingPolicy.strategies() == {"note": EMPTY, "status": Replace("gone")}
    assert ThingPolicy.kept() == {"a": "counted", "b": "counted", "c": "summed"}
    assert (ThingPolicy.rows.fate, ThingPolicy.rows.until) == ("keep", "the year's end")
