"""Strategies that leave a part of a value, that take keys out of JSON, and that delete a file with its copies."""

from __future__ import annotations

import datetime
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.db import DatabaseError, connection, models, transaction
from django.test.utils import isolate_apps

from lethe import DeleteFile, Generalise, RandomDigits, RandomEmail, ScrubKeys, Truncate, delete_rows, keep, keep_rows
from lethe import outbox as lethe_outbox
from lethe.execute import execute
from lethe.explain import explain
from lethe.export import export
from lethe.install import drop
from lethe.models import Effect
from lethe.plan import Plan, compile_plan, plan_for
from lethe.preview import preview
from lethe.residue import search, values_of
from lethe.seal import is_sealed, triggers
from tests.lethe.apps.shop.models import Customer, Order, Refund
from tests.lethe.support.registries import declared, only
from tests.lethe.support.shop_gate import WHY, customer, rest
from tests.lethe.support.world import make_customer

pytestmark = pytest.mark.django_db

COPIES = ("{folder}/small/{name}", "{folder}/{stem}-240{ext}", "{folder}/{name}.*")
KEYS = ("contact.email", "contact.phones.home", "notes", "a key.with blanks")


@pytest.fixture
def plan() -> Plan:
    """A plan of the shop's customer with these strategies, and its seal in place of the shop's own."""
    changed = customer(
        replace={
            "email": RandomEmail(),
            "number": RandomDigits(9),
            "born": Generalise(),
            "about": Generalise(3),
            "phone": Truncate(4),
            "extra": ScrubKeys(*KEYS),
            "tags": ScrubKeys("name"),
            "picture": DeleteFile(copies=COPIES),
        },
        clear=("main_address", "referred_by", "clerk"),
        keep={
            ("name", "password", "loyal", "fingerprint"): WHY,
            ("status", "joined"): keep("customers are counted by month", until="the tenth year's end"),
            "shop": WHY,
        },
        unlink={"referred_by": (), "clerk": ()},
    )
    order = (
        Order,
        {
            "path": "customer",
            "rows": keep_rows(WHY),
            "replace": {"due_at": Generalise()},
            "clear": ("note", "gift_for", "gift_note", "address"),
            "keep": {("status", "total", "currency", "packed_by"): WHY},
            "unlink": {"gift_for": ("gift_note",), "address": ()},
        },
    )
    refund = (
        Refund,
        {
            "path": "customer",
            "rows": keep_rows(WHY),
            "history": True,
            "replace": {"memo": Truncate(5)},
            "keep": {"amount": WHY},
        },
    )
    made = compile_plan(Customer, "default", declared(changed, order, refund, *rest(Order, Refund)))
    drop("default")
    with connection.cursor() as cursor:
        for trigger in triggers(made):
            if trigger.function:
                cursor.execute(trigger.function)
            cursor.execute(trigger.create)
    return made


def someone(**values: Any) -> Customer:
    """A customer with something in every field that is changed."""
    given = {
        "born": datetime.date(1984, 7, 19),
        "about": " SW1A 1AA, near the palace",
        "phone": "+44 7700 900123",
        "extra": {
            "contact": {"email": "someone@example.com", "phones": {"home": "1", "work": "2"}, "city": "York"},
            "notes": None,
            "a key": {"with blanks": [1], "other": "Zoë"},
            "size": 42,
        },
        "tags": [{"name": "x"}, "vip"],
    }
    return make_customer(**given | values)


def erase(plan: Plan, *customers: Customer) -> None:
    """Erase, by the plan of these tests."""
    assert execute(plan, [one.pk for one in customers], by="role:test", reason="asked").erased == len(customers)
    for one in customers:
        one.refresh_from_db()


def refused(write: Callable[[], Any]) -> bool:
    """Whether the seal refuses a write."""
    try:
        with transaction.atomic():
            write()
    except DatabaseError as error:
        if is_sealed(error):
            return True
        raise
    return False


