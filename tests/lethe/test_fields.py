"""Fields as the engine takes them: what is no column, or no foreign key, is refused by name."""

from __future__ import annotations

import pytest

from lethe.exceptions import PolicyError
from lethe.fields import column_of, field_of, reference_of
from tests.lethe.apps.shapes.models import StayItem
from tests.lethe.apps.shop.models import Customer, Order


def test_a_column_and_a_reference() -> None:
    assert column_of(field_of(Customer, "phone")) == "phone"
    assert reference_of(Order, "customer").related_model is Customer
    assert column_of(reference_of(Order, "customer")) == "customer_id"


def test_what_is_none_is_refused_by_name() -> None:
    with pytest.raises(PolicyError, match=r"shop\.Customer\.orders is a relation from its other end"):
        field_of(Customer, "orders")
    with pytest.raises(PolicyError, match=r"shop\.Customer\.phone is no foreign key"):
        reference_of(Customer, "phone")
    with pytest.raises(PolicyError, match=r"shapes\.StayItem\.stay is no column"):
        column_of(reference_of(StayItem, "stay"))
