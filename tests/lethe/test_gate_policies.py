"""The gate: each finding about what one policy says, and the line to write that its hint is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import models

from lethe import by_value, delete_rows, keep_rows, not_personal
from tests.lethe.apps.people.models import Member, Person
from tests.lethe.apps.shop.models import Address, Card, Comment, Counter, Customer, Order
from tests.lethe.support.registries import declared, said
from tests.lethe.support.shop_gate import WHY, customer, gate, rest

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

PERSON: dict[str, Any] = {"subject": True, "clear": ("name",)}


# --- names and fates --------------------------------------------------------------------------------------------------
@pytest.fixture
def only_customers(settings: SettingsWrapper) -> None:
    """The shop has customers and no other subject."""
    settings.LETHE_SUBJECTS = ["shop.Customer"]


@pytest.mark.usefixtures("only_customers")
def test_e005_a_field_that_is_none() -> None:
    messages = gate("E005", (Address, {"path": "customer", "rows": delete_rows(), "clear": ("street", "line")}))
    assert messages == [
        ("The policy of shop.Address names 'street', which is no field.", "The fields are id, customer, line.")
    ]
    (message, hint), *_ = gate("E005", customer(clear=("phone", "main_address", "wishes")))
    assert message == "shop.Customer.wishes is many-to-many and no column."
    assert hint == "Register a policy for its table: @register(shop.Customer_wishes)."
    (message, _), *_ = gate("E005", customer(clear=("phone", "main_address", "orders")))
    assert message == "shop.Customer.orders is no column."
    (message, _), *_ = gate("E005", (Card, {"path": by_value("holder", of="name"), "rows": delete_rows()}))
    assert message == "The policy of shop.Card names 'holder', which is no field."


@pytest.mark.usefixtures("only_customers")
def test_e007_unlinking_what_cannot_be_empty() -> None:
    policy = {"path": "author", "rows": delete_rows(), "unlink": {"author": (), "reply_to": (), "body": ()}}
    assert gate("E007", (Comment, policy)) == [
        ("shop.Comment.author is unlinked and cannot be NULL.", "null=True on the field, or rows = delete_rows()."),
        ("shop.Comment.body is unlinked and no foreign key.", "null=True on the field, or rows = delete_rows()."),
    ]


@pytest.mark.usefixtures("only_customers")
def test_e008_and_e009_rows_without_a_fate_or_a_way() -> None:
    assert gate("E008", (Address, {"path": "customer"})) == [
        (
            "The policy of shop.Address does not say what becomes of its rows.",
            'rows = delete_rows(), or rows = keep_rows("why they are needed").',
        )
    ]
    assert gate("E009", (Card, {"rows": delete_rows()})) == [
        ("The policy of shop.Card has no path to the subject.", 'path = "…"')
    ]


@pytest.mark.usefixtures("only_customers")
@pytest.mark.parametrize("reason", ["", "   ", "TBD", "tbd", "todo", "n/a", "because", "too short", "  needed "])
def test_e010_reasons_without_substance(reason: str) -> None:
    hint = "Say what needs it, in words a member understands."
    address: dict[str, Any] = {"path": "customer", "clear": ("line",)}
    assert gate("E010", (Address, address | {"rows": keep_rows(reason)})) == [
        (f"shop.Address keeps its rows for no reason of substance ({reason!r}).", hint)
    ]
    assert gate("E010", (Address, {"path": "customer", "rows": keep_rows(WHY), "keep": {"line": reason}})) == [
        (f"shop.Address keeps line for no reason of substance ({reason!r}).", hint)
    ]
    assert gate("E010", (Counter, {"rows": not_personal(reason)}))[0][0].startswith("shop.Counter keeps its rows")


@pytest.mark.usefixtures("only_customers")
def test_e011_every_field_of_every_kept_row() -> None:
    fields = ("status", "total", "currency", "due_at", "gift_for", "gift_note", "address")
    policy = {"path": "customer", "rows": keep_rows(WHY), "keep": {fields: WHY}, "unlink": {"packed_by": ()}}
    assert gate("E011", (Order, policy)) == [
        # Unlinking answers for the rows of others, and not for the customer's own.
        (
            "shop.Order.packed_by has no answer.",
            'clear = ("packed_by",), or keep = {"packed_by": "why it is needed"}',
        ),
        ("shop.Order.note has no answer.", 'clear = ("note",), or keep = {"note": "why it is needed"}'),
    ]


@pytest.mark.usefixtures("only_customers")
def test_e012_what_does_not_compile() -> None:
    (message, hint), *_ = gate("E012", (Card, {"path": "customer__shop", "rows": delete_rows()}), (Order, order()))
    assert message == "The path 'customer__shop' of shop.Card ends at shop.Shop, which is no subject."
    assert hint == "Mend the policy that it names."


def order(**changes: Any) -> dict[str, Any]:
    """A policy for orders that names no colleagues."""
    fields = ("status", "total", "currency", "due_at", "note", "packed_by")
    attributes: dict[str, Any] = {
        "path": "customer",
        "rows": keep_rows(WHY),
        "keep": {fields: WHY},
        "clear": ("gift_for", "gift_note", "address"),
        "unlink": {"gift_for": ("gift_note",), "address": ()},
    }
    return attributes | changes


# --- references -------------------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("only_customers")
def test_e013_a_reference_to_a_subject_on_rows_of_others() -> None:
    from tests.lethe.apps.shop.models import Review

    finding = gate("E013", (Customer.friends.through, {"path": "from_customer", "rows": delete_rows()}))
    assert finding == [
        (
            "shop.Customer_friends.to_customer names shop.Customer, and rows that are somebody else's have no answer.",
            'path = ("from_customer", "to_customer"), or unlink = {"to_customer": ()}',
        )
    ]
    assert gate("E013", (Review, {"path": "order__customer", "rows": delete_rows()}))[0][0].startswith(
        "shop.Review.author names shop.Customer"
    )


@pytest.mark.usefixtures("only_customers")
def test_e013_a_reference_into_rows_that_are_deleted() -> None:
    keeps = order(unlink={"gift_for": ("gift_note",)}, clear=("gift_for", "gift_note"))
    keeps["keep"] = {("status", "total", "currency", "due_at", "note", "packed_by", "address"): WHY}
    assert gate("E013", (Order, keeps)) == [
        (
            "shop.Order.address can name rows of shop.Address that are deleted, and would point at nothing.",
            'unlink = {"address": ()}',
        )
    ]
    itself = {"path": "author", "rows": delete_rows()}
    assert gate("E013", (Comment, itself))[0][1] == 'unlink = {"reply_to": ()}'
    # A row that goes along by every path of what it names is answered.
    from tests.lethe.apps.shop.models import Engraver, OrderLine

    lines = (OrderLine, {"path": "order__customer", "rows": delete_rows()})
    words = (Engraver, {"path": "line__order__customer", "rows": delete_rows()})
    assert "E013" not in said(declared(customer(), (Order, order()), lines, words, *rest(Order, OrderLine, Engraver)))


@pytest.mark.usefixtures("only_customers")
def test_e018_unlinking_what_is_nobody_s() -> None:
    assert gate("E018", customer(unlink={"shop": ()})) == [
        (
            "shop.Customer.shop is unlinked and leads to no subject.",
            "unlink is for references to a subject or its rows; take 'shop' out.",
        )
    ]


def test_e019_a_field_of_a_parent_that_has_a_policy(settings: SettingsWrapper) -> None:
    settings.LETHE_SUBJECTS = ["people.Person"]
    person = {"subject": True, "clear": ("introduced_by",), "keep": {("name", "email"): WHY}}
    member = {"path": "person_ptr", "rows": keep_rows(WHY), "clear": ("name", "card"), "keep": {"home": WHY}}
    found = said(declared((Person, person), (Member, member)))
    assert [(str(one.msg), one.hint) for one in found["E019"]] == [
        (
            "people.Member.name is a column of people.Person, which has a policy.",
            "Answer in the policy of people.Person.",
        )
    ]
    member["clear"] = ("card",)
    found = said(declared((Person, person), (Member, member)))
    # Only its own columns are asked of it.
    assert not {"E019", "E011"} & set(found)


# --- databases --------------------------------------------------------------------------------------------------------
class Elsewhere:
    """A router that keeps cards on another database."""

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        """Cards are elsewhere."""
        return "other" if model is Card else None


@pytest.mark.usefixtures("only_customers")
def test_e017_rows_on_another_database(settings: SettingsWrapper) -> None:
    settings.DATABASE_ROUTERS = [Elsewhere()]
    assert gate("E017", (Card, {"path": "customer", "rows": delete_rows()})) == [
        (
            "shop.Card is on 'other' and shop.Customer on 'default'; an erasure is one transaction on one database.",
            "Keep both on one database, or erase shop.Card by an effect (emits).",
        )
    ]
