"""The database's own catalogue: tables, keys, copies and indexes that no model knows of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core import checks as django_checks
from django.db import connection

from lethe import checks, pipeline
from lethe.catalogue import catalogue_findings, read
from lethe.exceptions import GateClosed
from lethe.models import ErasedMark
from lethe.registry import registry
from tests.lethe.apps.shop.models import Customer
from tests.lethe.support.world import make_customer

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db


def run(*statements: str) -> None:
    """Change the database by hand, as somebody once did."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def found() -> list[tuple[str, str, str]]:
    """Id, message and hint of what the catalogue says."""
    return [
        (str(message.id).removeprefix("lethe."), str(message.msg), str(message.hint))
        for message in catalogue_findings("default", registry)
    ]


def test_the_shop_s_database_is_what_its_models_say() -> None:
    assert found() == []
    assert checks.check_catalogue(databases=["default"]) == []
    assert checks.check_catalogue(databases=None) == []


def test_e020_a_table_that_no_model_knows_refers_to_a_subject(settings: SettingsWrapper) -> None:
    run("CREATE TABLE old_letters (id integer, customer_id bigint REFERENCES shop_customer (id), body text)")
    assert found() == [
        (
            "E020",
            "old_letters (customer_id) refers to shop_customer in the database, and no model knows this table.",
            'class OldLetters(models.Model) with managed = False, db_table = "old_letters" and a policy for it; or '
            'LETHE_TABLES = {"old_letters": "why an erasure need not touch it"}',
        )
    ]
    settings.LETHE_TABLES = {"old_letters": "emptied every night by the letter service"}
    assert found() == []
    settings.LETHE_TABLES = {"old_letters": "TBD"}
    assert [(number, message) for number, message, _ in found()] == [
        ("E010", "LETHE_TABLES leaves out old_letters for no reason of substance ('TBD').")
    ]


def test_e020_it_may_refer_to_any_row_in_reach_and_to_any_table_of_a_row() -> None:
    run("CREATE TABLE stickers (id integer, address_id bigint REFERENCES shop_address (id))")
    run("CREATE TABLE badges (id integer, person_id bigint REFERENCES people_person (id))")
    run("CREATE TABLE shelves (id integer, product_id bigint REFERENCES shop_product (id))")
    messages = [message for number, message, _ in found() if number == "E020"]
    assert sorted(message.partition(" ")[0] for message in messages) == ["badges", "stickers"]


def test_nothing_is_erased_while_the_database_has_such_a_table() -> None:
    customer = make_customer()
    run("CREATE TABLE old_letters (id integer, customer_id bigint REFERENCES shop_customer (id))")
    checks.forget()
    with pytest.raises(GateClosed, match="old_letters"):
        pipeline.erase(Customer, [customer.pk], by="tests", reason="asked in writing")
    assert not ErasedMark.objects.exists()
    assert "lethe.E020" in {message.id for message in django_checks.run_checks(databases=["default"])}


def test_a_migration_that_waits_is_not_kept_from_running() -> None:
    run("CREATE TABLE old_letters (id integer, customer_id bigint REFERENCES shop_customer (id))")
    assert [message.id for message in checks.check_catalogue(databases=["default"])] == ["lethe.E020"]
    run("DELETE FROM django_migrations WHERE app = 'lethe'")
    assert checks.check_catalogue(databases=["default"]) == []


def test_e021_a_key_that_the_model_does_not_say() -> None:
    run("ALTER TABLE shop_attempt ADD COLUMN whose bigint REFERENCES shop_customer (id)")
    assert found() == [
        (
            "E021",
            "shop_attempt (whose) refers to shop_customer in the database, and shop.Attempt does not say so.",
            'whose = models.ForeignKey(…, db_column="whose"), or in its policy path = by_value("whose", of="pk")',
        )
    ]