# --- what is left -----------------------------------------------------------------------------------------------------
def test_a_part_of_each_value_is_left(plan: Plan) -> None:
    one, other = someone(), someone()
    order = Order.objects.create(customer=one, due_at=datetime.datetime(2021, 12, 31, 23, 59, 1, 7, datetime.UTC))
    Refund.objects.create(customer=one, amount=1, memo="for the lamp that broke")
    erase(plan, one)
    assert one.born == datetime.date(1984, 1, 1)
    assert one.about == "SW1"
    assert one.phone == "+44 "
    assert one.extra == {
        "contact": {"phones": {"work": "2"}, "city": "York"},
        "a key": {"other": "Zoë"},
        "size": 42,
    }
    assert one.tags == [], "a list goes whole"
    order.refresh_from_db()
    assert order.due_at == datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC)
    assert Refund.objects.get().memo == "for t"
    other.refresh_from_db()
    assert (other.born, other.extra["size"], other.tags[1]) == (datetime.date(1984, 7, 19), 42, "vip")
    assert "email" in other.extra["contact"], "somebody else's"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, None),
        ({}, {}),
        ({"size": 1}, {"size": 1}),
        ([], []),
        ([{"notes": "x"}], []),
        ("notes", "notes"),
        (7, 7),
        ({"contact": [{"email": "x"}], "size": 1}, {"size": 1}),
        ({"contact": {"phones": ["x"], "email": 1}}, {"contact": {}}),
        ({"contact": "x"}, {"contact": "x"}),
        ({"contact": {"email": {"deep": 1}}}, {"contact": {}}),
        ({"contact": None, "notes": []}, {"contact": None}),
    ],
)
def test_keys_in_whatever_shape(plan: Plan, before: Any, after: Any) -> None:
    one = someone(extra=before)
    erase(plan, one)
    assert one.extra == after


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("born", None, None),
        ("born", datetime.date(2000, 1, 1), datetime.date(2000, 1, 1)),
        ("born", datetime.date(2000, 2, 29), datetime.date(2000, 1, 1)),
        ("about", "", ""),
        ("about", "E1", "E1"),
        ("about", "E1 6AN", "E1"),
        ("about", "Überlingen", "Übe"),
        ("phone", "", ""),
        ("phone", "12", "12"),
        ("phone", "12345", "1234"),
    ],
)
def test_values_at_the_edge(plan: Plan, field: str, before: Any, after: Any) -> None:
    one = someone(**{field: before})
    erase(plan, one)
    assert getattr(one, field) == after


def test_a_second_run_changes_nothing(plan: Plan) -> None:
    """Not even where the mark is lost: what is left is taken for what it is."""
    one = someone()
    erase(plan, one)
    names = ("born", "about", "phone", "extra", "tags", "picture")
    before = Customer.objects.filter(pk=one.pk).values(*names).get()
    assert execute(plan, [one.pk], by="role:test", reason="again").already == 1
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM lethe_erased")
    execute(plan, [one.pk], by="role:test", reason="again")
    assert Customer.objects.filter(pk=one.pk).values(*names).get() == before


def test_rows_that_hold_a_part_only_are_not_written_again(plan: Plan) -> None:
    one = someone()
    done = Order.objects.create(customer=one, due_at=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    open_ = Order.objects.create(customer=one, due_at=datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC))
    outcome = execute(plan, [one.pk], by="role:test", reason="asked")
    assert outcome.counts["shop.Order"] == 1
    assert {row.due_at.day for row in Order.objects.filter(pk__in=[done.pk, open_.pk])} == {1}


