"""What becomes of a customer."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Q, QuerySet

from lethe import (
    Action,
    Blocker,
    Policy,
    RandomDigits,
    RandomEmail,
    UnusablePassword,
    by_value,
    delete_rows,
    emit,
    keep_rows,
    not_personal,
    register,
)
from lethe.batch import Batch

from .models import (
    Address,
    Attempt,
    Card,
    ClubMember,
    Comment,
    Counter,
    Customer,
    Engraver,
    Event,
    Flag,
    Note,
    Order,
    OrderLine,
    Refund,
    Review,
    Ticket,
)


def open_orders(now: datetime.datetime) -> QuerySet[Any]:
    """Orders that are due yet."""
    return Order.objects.filter(status=Order.Status.PLACED, due_at__gt=now)


def owed(now: datetime.datetime) -> QuerySet[Any]:
    """Orders that were sent and never paid, marked so by their note."""
    return Order.objects.filter(status=Order.Status.SENT, note="unpaid")


def cancel_orders(batch: Batch) -> dict[str, int]:
    """Cancel what is due yet, and tell the shop."""
    due = open_orders(batch.now).using(batch.using).filter(Q(customer__in=batch.ids))
    cancelled = due.update(status=Order.Status.CANCELLED)
    batch.emit("shop.cancelled", {"orders": cancelled})
    return {"orders": cancelled}


@register(Customer)
class CustomerPolicy(Policy):
    """The record stays, the person does not."""

    subject = True
    blockers = (Blocker("owed", "Orders not paid", owed, path="customer", amount="total", unit="currency"),)
    first = (Action("cancel", "Orders that are due are cancelled", open_orders, run=cancel_orders, path="customer"),)
    replace = {
        "name": "[deleted]",
        "email": RandomEmail("shop__erased_domain"),
        "password": UnusablePassword(),
        "number": RandomDigits(9),
        "status": Customer.Status.DELETED,
    }
    clear = (
        "phone",
        "born",
        "about",
        "tags",
        "extra",
        "loyal",
        "picture",
        "fingerprint",
        "main_address",
        "referred_by",
        "clerk",
    )
    keep = {("shop", "joined"): "customers are counted by shop and month"}
    unlink = {"referred_by": (), "clerk": ()}
    emits = (emit("file.delete", skip_empty="picture", name="picture", constants={"storage": "default"}),)


@register(Address)
class AddressPolicy(Policy):
    path = "customer"
    rows = delete_rows()


@register(Order)
class OrderPolicy(Policy):
    path = "customer"
    rows = keep_rows("sales are counted", until="the seventh year's end")
    clear = ("note", "gift_for", "gift_note", "address")
    keep = {("status", "total", "currency", "due_at", "packed_by"): "sales are counted by month"}
    unlink = {"gift_for": ("gift_note",), "packed_by": (), "address": ()}


@register(OrderLine)
class OrderLinePolicy(Policy):
    path = "order__customer"
    rows = keep_rows("sales are counted by product")
    clear = ("engraving",)
    keep = {("product", "quantity"): "sales are counted by product"}


@register(Refund)
class RefundPolicy(Policy):
    path = "customer"
    rows = keep_rows("the books have to balance")
    history = True
    clear = ("memo",)
    keep = {"amount": "the books have to balance"}


@register(Review)
class ReviewPolicy(Policy):
    path = ("author", "order__customer")
    rows = delete_rows()


@register(Comment)
class CommentPolicy(Policy):
    path = "author"
    rows = delete_rows()
    unlink = {"reply_to": ("quoted",)}


@register(ClubMember)
class ClubMemberPolicy(Policy):
    path = "customer"
    rows = keep_rows("the club counts its members")
    clear = ("nickname",)
    keep = {"club": "the club counts its members"}


@register(Card)
class CardPolicy(Policy):
    path = "customer"
    rows = delete_rows()
    emits = (emit("card.detach", token="token", constants={"provider": "bank"}),)


@register(Note)
class NotePolicy(Policy):
    by_key = ("content_type", "object_id")
    rows = delete_rows()
    unlink = {"actor": ("actor_address",)}


@register(Customer.wishes.through)
class WishPolicy(Policy):
    path = "customer"
    rows = delete_rows()


@register(Customer.friends.through)
class FriendPolicy(Policy):
    path = ("from_customer", "to_customer")
    rows = delete_rows()


@register(Engraver)
class EngraverPolicy(Policy):
    path = "line__order__customer"
    rows = delete_rows()


@register(Flag)
class FlagPolicy(Policy):
    by_key = ("content_type", "object_id")
    by_key_models = staticmethod(lambda: (Customer, Order))
    rows = delete_rows()


@register(Attempt)
class AttemptPolicy(Policy):
    path = by_value("username", of="email", subject="shop.Customer")
    rows = delete_rows()


@register(Event)
class EventPolicy(Policy):
    path = by_value("payload__customer__id", of="pk", subject="shop.Customer")
    rows = delete_rows()


@register(Ticket)
class TicketPolicy(Policy):
    path = by_value("customer_ref", of="pk", subject="shop.Customer")
    rows = keep_rows("questions are counted")
    clear = ("question",)


@register(Counter)
class CounterPolicy(Policy):
    rows = not_personal("a number of visits says nothing of anyone")
