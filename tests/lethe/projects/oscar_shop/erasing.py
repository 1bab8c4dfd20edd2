"""A customer of an Oscar shop, with an order, addresses, a basket, a review and more, is erased with nothing left."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import Sum
from django.test import Client
from oscar.apps.address.models import Country, UserAddress
from oscar.apps.analytics.models import UserSearch
from oscar.apps.basket.models import Basket, Line
from oscar.apps.catalogue.models import Product, ProductClass
from oscar.apps.catalogue.reviews.models import ProductReview, Vote
from oscar.apps.communication.models import Email, Notification
from oscar.apps.customer.models import ProductAlert
from oscar.apps.order.models import BillingAddress, Order, OrderNote, ShippingAddress
from oscar.apps.order.models import Line as OrderLine
from oscar.apps.partner.models import Partner, StockRecord
from oscar.apps.payment.models import Bankcard, Source, SourceType
from oscar.apps.wishlists.models import WishList, WishListSharedEmail

from lethe.install import install
from tests.lethe.projects import checking
from tests.support.canaries import digits, word

pytestmark = pytest.mark.django_db

#: Words of the person's own, and of the things that the shop sells.
PLACES = (
    "username", "mail", "first", "last", "line1", "town", "postcode", "instructions", "bill", "search",
    "review", "title", "shown", "homepage", "subject", "body", "note", "card", "wish", "shared", "partner",
    "guest",
)  # fmt: skip


@pytest.fixture(autouse=True)
def _sealed(db: None) -> None:
    install("default")


def goods() -> tuple[Product, StockRecord]:
    """Something to buy."""
    kind = ProductClass.objects.create(name="Books", slug=word("books"))
    product = Product.objects.create(product_class=kind, title="A plain book", slug=word("book"))
    partner = Partner.objects.create(name="The press")
    stock = StockRecord.objects.create(
        product=product, partner=partner, partner_sku=word("sku"), price=Decimal("9.50"), num_in_stock=50
    )
    return product, stock


def customer(words: dict[str, str], product: Product, stock: StockRecord) -> User:
    """Somebody who bought, reviewed, wished, complained and was written to."""
    email = f"{words['mail']}@example.com"
    user = User.objects.create_user(
        words["username"], email, "right", first_name=words["first"], last_name=words["last"]
    )
    country, _ = Country.objects.get_or_create(iso_3166_1_a2="GB", printable_name="Great Britain")
    where: dict[str, Any] = {
        "first_name": words["first"],
        "last_name": words["last"],
        "line1": words["line1"],
        "line4": words["town"],
        "postcode": "N1 9GU",
        "country": country,
    }
    UserAddress.objects.create(user=user, phone_number=words["phone"], **where)
    basket = Basket.objects.create(owner=user)
    Line.objects.create(basket=basket, product=product, stockrecord=stock, line_reference=word("ref"))
    for guest in (False, True):
        order = Order.objects.create(
            number=digits(9),
            user=None if guest else user,
            guest_email=email.upper() if guest else "",
            basket=None if guest else basket,
            currency="GBP",
            total_incl_tax=Decimal("19.00"),
            total_excl_tax=Decimal("19.00"),
            shipping_address=ShippingAddress.objects.create(
                notes=words["guest" if guest else "instructions"], phone_number=words["phone"], **where
            ),
            billing_address=BillingAddress.objects.create(**(where | {"line1": words["bill"]})),
        )
        OrderLine.objects.create(
            order=order,
            partner=stock.partner,
            partner_name=stock.partner.name,
            partner_sku=stock.partner_sku,
            partner_line_notes=words["partner"],
            stockrecord=stock,
            product=product,
            title=product.title,
            quantity=2,
            num_allocated=0,
            line_price_incl_tax=19,
            line_price_excl_tax=19,
            line_price_before_discounts_incl_tax=19,
            line_price_before_discounts_excl_tax=19,
        )
        Source.objects.create(
            order=order,
            source_type=SourceType.objects.get_or_create(name="Card")[0],
            amount_debited=19,
            reference=words["card"],
        )
        OrderNote.objects.create(order=order, message=f"Rang about {words['note']}")
        order.status_changes.create(old_status="new", new_status="sent")
    UserSearch.objects.create(user=user, query=words["search"])
    review = ProductReview.objects.create(
        product=product,
        user=user,
        score=4,
        title=words["title"],
        body=words["review"],
        homepage=f"https://{words['homepage']}.example/",
    )
    Vote.objects.create(review=review, user=user, delta=1)
    ProductAlert.objects.create(product=product, user=user)
    ProductAlert.objects.create(product=product, email=email)
    Email.objects.create(user=user, email=email, subject=words["subject"], body_text=words["body"])
    Notification.objects.create(recipient=user, subject=f"For {words['shown']}", body="Sent")
    Bankcard.objects.create(
        user=user,
        card_type="Visa",
        name=words["last"],
        number="4111111111111111",
        expiry_date=datetime.date(2030, 1, 1),
    )
    wishes = WishList.objects.create(owner=user, name=words["wish"])
    wishes.lines.create(product=product, title=product.title)
    WishListSharedEmail.objects.create(wishlist=wishes, email=f"{words['shared']}@example.com")
    return user


def new() -> dict[str, str]:
    """A person's words."""
    unused = {"postcode"}
    return {place: word(place) for place in PLACES if place not in unused} | {"phone": f"+44207{digits(7)}"}


def totals() -> Any:
    """What the shop's books say."""
    return (
        list(Order.objects.order_by("number").values_list("number", "total_incl_tax", "currency", "status")),
        list(OrderLine.objects.order_by("pk").values_list("title", "quantity", "line_price_incl_tax", "partner_name")),
        Source.objects.aggregate(Sum("amount_debited")),
        list(ProductReview.objects.order_by("pk").values_list("product", "score")),
        list(Product.objects.order_by("pk").values_list("title", "rating")),
    )


@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_customer_is_left_and_the_books_still_add_up() -> None:
    assert checking.gate() == []
    product, stock = goods()
    other, words = new(), new()
    customer(other, product, stock)
    # A new review changes the book's rating, which is among the totals.
    before = checking.rows(skip={"catalogue.Product"})
    user = customer(words, product, stock)
    books = totals()
    assert checking.left(words.values()) == set(words.values())
    assert Client().login(username=words["username"], password="right")

    assert checking.erase(User, user.pk).erased == 1
    assert checking.left(words.values()) == set()
    assert checking.left(other.values()) == set(other.values())
    assert totals() == books
    assert not Client().login(username=words["username"], password="right")
    after = checking.rows()
    assert {label: [row for row in rows if row not in after[label]] for label, rows in before.items()} == {
        label: [] for label in before
    }
    checking.assert_twice_is_once(User, user.pk)
    checking.pages_open(Client(), "/catalogue/", product.get_absolute_url())


def test_many_customers_take_as_many_statements_as_one() -> None:
    product, stock = goods()
    few = [customer(new(), product, stock).pk]
    many = [customer(new(), product, stock).pk for _ in range(4)]
    assert checking.erase(User, *few).statements == checking.erase(User, *many).statements