def test_what_is_left_over_rolls_it_back(plan: Plan) -> None:
    """The check before commit sees whole values of these strategies too."""
    one = someone()
    left = {step.model: step.left for step in plan.steps if step.left}
    key = plan.model._meta.pk
    from lethe.connection import Runner
    from lethe.sql import Dialect

    runner = Runner("default")
    dialect = Dialect(connection, key_type=plan.key_type)
    given = {"ids": dialect.ids_value([one.pk], key)}
    assert runner.one(left["shop.Customer"], given)[1] == [(1,)]
    for field, value in (("born", None), ("about", ""), ("phone", ""), ("extra", None), ("tags", [])):
        rest_of = someone(born=None, about="", phone="", extra=None, tags=[], email="0" * 32 + "@x.example")
        Customer.objects.filter(pk=rest_of.pk).update(number="123456789")
        given = {"ids": dialect.ids_value([rest_of.pk], key)}
        assert runner.one(left["shop.Customer"], given)[1] == [(0,)]
        setattr(rest_of, field, getattr(one, field))
        Customer.objects.filter(pk=rest_of.pk).update(**{field: getattr(one, field)})
        assert runner.one(left["shop.Customer"], given)[1] == [(1,)], field
        Customer.objects.filter(pk=rest_of.pk).delete()
        assert value is None or not value


# --- the seal ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("born", datetime.date(1985, 1, 1)),
        ("born", datetime.date(1984, 7, 19)),
        ("about", "E1"),
        ("phone", "+49 "),
        ("extra", {"size": 43}),
        ("extra", {"notes": "x"}),
        ("extra", {"contact": {"phones": {"work": "2"}, "city": "York"}, "a key": {"other": "Zoe"}, "size": 42}),
        ("tags", ["x"]),
        ("picture", "x.png"),
    ],
)
def test_the_seal_refuses_another_part(plan: Plan, field: str, value: Any) -> None:
    one = someone()
    erase(plan, one)
    rows = Customer.objects.filter(pk=one.pk)
    assert refused(lambda: rows.update(**{field: value}))
    assert not refused(lambda: Customer.objects.filter(pk=someone().pk).update(**{field: value}))


@pytest.mark.parametrize(
    ("field", "value"), [("born", None), ("about", ""), ("phone", ""), ("extra", None), ("extra", {}), ("tags", [])]
)
def test_the_seal_lets_more_be_cleared(plan: Plan, field: str, value: Any) -> None:
    one = someone()
    erase(plan, one)
    assert not refused(lambda: Customer.objects.filter(pk=one.pk).update(**{field: value}))
    one.refresh_from_db()
    assert getattr(one, field) == value


def test_the_seal_lets_an_unchanged_save_pass(plan: Plan) -> None:
    """Though SQLite's JSON then has other blanks than the erasure wrote."""
    one = someone()
    order = Order.objects.create(customer=one)
    erase(plan, one)
    assert not refused(Customer.objects.get(pk=one.pk).save)
    assert not refused(Order.objects.get(pk=order.pk).save)


def test_the_seal_lets_history_carry_a_part(plan: Plan) -> None:
    one = someone()
    erase(plan, one)
    assert not refused(lambda: Refund.objects.create(customer=one, amount=1, memo="again"))
    assert refused(lambda: Refund.objects.create(customer=one, amount=1, memo="for the lamp of Ada"))


# --- the other stages -------------------------------------------------------------------------------------------------
def test_preview_and_explanation_and_digest(plan: Plan) -> None:
    one = someone()
    assert preview(plan, [one.pk]).subjects == 1
    page = explain(plan).as_markdown()
    for words in (
        "generalised to its year",
        "generalised to its area, the first 3 characters",
        "cut to its first 4 characters",
        "freed of the keys contact.email",
        "deleted, the file and every copy of it",
        "kept, because customers are counted by month, until the tenth year's end",
    ):
        assert words in page
    assert any(entry.what == "file.delete" for entry in explain(plan).effects)
    other = declared(customer(replace={"email": RandomEmail(), "born": Generalise()}), *rest())
    assert compile_plan(Customer, "default", other).digest != plan.digest != plan_for(Customer).digest


