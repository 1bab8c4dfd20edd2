"""Residue (row N1): searched for again once somebody is erased, with the values from before, which wait under a key."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage, default_storage
from django.db import connection
from django.utils import timezone

from lethe import afterwards, outbox, pipeline
from lethe.afterwards import FOUND, KIND, Unreadable, opened, sealed
from lethe.exceptions import StoreNotSearched
from lethe.models import Effect
from lethe.plan import plan_for
from lethe.residue import CERTAIN, LIKELY, WEAK, Values, search, values_of
from tests.lethe.apps.shop.models import Customer, Event, Product
from tests.lethe.support.world import make_customer, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _searched(settings: Any) -> None:
    settings.LETHE_RESIDUE_AFTER = 60


@pytest.fixture
def reported(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What a project with a handler for finds is told."""
    told: list[dict[str, Any]] = []
    monkeypatch.setitem(outbox._handlers, FOUND, told.append)
    return told


def erase(*customers: Customer) -> None:
    """Erase customers, and do what is due."""
    keys = [one.pk for one in customers]
    assert pipeline.erase(Customer, keys, by="role:test", reason="asked").erased == len(keys)
    outbox.drain()


def waiting() -> Effect:
    """The one search that is owed."""
    return Effect.objects.get(kind=KIND, done_at=None)


def searched() -> dict[str, Any]:
    """Do the search, and give its receipt."""
    effect = waiting()
    Effect.objects.filter(pk=effect.pk).update(next_try_at=timezone.now() - datetime.timedelta(seconds=1))
    assert outbox.drain() >= 1
    effect.refresh_from_db()
    assert effect.payload == {}
    assert effect.scrubbed_at is not None
    return dict(effect.receipt)


def ada(**values: Any) -> Customer:
    """Somebody whose values are not of this world."""
    given = {
        "name": "Adélaïde Quillfeather",
        "email": "ada.quillfeather@example.com",
        "phone": "+44 7700 900123",
        "about": "sleeps in the Jabberwock wing",
    }
    return make_customer(**given | values)


# --- what is found ----------------------------------------------------------------------------------------------------
PLACES = {
    "a note in a table that has nothing to do with people": (
        "shop.Product",
        "name",
        lambda: Product.objects.create(name="ordered for ada.quillfeather@example.com"),
    ),
    "accents and capitals": (
        "shop.Product",
        "name",
        lambda: Product.objects.create(name="ADELAIDE QUILLFEATHER's lamp"),
    ),
    "a number in another notation": (
        "shop.Product",
        "name",
        lambda: Product.objects.create(name="call 0044 (0)7700-900123"),
    ),
    "a value in JSON": (
        "shop.Event",
        "payload",
        lambda: Event.objects.create(payload={"to": ["ada.quillfeather@example.com"]}),
    ),
    "a key in JSON": ("shop.Event", "payload", lambda: Event.objects.create(payload={"adélaïde quillfeather": 1})),
}


@pytest.mark.parametrize("what", PLACES)
def test_it_is_found_after_the_erasure(what: str, reported: list[dict[str, Any]]) -> None:
    model, column, put = PLACES[what]
    one = ada()
    row = put()
    Product.objects.create(name="a lamp like any other")
    erase(one)
    receipt = searched()
    assert receipt["places"] == receipt["certain"] + receipt["likely"] == 1
    (line,) = receipt["where"]
    assert (line["table"], line["column"], line["count"]) == (model, column, 1)
    assert reported[0]["places"][0][:3] == [model, str(row.pk), column]


def test_a_store_that_cannot_list_its_files_is_said_and_not_called_clean() -> None:
    """Nobody has looked, so nothing is claimed."""

    class Opaque(Storage):
        """Django's own base, which lists nothing."""

    one = ada()
    with pytest.raises(StoreNotSearched, match="cannot list"):
        search(plan_for(Customer), [one.pk], store=Opaque())


def test_a_file_by_its_content_and_by_its_name(reported: list[dict[str, Any]]) -> None:
    default_storage.save("lists/monday.txt", ContentFile(b"x" * 3_000_000 + b" ada.quillfeather@example.com\n"))
    default_storage.save("lists/ada.quillfeather@example.com.txt", ContentFile(b"nothing"))
    default_storage.save("lists/tuesday.txt", ContentFile(b"nothing"))
    one = ada()
    erase(one)
    receipt = searched()
    assert receipt["where"] == [{"table": "file store", "column": "", "strength": "certain", "count": 2}]
    assert sorted(key for _, key, *_ in reported[0]["places"]) == ["lists/monday.txt", "lists/…"]


def test_nothing_left_is_told_to_nobody(reported: list[dict[str, Any]]) -> None:
    world = make_world()
    erase(world.subject)
    assert searched() == {"places": 0, "certain": 0, "likely": 0, "weak": 0, "where": []}
    assert reported == []
    assert not Effect.objects.filter(kind=FOUND).exists()


def test_a_name_alone_does_not_drown_the_rest(reported: list[dict[str, Any]]) -> None:
    """Three hundred notes about some Rosalind, and one with her number: that one is what is shown."""
    one = make_customer(name="Rosalind", phone="+44 7700 900456", email="r@example.com")
    Product.objects.bulk_create(Product(name=f"as Rosalind said, {n}") for n in range(300))
    told = Product.objects.create(name="ring 07700 900456")
    found = [place for place in pipeline.residue(Customer, [one.pk]) if place.model == "shop.Product"]
    assert found[0].key == str(told.pk)
    assert [place.strength for place in found] == [CERTAIN] + [WEAK] * 300
    erase(one)
    receipt = searched()
    assert (receipt["certain"], receipt["weak"]) == (1, 300)
    assert [line["strength"] for line in receipt["where"]] == ["certain"]
    assert reported[0]["total"] == 1
    assert [key for _, key, *_ in reported[0]["places"]] == [str(told.pk)]


