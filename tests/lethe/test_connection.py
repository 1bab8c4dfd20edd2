"""The engine's own way of speaking to the database: in one conversation, inside Django's transaction."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from lethe.connection import Runner
from tests.lethe.apps.shop.models import Shop

pytestmark = pytest.mark.django_db(transaction=True)

COUNT = "SELECT count(*) FROM shop_shop"


def insert(name: str) -> tuple[str, dict[str, Any]]:
    sign = "%(name)s" if connection.vendor == "postgresql" else ":name"
    return f"UPDATE shop_shop SET name = {sign}", {"name": name}


@pytest.fixture
def shop() -> Shop:
    return Shop.objects.create(name="before")


def test_answers_come_in_order(shop: Shop) -> None:
    """Counts of writes and rows of reads, one answer a statement."""
    with transaction.atomic():
        answers = Runner("default").run([(COUNT, {}), insert("after"), ("SELECT name FROM shop_shop", {})])
    assert answers[0][1] == [(1,)]
    assert answers[1] == (1, [])
    assert answers[2][1] == [("after",)]


def test_what_is_rolled_back_has_not_happened(shop: Shop) -> None:
    """The engine's statements belong to the transaction that Django opened, also where they are its first."""
    with transaction.atomic():
        Runner("default").run([insert("after")])
        transaction.set_rollback(True)
    assert Shop.objects.get().name == "before"


def test_what_is_committed_stays(shop: Shop) -> None:
    with transaction.atomic():
        Runner("default").run([insert("after")])
    connection.close()
    assert Shop.objects.get().name == "after"


def test_an_error_is_djangos_and_the_connection_lives_on(shop: Shop) -> None:
    """Whatever stands after the error is not run; the next transaction finds the connection as if nothing had been."""
    for _ in range(2):
        with pytest.raises(DatabaseError), transaction.atomic():
            Runner("default").run([insert("after"), ("SELECT nothing FROM nowhere", {}), insert("later")])
        assert Shop.objects.get().name == "before"
    with transaction.atomic():
        assert Runner("default").one(*insert("after"))[0] == 1
    assert Shop.objects.get().name == "after"


def test_an_answer_larger_than_any_buffer(shop: Shop) -> None:
    """Both sides have more to say than a socket holds, and neither waits for the other."""
    sign, cast = ("%(text)s", "::text") if connection.vendor == "postgresql" else (":text", "")
    text = "x" * 300_000
    with transaction.atomic():
        answers = Runner("default").run([(f"SELECT {sign}{cast} AS said", {"text": text})] * 20)
    assert [rows for _, rows in answers] == [[(text,)]] * 20


def test_outside_a_transaction_each_conversation_is_its_own(shop: Shop) -> None:
    Runner("default").run([insert("after")])
    connection.close()
    assert Shop.objects.get().name == "after"


def test_statements_that_somebody_threw_away_are_prepared_again(shop: Shop) -> None:
    """A pooler may reset a connection; the engine is told by an error, and its next try succeeds."""
    runner = Runner("default")
    runner.one(COUNT, {})
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("DISCARD ALL")
        with pytest.raises(DatabaseError):
            runner.one(COUNT, {})
    assert runner.one(COUNT, {})[1] == [(1,)]


def test_a_connection_that_is_cut_is_reported_and_replaced(shop: Shop) -> None:
    """What was begun on it is gone; Django opens another."""
    runner = Runner("default")
    if connection.vendor == "postgresql":
        cut: list[Any] = [("SELECT pg_terminate_backend(pg_backend_pid())", {})]
        with pytest.raises(DatabaseError), transaction.atomic():
            runner.run([insert("after"), *cut, (COUNT, {})])
    connection.close()
    assert Shop.objects.get().name == "before"
    assert Runner("default").one(COUNT, {})[1] == [(1,)]