def test_the_copy_has_the_whole_value(plan: Plan) -> None:
    one = someone(picture=default_storage.save("people/ada.png", ContentFile(b"PNG")))
    stream = io.BytesIO()
    assert export(plan, one.pk).write(stream) == 1
    with zipfile.ZipFile(stream) as archive:
        (row,) = json.loads(archive.read("data.json"))["data"]["shop.Customer"]["rows"]
        assert archive.read(row["picture"]) == b"PNG"
    assert row["born"] == "1984-07-19"
    assert row["phone"] == "+44 7700 900123"
    assert row["extra"]["contact"]["email"] == "someone@example.com"


def test_residue_looks_for_what_was_cut_off_and_for_what_was_scrubbed(plan: Plan) -> None:
    one, other = someone(), someone(phone="", about="", born=None, tags=[])
    values = values_of(plan, [one.pk])
    Customer.objects.filter(pk=other.pk).update(extra={"seen": "call +44 7700 900123 or someone@example.com"})
    erase(plan, one)
    (place,) = [place for place in search(plan, [one.pk], values=values) if place.table == "shop_customer"]
    assert (place.key, place.column) == (str(other.pk), "extra")
    assert set(place.kinds) == {"phone", "extra"}


# --- files ------------------------------------------------------------------------------------------------------------
def test_a_file_goes_with_its_copies_and_nobody_else_s(plan: Plan) -> None:
    mine = ["people/ada.png", "people/small/ada.png", "people/ada-240.png", "people/ada.png.90x90.webp"]
    others = ["people/adam.png", "people/ada-241.png", "people/ada_240.png", "people/small/adam.png", "people/ada.pn"]
    for name in mine + others:
        assert default_storage.save(name, ContentFile(name.encode())) == name
    one, without = someone(picture=mine[0]), someone(picture="")
    erase(plan, one, without)
    assert one.picture.name == ""
    assert all(default_storage.exists(name) for name in mine), "not before commit"
    assert Effect.objects.filter(kind="file.delete").count() == 1
    lethe_outbox.drain()
    assert [name for name in mine if default_storage.exists(name)] == []
    assert [name for name in others if not default_storage.exists(name)] == []
    effect = Effect.objects.get(kind="file.delete")
    assert effect.receipt == {"file": "deleted", "copies": 3}
    assert effect.payload == {}


def test_a_file_is_deleted_twice_without_harm() -> None:
    from lethe.effects import delete_files

    payload = {"name": "people/gone.png", "storage": "default", "copies": "\n".join(COPIES)}
    assert delete_files([payload], lambda: None) == [{"file": "was gone", "copies": 0}]
    default_storage.save("people/gone.png", ContentFile(b"x"))
    gone = {"file": "was gone", "copies": 0}
    assert delete_files([payload, payload], lambda: None) == [{"file": "deleted", "copies": 0}, gone]


def test_a_file_of_a_row_that_goes() -> None:
    """In the policy of rows that are deleted, it has nothing to write and still its file to delete."""
    source = declared(
        customer(),
        (Refund, {"path": "customer", "rows": delete_rows(), "replace": {"memo": DeleteFile()}}),
        *rest(Refund),
    )
    from lethe.answers import findings

    problems = [str(one.msg) for one in findings(source) if one.id == "lethe.E006"]
    assert problems == ["shop.Refund.memo: a file is named by a FileField, and the column is a CharField."]


