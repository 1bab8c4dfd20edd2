"""The number of statements depends on files and batches, not on rows; a failing database is said without its words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from clubhouse.accounts.models import Business
from clubhouse.imports import errors
from clubhouse.imports import layout as files
from tests.clubhouse.imports.bundles import client, counts, picture, row, take, whole, write

pytestmark = pytest.mark.django_db


def bundle_of(number: int) -> dict[str, list[dict[str, str]]]:
    ids = [str(5000 + place) for place in range(number)]

    def each(name: str, **cells: Callable[[str], str]) -> list[dict[str, str]]:
        return [row(name, **{column: make(key) for column, make in cells.items()}) for key in ids]

    def own(key: str) -> str:
        return key

    return whole(
        team=each(files.TEAM, staff_id="T{}".format, email="t{}@team.example".format),
        clients=[
            client(key, email=f"{key}@mail.example", paid_by=ids[0] if key != ids[0] else "", trainers=f"T{key}")
            for key in ids
        ],
        sessions=each(files.SESSIONS, session_id="S{}".format, trainer_id="T{}".format),
        bookings=each(files.BOOKINGS, booking_id="B{}".format, session_id="S{}".format, client_id=own),
        waiting_list=each(files.WAITING, session_id="S{}".format, client_id=own),
        memberships=each(files.MEMBERSHIPS, membership_id="M{}".format, client_id=own),
        packages=each(files.PACKAGES, package_id="P{}".format, client_id=own),
        account_credits=each(files.CREDITS, client_id=own),
        cards=each(files.CARDS, client_id=own, card_token="pm_{}".format),
        identities=each(files.IDENTITIES, client_id=own, subject=own),
        payments=each(files.PAYMENTS, payment_id="I{}".format, number="N{}".format, client_id=own),
    )


def statements(folder: Path, business: str) -> Counter[str]:
    """How often each statement ran; an INSERT counts its rows, and the others their values, as one."""
    with CaptureQueriesContext(connection) as captured:
        take(folder, business=business)
    shapes: Counter[str] = Counter()
    for query in captured.captured_queries:
        sql = query["sql"]
        if found := re.match(r'INSERT INTO "(\w+)"', sql):
            shapes[f"insert {found[1]}"] += 1
        elif found := re.match(r'SELECT .*? FROM "(\w+)"', sql):
            shapes[f"select {found[1]}"] += 1
        else:
            shapes[sql.split()[0]] += 1
    return shapes


def test_the_number_of_statements_does_not_depend_on_the_number_of_rows(tmp_path: Path) -> None:
    few, many = write(tmp_path / "few", bundle_of(10)), write(tmp_path / "many", bundle_of(1000))
    first = statements(few, "Few")
    # Card tokens are unique in the deployment.
    cards = many / files.CARDS
    cards.write_text(cards.read_text().replace("pm_", "pm_x"))
    second = statements(many, "Many")
    assert {name: number for name, number in second.items() if not name.startswith("insert")} == {
        name: number for name, number in first.items() if not name.startswith("insert")
    }
    assert all(number == 1 for name, number in first.items() if name.startswith("insert"))
    # SQLite takes 999 values in one INSERT, as Django sees it, so that 1,000 clients of 38 columns are 40 statements.
    batch = 1 if connection.vendor == "postgresql" else 42
    assert all(number <= batch for name, number in second.items() if name.startswith("insert"))
    again = statements(many, "Many")
    assert not [name for name in again if name.startswith(("insert", "UPDATE", "DELETE"))]
    assert all(number <= second[name] for name, number in again.items())


def test_what_the_database_refuses_is_said_without_its_words(tmp_path: Path, media: Path) -> None:
    folder = write(tmp_path / "in", whole(clients=[client(photo="one.png"), client("1001", dob="never")]))
    picture(folder)

    def refuse(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.startswith('INSERT INTO "clients_profileimage"'):
            raise IntegrityError("Key (email)=(ada@mail.example) already exists.")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse), pytest.raises(errors.DatabaseRefused, match="nothing was written") as said:
        take(folder)
    assert "ada" not in str(said.value)
    assert said.value.__cause__ is None
    assert not Business.objects.exists()
    assert not [path for path in media.rglob("*") if path.is_file()]
    assert not (tmp_path / "refused").exists() or not list((tmp_path / "refused").iterdir())
    assert counts(take(folder)) == (2, 1, 1)
