"""Selling: once, whole, to whom it is due, and never to somebody who is erased."""

from __future__ import annotations

import datetime
import re
import threading
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection, connections
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.billing.exceptions import ClientErased
from clubhouse.billing.models import Invoice
from clubhouse.billing.once import new_key
from clubhouse.clients.models import Client
from clubhouse.memberships import prices, sales
from clubhouse.memberships.models import Membership, Package, PriceItem
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(administrator: StaffMember) -> Browser:
    return sign_in(Browser(), administrator)


def form(browser: Browser, client: Client, item: PriceItem, **fields: Any) -> dict[str, Any]:
    """What a browser sends after looking at the page."""
    page = browser.get(reverse("memberships:sell", args=[client.pk])).text
    (key,) = re.findall(r'name="once_key" value="([0-9a-f]{32})"', page)
    return {"item": item.pk, "quantity": "1", "starts_on": make.today(), "payer": "", "once_key": key} | fields


def sell(client: Client, item: PriceItem, **values: Any) -> sales.Sale:
    return sales.sell(
        client, item, **{"starts_on": make.today(), "once_key": new_key(), "now": timezone.now()} | values
    )


def test_a_membership_and_its_invoice(browser: Browser, club: Club) -> None:
    client = make.make_client(club, status="lead", address_1="1 High Street", town="Testford")
    item = make.make_price_item(club.business, price="39.50", name="Monthly")
    start = make.today() + datetime.timedelta(days=3)
    url = reverse("memberships:sell", args=[client.pk])
    answer = browser.post(url, form(browser, client, item, starts_on=start))
    invoice, membership = Invoice.objects.get(), Membership.objects.get()
    assert answer["Location"] == reverse("billing:invoice", args=[invoice.pk])
    assert (membership.client, membership.plan, membership.price, membership.starts_on, membership.status) == (
        client,
        "Monthly",
        Decimal("39.50"),
        start,
        "active",
    )
    assert (invoice.client, invoice.number, invoice.amount, invoice.currency, invoice.status, invoice.due_on) == (
        client,
        "D-00001",
        Decimal("39.50"),
        "GBP",
        "outstanding",
        start,
    )
    assert (invoice.billing_name, invoice.billing_address) == (client.display_name, "1 High Street, Testford")
    client.refresh_from_db()
    assert client.status == "active"


def test_a_package_and_single_credits(club: Club) -> None:
    client = make.make_client(club)
    ten = make.make_price_item(club.business, "package", "95.00", valid_days=90, name="Ten")
    one = make.make_price_item(club.business, "credit", "10.01", name="Drop-in")
    sell(client, ten)
    sell(client, one, quantity=3)
    package, credits_ = Package.objects.order_by("pk")
    assert (package.credits_total, package.expires_on) == (10, make.today() + datetime.timedelta(days=89))
    assert (credits_.credits_total, credits_.expires_on, credits_.sold_on) == (3, None, make.today())
    invoices = Invoice.objects.order_by("pk").values_list("number", "description", "amount")
    assert list(invoices) == [("D-00001", "Ten", Decimal(95)), ("D-00002", "Drop-in × 3", Decimal("30.03"))]


def test_what_is_free_is_paid(club: Club) -> None:
    assert sell(make.make_client(club), make.make_price_item(club.business, price="0")).invoice.status == "paid"


def test_a_second_click_sells_nothing(browser: Browser, club: Club) -> None:
    client, item = make.make_client(club), make.make_price_item(club.business)
    url, sent = reverse("memberships:sell", args=[client.pk]), None
    sent = form(browser, client, item)
    first, second = browser.post(url, sent), browser.post(url, sent)
    assert first["Location"] == second["Location"]
    assert "sold already" in str(list(get_messages(second.wsgi_request))[-1])
    assert (Membership.objects.count(), Invoice.objects.count()) == (1, 1)
    browser.post(url, form(browser, client, item))
    assert Invoice.objects.count() == 2