# --- the gate ---------------------------------------------------------------------------------------------------------
ELSEWHERE = FileSystemStorage(location="elsewhere")
REFUSED: list[tuple[models.Field[Any, Any], Any, str]] = [
    (models.CharField(max_length=9), Generalise(), "only a date has a year"),
    (models.IntegerField(), Generalise(), "only a date has a year"),
    (models.DateField(unique=True), Generalise(), "the column is unique"),
    (models.DateField(), Generalise(3), "the column is a DateField"),
    (models.CharField(max_length=9), Generalise(9), "nothing would go"),
    (models.CharField(max_length=9), Generalise(0), "must be at least 1"),
    (models.CharField(max_length=9, unique=True), Truncate(3), "the column is unique"),
    (models.CharField(max_length=9, choices=[("abc", "A")]), Truncate(3), "not one of the field's choices"),
    (models.DateField(), Truncate(3), "the column is a DateField"),
    (models.CharField(max_length=9), Truncate(-1), "must be at least 1"),
    (models.CharField(max_length=9), ScrubKeys("a"), "keys are in JSON columns"),
    (models.JSONField(), ScrubKeys(), "name the keys"),
    (models.JSONField(), ScrubKeys("a..b"), "name the keys"),
    (models.JSONField(), ScrubKeys('a"b'), "quotation mark"),
    (models.CharField(max_length=9), DeleteFile(), "the column is a CharField"),
    (models.FileField(storage=ELSEWHERE), DeleteFile(), "its storage is none of STORAGES"),
    (models.FileField(), DeleteFile(storage="nowhere"), "STORAGES has no 'nowhere'"),
    (models.FileField(), DeleteFile(copies=("{folder}/small.png",)), "the same for everybody"),
    (models.FileField(), DeleteFile(copies=("{folder}/{stem}*",)), "others' files"),
    (models.FileField(), DeleteFile(copies=("{name}.*/x",)), "others' files"),
    (models.FileField(), DeleteFile(copies=("{client}/{name}",)), "only"),
    (models.FileField(), DeleteFile(copies=("{name",)), "only"),
    (models.FileField(unique=True), DeleteFile(), "unique"),
]
TAKEN: list[tuple[models.Field[Any, Any], Any]] = [
    (models.DateField(), Generalise()),
    (models.DateTimeField(null=True), Generalise()),
    (models.TextField(), Generalise(3)),
    (models.CharField(max_length=9), Truncate(8)),
    (models.JSONField(null=True), ScrubKeys("a.b", "c")),
    (models.FileField(), DeleteFile(copies=COPIES)),
    (models.ImageField(null=True, unique=True), DeleteFile(storage="default")),
]


def _named(value: Any) -> str:
    return type(value).__name__ if isinstance(value, models.Field) else repr(value)[:50]


@pytest.mark.parametrize(("field", "strategy", "why"), REFUSED, ids=_named)
@isolate_apps("tests.lethe.apps.shop")
def test_a_column_that_cannot_take_it(field: Any, strategy: Any, why: str, settings: Any) -> None:
    settings.LETHE_SUBJECTS = []
    thing = type("Thing", (models.Model,), {"__module__": "tests.lethe.apps.shop.models", "field": field.clone()})
    finding = only(declared((thing, {"subject": True, "replace": {"field": strategy}})), "E006")
    assert finding.msg.startswith("shop.Thing.field: ")
    assert why in finding.msg


@pytest.mark.parametrize(("field", "strategy"), TAKEN, ids=_named)
@isolate_apps("tests.lethe.apps.shop")
def test_a_column_that_can(field: Any, strategy: Any, settings: Any) -> None:
    from lethe.answers import findings

    settings.LETHE_SUBJECTS = []
    thing = type("Thing", (models.Model,), {"__module__": "tests.lethe.apps.shop.models", "field": field.clone()})
    assert findings(declared((thing, {"subject": True, "replace": {"field": strategy}}))) == []


@isolate_apps("tests.lethe.apps.shop")
def test_keeping_until_needs_a_reason_too(settings: Any) -> None:
    settings.LETHE_SUBJECTS = []
    thing = type(
        "Thing",
        (models.Model,),
        {"__module__": "tests.lethe.apps.shop.models", "field": models.CharField(max_length=9)},
    )
    finding = only(declared((thing, {"subject": True, "keep": {"field": keep("TBD", until="next year")}})), "E010")
    assert "TBD" in finding.msg
