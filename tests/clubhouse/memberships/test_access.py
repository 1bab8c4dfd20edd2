"""Every view of sales, prices, freezes and invoices against everybody who might ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.urls import urlpatterns as billing_urls
from clubhouse.clients.models import Client
from clubhouse.memberships.models import Membership, Package, PriceItem
from clubhouse.memberships.urls import urlpatterns as membership_urls
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

#: Name; what its address is about; the methods it takes; whether it is for administrators only.
VIEWS = [
    ("memberships:price-list", "", "GET", False),
    ("memberships:add-item", "", "GET POST", True),
    ("memberships:edit-item", "item", "GET POST", True),
    ("memberships:retire-item", "item", "POST", True),
    ("memberships:offer-again", "item", "POST", True),
    ("memberships:sell", "client", "GET POST", False),
    ("memberships:freeze", "membership", "GET POST", False),
    ("memberships:unfreeze", "membership", "POST", False),
    ("memberships:end-with-period", "membership", "POST", False),
    ("memberships:set-payer", "membership", "POST", False),
    ("billing:client-invoices", "client", "GET", False),
    ("billing:invoice", "invoice", "GET", False),
    ("billing:charge-card", "invoice", "POST", False),
    ("billing:refund-payment", "payment", "POST", False),
]
#: Their tests are in test_settle.py.
SETTLING = {
    *(f"memberships:{name}" for name in ("cancel", "cancel-several", "remove-payer")),
    *(f"memberships:{name}" for name in ("forfeit-package", "forfeit-packages")),
    *(f"billing:{name}" for name in ("pay-invoice", "write-off-invoice", "write-off-invoices")),
    *(f"billing:{name}" for name in ("refund-credit", "forfeit-credit", "forfeit-credits")),
}
every_view = pytest.mark.parametrize(("name", "needs", "methods", "admin"), VIEWS, ids=[row[0] for row in VIEWS])


@pytest.fixture
def address(club: Club) -> Callable[[str, str], str]:
    """The address of a view about a record of ``business``."""

    def find(name: str, needs: str) -> str:
        client = make.make_client(club)
        made: dict[str, Callable[[], Any]] = {
            "client": lambda: client,
            "item": lambda: make.make_price_item(club.business),
            "membership": lambda: make.make_membership(client),
            "invoice": lambda: make.make_invoice(client),
            "payment": lambda: make.make_invoice(client, "paid").payments.get(),
        }
        return reverse(name, args=[made[needs]().pk] if needs else [])

    return find


def everything() -> list[Any]:
    return [list(m.objects.order_by("pk").values()) for m in (PriceItem, Membership, Package, Invoice, Payment)]


@every_view
def test_administrators_and_colleagues_with_retail(
    address: Callable, business: Any, administrator: StaffMember, name: str, needs: str, methods: str, admin: bool
) -> None:
    url = address(name, needs)
    colleague = make.make_staff(business, access_group=make.make_group(business, retail=True))
    for who, may in ((administrator, True), (colleague, not admin)):
        browser = sign_in(Browser(), who)
        for method in methods.split():
            status = browser.generic(method, url).status_code
            assert status in ({200, 302, 422} if may else {403}), (name, method, status)


@every_view
def test_a_colleague_without_retail(
    address: Callable, employee: StaffMember, name: str, needs: str, methods: str, admin: bool
) -> None:
    url, before = address(name, needs), everything()
    browser = sign_in(Browser(), employee)
    assert {browser.generic(method, url).status_code for method in methods.split()} == {403}
    assert everything() == before


@every_view
def test_strangers_find_nothing(
    address: Callable, business: Any, stranger: StaffMember, name: str, needs: str, methods: str, admin: bool
) -> None:
    url, before = address(name, needs), everything()
    group = make.make_group(business, retail=True)
    elsewhere = make.make_staff(business, "manager", club=make.make_club(business), access_group=group)
    people = [stranger, elsewhere] if needs not in {"", "item"} else [stranger]
    for who in people:
        browser = sign_in(Browser(), who)
        for method in methods.split():
            assert browser.generic(method, url).status_code == 404 if needs else True
    assert everything() == before or not needs


@every_view
def test_members_and_the_signed_out(
    address: Callable, member: Client, name: str, needs: str, methods: str, admin: bool
) -> None:
    url = address(name, needs)
    for method in methods.split():
        answer = Browser().generic(method, url)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, reverse("sign-in"))
        assert sign_in(Browser(), member).generic(method, url).status_code == 403


@every_view
def test_the_wrong_method(
    address: Callable, administrator: StaffMember, name: str, needs: str, methods: str, admin: bool
) -> None:
    browser, url = sign_in(Browser(), administrator), address(name, needs)
    for method in {"GET", "POST", "PUT", "DELETE"} - set(methods.split()):
        assert browser.generic(method, url).status_code == 405


@pytest.mark.parametrize("name", [row[0] for row in VIEWS if row[1] in {"client", "membership", "invoice", "payment"}])
def test_a_deleted_record_is_read_only(address: Callable, administrator: StaffMember, name: str) -> None:
    needs, methods = next((row[1], row[2]) for row in VIEWS if row[0] == name)
    url = address(name, needs)
    Client.objects.update(status=Client.Status.DELETED)
    before = everything()
    for method in methods.split():
        assert sign_in(Browser(), administrator).generic(method, url).status_code in {200, 302}
    assert everything() == before


def test_every_view_of_these_lists_is_in_a_table() -> None:
    found = {f"memberships:{path.name}" for path in membership_urls} | {f"billing:{path.name}" for path in billing_urls}
    assert found == {row[0] for row in VIEWS} | SETTLING
