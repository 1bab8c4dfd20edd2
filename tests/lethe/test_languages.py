"""Words that a project translates: shown in the reader's language, and no part of what a plan is."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy, override

from lethe import Blocker, keep_rows
from lethe.explain import explain
from lethe.plan import Plan, compile_plan
from lethe.preview import differences, preview
from tests.lethe.apps.shop.models import Customer, Order
from tests.lethe.support.registries import declared
from tests.lethe.support.world import make_customer

#: Texts that Django itself translates, so that this test needs no catalogue of its own.
LABEL, REASON, UNTIL = gettext_lazy("Monday"), gettext_lazy("March"), gettext_lazy("Sunday")


def orders(now: Any) -> QuerySet[Order]:
    return Order.objects.all()


def spoken() -> Plan:
    """A plan whose words are lazy."""
    registry = declared(
        (Customer, {"subject": True, "clear": ("name",), "blockers": (Blocker("orders", LABEL, orders, "customer"),)}),
        (Order, {"path": "customer", "rows": keep_rows(REASON, until=UNTIL)}),
    )
    return compile_plan(Customer, source=registry)


def test_the_digest_is_the_same_in_every_language() -> None:
    digests = set()
    for language in ("en-gb", "de", "fr"):
        with override(language):
            assert str(LABEL) == {"en-gb": "Monday", "de": "Montag", "fr": "lundi"}[language]
            digests.add(spoken().digest)
    assert len(digests) == 1


def test_the_explanation_is_in_the_readers_language() -> None:
    with override("de"):
        plan = spoken()
    for language, said in (("de", ("Montag", "März", "Sonntag")), ("en-gb", ("Monday", "March", "Sunday"))):
        with override(language):
            found = explain(plan)
            kept = next(entry for entry in found.kept if entry.model == "shop.Order")
            assert (found.blockers[0].title, kept.reason, kept.until) == said
            assert {type(one) for one in (found.blockers[0].title, kept.reason, kept.until)} == {str}


@pytest.mark.django_db
def test_a_preview_speaks_the_readers_language_and_its_fingerprint_none() -> None:
    customer = make_customer()
    Order.objects.create(customer=customer)
    plan, prints, labels = spoken(), set(), []
    for language in ("en-gb", "de"):
        with override(language):
            found = preview(plan, [customer.pk])
            labels += [finding.label for finding in found.findings]
            prints.add(found.fingerprint)
    assert labels == ["Monday", "Montag"]
    assert len(prints) == 1
    Order.objects.create(customer=customer)
    with override("de"):
        assert "Montag" in differences(plan, prints.pop(), preview(plan, [customer.pk]).fingerprint)