def test_a_table_that_no_model_knows_and_that_has_no_key(reported: list[dict[str, Any]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE old_mailing (line text)")
        cursor.execute("INSERT INTO old_mailing VALUES ('ada.quillfeather@example.com'), ('nobody')")
    erase(ada())
    assert searched()["where"] == [{"table": "old_mailing", "column": "line", "strength": "certain", "count": 1}]
    assert "quillfeather" not in json.dumps(reported)


# --- one search, no value anywhere ------------------------------------------------------------------------------------
def test_one_search_for_all_of_a_batch() -> None:
    people = [
        make_customer(name=f"Someone {n}", email=f"zq{n}z@example.com", phone=f"+44 7700 90{n:04}") for n in range(9)
    ]
    Product.objects.create(name="zq3z@example.com and zq7z@example.com")
    Product.objects.create(name="07700 900005")
    erase(*people)
    assert Effect.objects.filter(kind=KIND).count() == 1
    assert searched()["certain"] == 2


def test_no_value_stands_anywhere_while_it_waits_or_afterwards(reported: list[dict[str, Any]]) -> None:
    one = ada()
    Product.objects.create(name="ordered for ada.quillfeather@example.com")
    before = values_of(plan_for(Customer), [one.pk])
    assert len(before) >= 4
    erase(one)
    payload = json.dumps(waiting().payload)
    assert not [value for value in (*before.texts, *before.numbers) if value in payload.lower()]
    again = opened(waiting().payload["values"])
    assert (again.texts, again.numbers) == (before.texts, before.numbers)
    said = json.dumps([searched(), reported]).lower()
    assert not [value for value in (*before.texts, *before.numbers) if value in said]


def test_the_report_names_the_run_only_until_it_is_done(reported: list[dict[str, Any]]) -> None:
    Product.objects.create(name="ordered for ada.quillfeather@example.com")
    erase(ada())
    run = waiting().run_id
    assert run is not None
    searched()
    effect = Effect.objects.get(kind=FOUND)
    assert (effect.run_id, effect.payload) == (None, {})
    assert reported[0]["run"] == run.hex


# --- the key ----------------------------------------------------------------------------------------------------------
VALUES = Values({"ada quillfeather": ("full name", CERTAIN)}, {"447700900123": ("phone", CERTAIN)})


def test_sealed_under_a_key_that_is_not_in_the_database(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the first", []
    text = sealed(VALUES)
    assert opened(text) == VALUES
    assert sealed(VALUES) != text, "the same values twice cannot be told to be the same"
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the second", ["the first"]
    assert opened(text) == VALUES
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(Unreadable, match="LETHE_RESIDUE_KEY"):
        opened(text)
    settings.LETHE_RESIDUE_KEY = "k" * 32
    own = sealed(VALUES)
    settings.SECRET_KEY = "the third"
    assert opened(own) == VALUES


def test_a_secret_key_may_be_bytes(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = b"the first", [b"the one before"]
    text = sealed(VALUES)
    settings.SECRET_KEY = "the first"
    assert opened(text) == VALUES


def test_with_another_key_it_fails_visibly_and_goes_on_when_the_key_is_back(settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "the first", []
    erase(ada())
    settings.SECRET_KEY = "the second"
    effect = waiting()
    Effect.objects.filter(pk=effect.pk).update(next_try_at=timezone.now())
    outbox.drain()
    effect.refresh_from_db()
    assert "LETHE_RESIDUE_KEY" in effect.last_error
    settings.SECRET_KEY = "the first"
    assert searched()["places"] == 0


# --- when -------------------------------------------------------------------------------------------------------------
def test_it_waits_for_the_files_of_its_run() -> None:
    name = default_storage.save("ada.txt", ContentFile(b"ada.quillfeather@example.com"))
    pipeline.erase(Customer, [ada(picture=name).pk], by="role:test", reason="asked")
    far = timezone.now() + datetime.timedelta(hours=1)
    Effect.objects.filter(kind="file.delete").update(next_try_at=far)
    Effect.objects.filter(kind=KIND).update(next_try_at=timezone.now())
    outbox.drain()
    effect = waiting()
    assert effect.last_error == ""
    assert effect.next_try_at > timezone.now()
    Effect.objects.filter(kind="file.delete").update(next_try_at=timezone.now())
    outbox.drain()
    assert searched()["places"] == 0


def test_it_is_due_a_while_after_the_erasure_and_can_be_switched_off(settings: Any) -> None:
    settings.LETHE_RESIDUE_AFTER = 300
    erase(ada())
    wait = waiting().next_try_at - timezone.now()
    assert datetime.timedelta(minutes=4) < wait <= datetime.timedelta(minutes=5)
    settings.LETHE_RESIDUE_AFTER = None
    erase(ada(email="other@example.com"))
    assert Effect.objects.filter(kind=KIND).count() == 1


def test_a_second_erasure_searches_for_nothing() -> None:
    one = ada()
    erase(one)
    searched()
    assert pipeline.erase(Customer, [one.pk], by="role:test", reason="asked again").already == 1
    assert not Effect.objects.filter(kind=KIND, done_at=None).exists()


def test_the_statements_are_as_many_for_one_as_for_many() -> None:
    few = pipeline.erase(Customer, [ada().pk], by="role:test", reason="asked")
    many = [make_customer(phone=f"+44 7700 91{n:04}").pk for n in range(40)]
    assert pipeline.erase(Customer, many, by="role:test", reason="asked").statements == few.statements


def test_the_strengths_have_words() -> None:
    assert set(afterwards.STRENGTHS) == {CERTAIN, LIKELY, WEAK}