def test_another_clients_key_sells_nothing_of_theirs(club: Club) -> None:
    item, key = make.make_price_item(club.business), new_key()
    one = sell(make.make_client(club), item, once_key=key)
    with pytest.raises(sales.FormUsed):
        sell(make.make_client(club), item, once_key=key)
    assert one.new


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("item", "999999", "Select a valid choice"),
        ("starts_on", "2001-01-01", "within the last month"),
        ("quantity", "2", "one is sold at a time"),
        ("quantity", "0", "greater than or equal to 1"),
        ("once_key", "x", "too old"),
    ],
)
def test_bad_input_keeps_the_form(browser: Browser, club: Club, field: str, value: str, said: str) -> None:
    client, item = make.make_client(club), make.make_price_item(club.business, name="Kept in the form")
    answer = browser.post(reverse("memberships:sell", args=[client.pk]), form(browser, client, item) | {field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert "Kept in the form" in answer.text
    assert not Invoice.objects.exists()


def test_paid_by_is_offered_to_the_linked_only(browser: Browser, club: Club) -> None:
    child, parent, friend = (make.make_client(club) for _ in range(3))
    make.make_linking("paid_by", child, parent)
    make.make_linking("buddy", child, friend)
    make.make_linking("paid_by", friend, child)
    item, url = make.make_price_item(club.business), reverse("memberships:sell", args=[child.pk])
    assert browser.post(url, form(browser, child, item, payer=friend.pk)).status_code == 422
    with pytest.raises(sales.PayerNotLinked):
        sell(child, item, payer=friend)
    assert not Membership.objects.exists()
    browser.post(url, form(browser, child, item, payer=parent.pk))
    invoice = Invoice.objects.get()
    assert (invoice.paid_by, invoice.billing_name) == (parent, parent.display_name)
    assert Membership.objects.get().paid_by == parent


def test_what_is_retired_or_anothers_is_not_sold(club: Club) -> None:
    gone = make.make_price_item(club.business, retired_at=timezone.now())
    theirs = make.make_price_item(make.make_business())
    for item in (gone, theirs):
        with pytest.raises(sales.ItemRetired):
            sell(make.make_client(club), item)
    assert not Invoice.objects.exists()


def test_nobody_who_is_erased_buys_or_pays(club: Club) -> None:
    child, parent = make.make_client(club), make.make_client(club)
    make.make_linking("paid_by", child, parent)
    item = make.make_price_item(club.business)
    Client.objects.filter(pk=parent.pk).update(status="deleted")
    with pytest.raises(ClientErased):
        sell(child, item, payer=parent)
    Client.objects.filter(pk=child.pk).update(status="deleted")
    with pytest.raises(ClientErased):
        sell(child, item)
    assert not Invoice.objects.exists()


def test_imported_numbers_are_stepped_over(club: Club) -> None:
    client, item = make.make_client(club), make.make_price_item(club.business)
    make.make_invoice(client, number="D-00002")
    elsewhere = make.make_invoice(make.make_client(make.make_club(club.business)), number="D-00001")
    assert [sell(client, item).invoice.number for _ in range(2)] == ["D-00001", "D-00003"]
    assert elsewhere.number == "D-00001"


def test_a_changed_line_changes_nothing_that_was_sold(club: Club) -> None:
    item = make.make_price_item(club.business, price="39.00")
    sell(make.make_client(club), item)
    prices.save_item(item, {"name": "Another", "price": Decimal("45.00")})
    prices.retire_item(item, now=timezone.now())
    assert list(Membership.objects.values_list("price")) == [(Decimal("39.00"),)]


def test_statements_do_not_grow_with_what_was_sold(club: Club) -> None:
    client, item = make.make_client(club), make.make_price_item(club.business)
    sell(client, item)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            sell(client, item)
        counts.append(len(queries))
        for _ in range(20):
            make.make_invoice(client)
            make.make_membership(client)
    assert counts[0] == counts[1]


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_sell_once_and_number_without_gaps(club: Club) -> None:
    client, item, key = make.make_client(club), make.make_price_item(club.business), new_key()
    other = make.make_client(club)
    errors: list[Exception] = []

    def work(who: Client, once: str) -> None:
        try:
            sell(Client.objects.get(pk=who.pk), item, once_key=once)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=pair) for pair in ((client, key), (client, key), (other, new_key()))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["D-00001", "D-00002"]
    assert Invoice.objects.filter(client=client).count() == Membership.objects.filter(client=client).count() == 1
