"""The gate: each finding about models, references and reasons, and the line to write that its hint is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core import checks as django_checks
from django.core.management import call_command
from django.db import models
from django.test.utils import isolate_apps

from lethe import RandomEmail, by_value, delete_rows, keep_rows, not_personal
from lethe.answers import findings
from lethe.registry import Registry, registry
from tests.lethe.apps.people.models import Member, Person
from tests.lethe.apps.shop.models import Address, Card, Comment, Counter, Customer, Order
from tests.lethe.support.registries import declared, only, said

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

WHY = "it is counted by month"
PERSON: dict[str, Any] = {"subject": True, "clear": ("name",)}


@pytest.fixture
def alone(settings: SettingsWrapper) -> None:
    """No subjects are named but those of the test."""
    settings.LETHE_SUBJECTS = []


def test_the_shop_passes() -> None:
    assert [str(message) for message in findings(registry)] == []
    call_command("check")


def test_the_checks_are_django_s() -> None:
    found = django_checks.run_checks(tags=["lethe"])
    assert found == []


# --- subjects ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("label", ["shop.Nobody", "nowhere", ""])
def test_e001_no_such_model(label: str, settings: SettingsWrapper) -> None:
    settings.LETHE_SUBJECTS = [label]
    finding = only(Registry(), "E001")
    assert (finding.msg, finding.hint) == (
        f"LETHE_SUBJECTS names {label!r}, which is no model.",
        "Write it as app.Model.",
    )


def test_e001_a_model_that_is_swapped_out(settings: SettingsWrapper) -> None:
    settings.LETHE_SUBJECTS = ["auth.User"]
    finding = only(Registry(), "E001")
    assert finding.msg == "LETHE_SUBJECTS names auth.User, which is swapped out."
    assert finding.hint == 'LETHE_SUBJECTS = ["people.Account"]'


def test_e002_a_project_that_has_declared_nothing_yet(settings: SettingsWrapper) -> None:
    settings.LETHE_SUBJECTS = ["shop.Customer"]
    finding = only(Registry(), "E002")
    assert finding.msg == "shop.Customer is a data subject and has no policy."
    assert finding.hint == "In shop/erasure.py: @register(Customer) class CustomerPolicy(Policy): subject = True"


@isolate_apps("tests.lethe.apps.shop")
@pytest.mark.usefixtures("alone")
def test_e016_keys_that_the_engine_s_tables_cannot_hold() -> None:
    class Pair(models.Model):
        pk = models.CompositePrimaryKey("left", "right")
        left = models.IntegerField()
        right = models.IntegerField()

        class Meta:
            app_label = "shop"

    class Long(models.Model):
        key = models.CharField(max_length=65, primary_key=True)

        class Meta:
            app_label = "shop"

    finding = only(declared((Pair, {"subject": True, "keep": {("left", "right"): WHY}})), "E016")
    assert "composite primary key" in finding.msg
    finding = only(declared((Long, {"subject": True})), "E016")
    assert finding.hint == "max_length=64, or a key that is a number or a UUID."


# --- models in reach --------------------------------------------------------------------------------------------------
@isolate_apps("tests.lethe.apps.shop")
@pytest.mark.usefixtures("alone")
def test_e003_every_model_that_leads_to_the_subject() -> None:
    class Thing(models.Model):
        class Meta:
            app_label = "shop"

    class Someone(models.Model):
        name = models.CharField(max_length=9, blank=True)
        things = models.ManyToManyField(Thing)
        friends = models.ManyToManyField("self")

        class Meta:
            app_label = "shop"

    class Near(models.Model):
        one = models.OneToOneField(Someone, models.CASCADE)

        class Meta:
            app_label = "shop"

    class Far(models.Model):
        near = models.ForeignKey(Near, models.CASCADE)

        class Meta:
            app_label = "shop"

    class Beyond(models.Model):
        far = models.ForeignKey(Far, models.CASCADE, db_constraint=False)

        class Meta:
            app_label = "shop"

    found = {message.obj.__name__: message for message in said(declared((Someone, PERSON)))["E003"]}
    assert set(found) == {"Near", "Far", "Beyond", "Someone_things", "Someone_friends"}
    assert found["Near"].msg == "shop.Near refers to shop.Someone or its rows (one), without a policy."
    assert found["Near"].hint == (
        'In shop/erasure.py: @register(Near) class NearPolicy(Policy): path = "one"; rows = delete_rows()'
    )
    assert found["Someone_things"].hint == (
        "In shop/erasure.py: @register(Someone.things.through) class SomeonethingsPolicy(Policy): "
        'path = "someone"; rows = delete_rows()'
    )
    assert 'path = ("from_someone", "to_someone")' in str(found["Someone_friends"].hint)
    # With the near one answered, the hint for the far one is its whole path.
    again = said(declared((Someone, PERSON), (Near, {"path": "one", "rows": delete_rows()})))["E003"]
    assert 'path = "near__one"' in str({message.obj.__name__: message for message in again}["Far"].hint)
    # What is somebody else's ends the reach.
    ended = said(declared((Someone, PERSON), (Near, {"rows": not_personal("a row of a club's, and of nobody else")})))
    assert {message.obj.__name__ for message in ended["E003"]} == {"Someone_things", "Someone_friends"}


@pytest.mark.usefixtures("alone")
def test_e003_the_other_tables_of_a_row() -> None:
    policies = {policy.model: dict(vars(policy)) for policy in registry if policy.model is Member}
    attributes = {key: value for key, value in policies[Member].items() if key in {"subject", "unlink"}}
    found = said(declared((Member, attributes | {"clear": ("card",), "keep": {"home": WHY}})))
    names = {message.obj.__name__ for message in found["E003"]}
    assert {"Volunteer", "PersonNote", "Document"} <= names
    hints = {message.obj.__name__: str(message.hint) for message in found["E003"]}
    assert 'path = "person__member"' in hints["PersonNote"]
    # The parent's fields are the row's own.
    assert {message.msg for message in found["E011"]} >= {"people.Member.name has no answer."}


@isolate_apps("tests.lethe.apps.shop", "django.contrib.contenttypes")
@pytest.mark.usefixtures("alone")
def test_e004_what_can_point_at_anything() -> None:
    class Someone(models.Model):
        name = models.CharField(max_length=9, blank=True)

        class Meta:
            app_label = "shop"

    class Said(models.Model):
        kind = models.ForeignKey(ContentType, models.CASCADE)
        key = models.CharField(max_length=9)
        about = GenericForeignKey("kind", "key")

        class Meta:
            app_label = "shop"

    class Logged(models.Model):
        content_type = models.ForeignKey(ContentType, models.CASCADE)
        object_pk = models.CharField(max_length=9)

        class Meta:
            app_label = "shop"

    found = {message.obj.__name__: message for message in said(declared((Someone, PERSON)))["E004"]}
    assert set(found) == {"Said", "Logged"}
    assert found["Said"].hint == (
        "In shop/erasure.py: @register(Said) class SaidPolicy(Policy): by_key = ('kind', 'key'); rows = delete_rows()"
    )
    assert "by_key = ('content_type', 'object_pk')" in str(found["Logged"].hint)


# --- names and fates --------------------------------------------------------------------------------------------------
def customer(**changes: Any) -> tuple[type[models.Model], dict[str, Any]]:
    """A policy for the customer that answers for everything."""
    attributes: dict[str, Any] = {
        "subject": True,
        "replace": {"email": RandomEmail()},
        "clear": ("phone", "main_address"),
        "keep": {
            ("name", "number", "password", "born", "about", "tags", "extra", "loyal", "picture", "fingerprint"): WHY,
            ("status", "joined", "shop", "referred_by", "clerk"): WHY,
        },
    }
    return Customer, attributes | changes


def rest(*left_out: type[models.Model]) -> list[tuple[type[models.Model], dict[str, Any]]]:
    """Policies for everything else in reach of the customer."""
    found = []
    for policy in registry:
        if policy.model._meta.app_label == "shop" and policy.model not in (Customer, *left_out):
            names = ("path", "by_key", "by_key_models", "rows", "clear", "replace", "keep", "unlink", "history")
            attributes = {name: value for name, value in vars(policy).items() if name in names}
            found.append((policy.model, attributes))
    return found


@pytest.fixture
def only_customers(settings: SettingsWrapper) -> None:
    """The shop has customers and no other subject."""
    settings.LETHE_SUBJECTS = ["shop.Customer"]


def gate(number: str, *policies: tuple[type[models.Model], dict[str, Any]]) -> list[tuple[str, str]]:
    """Message and hint of the findings with an id, all others put aside."""
    named = {model for model, _ in policies}
    given = [*policies, *rest(*named)] if Customer in named else [*policies, customer(), *rest(*named)]
    found = said(declared(*given))
    # Orders name colleagues, who are no subjects here.
    found["E018"] = [message for message in found.get("E018", []) if "packed_by" not in message.msg]
    assert found.get(number), {key: [str(one.msg) for one in value] for key, value in found.items()}
    return [(str(message.msg), str(message.hint)) for message in found[number]]


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


@isolate_apps("tests.lethe.apps.shop")
@pytest.mark.usefixtures("alone")
def test_w001_a_way_without_an_index() -> None:
    class Someone(models.Model):
        name = models.CharField(max_length=9, blank=True)
        mentor = models.ForeignKey("self", models.SET_NULL, null=True, db_index=False)

        class Meta:
            app_label = "shop"

    class Slow(models.Model):
        someone = models.ForeignKey(Someone, models.CASCADE, db_index=False)

        class Meta:
            app_label = "shop"

    class Quick(models.Model):
        someone = models.ForeignKey(Someone, models.CASCADE, db_index=False)
        day = models.DateField()

        class Meta:
            app_label = "shop"
            indexes = [models.Index(fields=["someone", "day"], name="quick")]

    gone = {"path": "someone", "rows": delete_rows()}
    someone = PERSON | {"clear": ("name", "mentor"), "unlink": {"mentor": ()}}
    found = said(declared((Someone, someone), (Slow, gone), (Quick, gone)))
    assert set(found) == {"W001"}
    assert [str(message.msg) for message in found["W001"]] == [
        "shop.Someone.mentor leads to the subject and has no index.",
        "shop.Slow.someone leads to the subject and has no index.",
    ]
    assert 'models.Index("someone", name="…")' in str(found["W001"][1].hint)