def test_w003_a_table_that_belongs_to_no_model(settings: SettingsWrapper) -> None:
    run("CREATE TABLE customers_2019 (name text, email text)")
    assert found() == [
        (
            "W003",
            "The table customers_2019 belongs to no model; a copy of somebody in it would outlive an erasure.",
            'Drop it, or LETHE_TABLES = {"customers_2019": "why an erasure need not touch it"}',
        )
    ]
    settings.LETHE_TABLES = {"customers_2019": "counts by town, nobody's name is in it"}
    assert found() == []


@pytest.mark.parametrize(
    ("table", "column"),
    [("shop_address", "customer_id"), ("shop_order", "gift_for_id"), ("shop_ticket", "customer_ref")],
)
def test_w021_a_way_without_an_index(table: str, column: str) -> None:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
        for name, constraint in constraints.items():
            if constraint["index"] and constraint["columns"] == [column]:
                cursor.execute(f'DROP INDEX "{name}"')
    assert found() == [
        (
            "W021",
            f"{table} ({column}) leads to the subject and has no index in the database.",
            f'CREATE INDEX ON "{table}" ("{column}"); or db_index=True and a migration.',
        )
    ]
    # A partial index, or one in which the column comes second, is none.
    run(
        f"CREATE INDEX partly ON {table} ({column}) WHERE {column} > 5",
        f"CREATE INDEX second ON {table} (id, {column})",
    )
    assert [number for number, *_ in found()] == ["W021"]
    run(f"CREATE INDEX whole ON {table} ({column}, id)")
    assert found() == []


def test_keys_of_several_columns_are_read_whole() -> None:
    run(
        "CREATE TABLE pairs (a integer, b integer, PRIMARY KEY (a, b))",
        "CREATE TABLE halves (x integer, y integer, FOREIGN KEY (x, y) REFERENCES pairs (a, b))",
    )
    keys = [key for key in read(connection).keys if key.table == "halves"]
    assert [(key.columns, key.target) for key in keys] == [(("x", "y"), "pairs")]


# --- what only PostgreSQL has -----------------------------------------------------------------------------------------
@pytest.fixture
def on_postgres(postgres: bool) -> bool:
    """Whether there are schemas, partitions and materialised views. SQLite has none, and says so."""
    if not postgres:
        assert read(connection).copies == []
    return postgres


def test_tables_of_other_schemas_are_seen(on_postgres: bool) -> None:
    if not on_postgres:
        return
    run(
        "CREATE SCHEMA attic",
        "CREATE TABLE attic.shop_address (id bigint, customer_id bigint REFERENCES public.shop_customer (id))",
        "CREATE TABLE attic.boxes (id bigint)",
    )
    said = {(number, message.split(" ")[0 if number == "E020" else 2]) for number, message, _ in found()}
    assert said == {("E020", "attic.shop_address"), ("W003", "attic.boxes")}


def test_partitions_are_their_parent_s(on_postgres: bool) -> None:
    if not on_postgres:
        return
    run(
        "CREATE TABLE visits (id bigint, day date, customer_id bigint REFERENCES shop_customer (id)) "
        "PARTITION BY RANGE (day)",
        "CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')",
        "CREATE TABLE visits_2 PARTITION OF visits FOR VALUES FROM ('2021-01-01') TO ('2022-01-01')",
    )
    assert [(number, message.partition(" ")[0]) for number, message, _ in found()] == [("E020", "visits")]


def test_e023_materialised_views_are_copies(on_postgres: bool, settings: SettingsWrapper) -> None:
    if not on_postgres:
        return
    run(
        "CREATE VIEW names AS SELECT id, name FROM shop_customer",
        "CREATE MATERIALIZED VIEW directory AS SELECT name FROM names",
        "CREATE MATERIALIZED VIEW catalogue AS SELECT name FROM shop_product",
    )
    assert found() == [
        (
            "E023",
            "The materialised view directory keeps a copy of shop_customer, which no erasure reaches.",
            'LETHE_TABLES = {"directory": "what refreshes it, and how soon"}, or drop it.',
        )
    ]
    settings.LETHE_TABLES = {"directory": "refreshed every hour by a job of the database"}
    assert found() == []
