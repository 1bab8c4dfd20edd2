"""The price list: lines are added, changed, taken off sale and put back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.memberships.models import PriceItem
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
MEMBERSHIP = {"kind": "membership", "name": "Monthly", "price": "39.00", "currency": "gbp", "period_months": "1"}
PACKAGE = {"kind": "package", "name": "Ten", "price": "95", "currency": "EUR", "credits": "10", "valid_days": "90"}


@pytest.fixture
def browser(administrator: StaffMember) -> Browser:
    return sign_in(Browser(), administrator)


def test_each_kind_is_added_with_what_belongs_to_it(browser: Browser, business: Business) -> None:
    add = reverse("memberships:add-item")
    for sent in (MEMBERSHIP | {"credits": "7"}, PACKAGE, {**PACKAGE, "kind": "credit", "name": "One"}):
        assert browser.post(add, sent)["Location"] == reverse("memberships:price-list")
    rows = PriceItem.objects.order_by("pk").values_list(
        "business", "kind", "price", "currency", "period_months", "credits", "valid_days"
    )
    assert list(rows) == [
        (business.pk, "membership", Decimal(39), "GBP", 1, 0, None),
        (business.pk, "package", Decimal(95), "EUR", 0, 10, 90),
        (business.pk, "credit", Decimal(95), "EUR", 0, 1, 90),
    ]
    page = browser.get(reverse("memberships:price-list")).text
    assert "a month at a time" in page
    assert "good for 90 days" in page
    assert "1 credit," in page
    assert "€95.00" in page


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (MEMBERSHIP | {"price": "-1"}, "A price is nothing or more"),
        (MEMBERSHIP | {"price": "1.005"}, "no more than 2 decimal places"),
        (MEMBERSHIP | {"currency": "£1"}, "three letters"),
        (MEMBERSHIP | {"period_months": "0"}, "from 1 to 36"),
        (MEMBERSHIP | {"name": " "}, "This field is required"),
        (MEMBERSHIP | {"name": "taken"}, "Choose a name of its own"),
        (PACKAGE | {"credits": ""}, "at least 1"),
        (PACKAGE | {"valid_days": "0"}, "at least a day"),
        (PACKAGE | {"kind": "sofa"}, "Select a valid choice"),
    ],
)
def test_bad_input_is_named_and_kept(browser: Browser, business: Business, sent: dict[str, Any], said: str) -> None:
    make.make_price_item(business, name="Taken")
    answer = browser.post(reverse("memberships:add-item"), sent)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{sent["name"].strip()}"' in answer.text or not sent["name"].strip()
    assert PriceItem.objects.count() == 1


def test_a_line_is_changed_but_not_its_kind(browser: Browser, business: Business) -> None:
    item = make.make_price_item(business, name="Monthly")
    sent = MEMBERSHIP | {"kind": "package", "credits": "5", "price": "45.00"}
    assert browser.post(reverse("memberships:edit-item", args=[item.pk]), sent).status_code == 302
    item.refresh_from_db()
    assert (item.kind, item.price, item.credits) == ("membership", Decimal(45), 0)


def test_retired_and_sold_again(browser: Browser, business: Business) -> None:
    item = make.make_price_item(business, name="Monthly")
    for name in ("retire-item", "retire-item"):
        browser.post(reverse(f"memberships:{name}", args=[item.pk]))
    item.refresh_from_db()
    assert item.retired_at is not None
    twin = make.make_price_item(business, name="MONTHLY")
    browser.post(reverse("memberships:offer-again", args=[item.pk]))
    item.refresh_from_db()
    assert item.retired_at is not None
    PriceItem.objects.filter(pk=twin.pk).delete()
    browser.post(reverse("memberships:offer-again", args=[item.pk]))
    item.refresh_from_db()
    assert item.retired_at is None


def test_a_colleague_reads_and_sees_no_way_to_change(business: Business) -> None:
    make.make_price_item(business, name="Monthly")
    colleague = make.make_staff(business, access_group=make.make_group(business, retail=True))
    page = sign_in(Browser(), colleague).get(reverse("memberships:price-list")).text
    assert "Monthly" in page
    assert reverse("memberships:add-item") not in page
    assert "retire" not in page


def test_queries_are_the_same_for_few_lines_and_for_many(browser: Browser, business: Business) -> None:
    counts = []
    for number in (3, 200):
        for _ in range(number):
            make.make_price_item(business)
        with CaptureQueriesContext(connection) as queries:
            browser.get(reverse("memberships:price-list"))
        counts.append(len(queries))
    assert counts[0] == counts[1]
