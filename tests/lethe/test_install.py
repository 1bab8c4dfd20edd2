"""Triggers go in, come out, vanish and are mended; the gate says so."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, models

from lethe import checks, install, pipeline
from lethe.exceptions import GateClosed
from lethe.install import drop, expected, problems
from lethe.models import SubjectKey
from tests.lethe.apps.shop.models import Card, Customer, Order
from tests.lethe.support.world import make_customer, make_world

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "other"])


@pytest.fixture(autouse=True)
def _mended() -> Iterator[None]:
    yield
    install.install("default")


def warnings() -> list[str]:
    """What the database check says."""
    return [str(message.msg) for message in checks.check_seal(databases=["default"])]


def test_the_seal_stands_after_migrate() -> None:
    assert problems("default") == problems("other") == []
    assert warnings() == []
    assert len(install._installed("default")) == len(expected("default")) > 60
    assert checks.check_seal(databases=None) == []


def test_a_view_takes_no_trigger() -> None:
    assert not [trigger for trigger in expected("default") if trigger.table == "patient_view"]
    assert [trigger for trigger in expected("default") if trigger.table == "legacy_memo"]


def widen(model: type[models.Model], name: str) -> None:
    """What a migration with AlterField does, there and back."""
    field = model._meta.get_field(name)
    longer = models.CharField(max_length=500, blank=True)
    longer.set_attributes_from_name(name)
    longer.model = model
    for old, new in ((field, longer), (longer, field)):
        with connection.schema_editor() as editor:
            editor.alter_field(model, old, new)


def test_remaking_a_table_that_a_trigger_reads_needs_the_triggers_gone(postgres: bool) -> None:
    if not postgres:
        with pytest.raises(DatabaseError, match="error in trigger lethe_shop_orderline"):
            widen(Order, "gift_note")
    drop("default")
    widen(Order, "gift_note")
    install.install("default")
    assert problems("default") == []


def test_remaking_a_table_takes_its_triggers_away_and_that_is_said(postgres: bool) -> None:
    widen(Card, "scan")
    if postgres:
        assert problems("default") == []
        return
    missing = sorted(trigger.name for trigger in expected("default") if trigger.table == "shop_card")
    assert problems("default") == [f"trigger {name} on shop_card is missing" for name in missing]
    assert len(missing) == 2
    finding = checks.check_seal(databases=["default"])[0]
    assert (finding.id, finding.hint) == ("lethe.W020", "Run manage.py lethe seal (a migrate does it too).")
    assert str(finding.msg).startswith("The seal is broken on 'default': trigger lethe_shop_card_")
    customer = make_customer()
    with pytest.raises(GateClosed, match="the seal is broken: trigger lethe_shop_card_"):
        pipeline.erase(Customer, [customer.pk], by="tests", reason="asked in writing")
    call_command("lethe", "seal", stdout=io.StringIO())
    assert problems("default") == []
    assert pipeline.erase(Customer, [customer.pk], by="tests", reason="asked in writing").erased == 1


@pytest.mark.parametrize("mend", ["seal", "migrate"])
def test_a_trigger_that_is_gone_is_mended(mend: str) -> None:
    name = "lethe_shop_customer_own"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}" + (" ON shop_customer" if connection.vendor == "postgresql" else ""))
    assert problems("default") == [f"trigger {name} on shop_customer is missing"]
    out = io.StringIO()
    if mend == "seal":
        call_command("lethe", "seal", stdout=out)
        assert f"mended: trigger {name} on shop_customer is missing" in out.getvalue()
    else:
        call_command("migrate", verbosity=0, stdout=out)
    assert problems("default") == []


def test_a_trigger_that_is_stale_switched_off_or_unknown_is_said(postgres: bool) -> None:
    name = "lethe_shop_customer_own"
    with connection.cursor() as cursor:
        if postgres:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
            )
            assert problems("default") == [f"trigger {name} is stale"]
            install.install("default")
            cursor.execute(f"ALTER TABLE shop_customer DISABLE TRIGGER {name}")
            assert problems("default") == [f"trigger {name} is switched off"]
            install.install("default")
            cursor.execute("CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
            cursor.execute(
                "CREATE TRIGGER lethe_stray BEFORE UPDATE ON shop_shop FOR EACH ROW EXECUTE FUNCTION stray()"
            )
        else:
            cursor.execute(f"DROP TRIGGER {name}")
            cursor.execute(f"CREATE TRIGGER {name} BEFORE UPDATE ON shop_customer BEGIN SELECT 1; END")
            assert problems("default") == [f"trigger {name} is stale"]
            install.install("default")
            cursor.execute("CREATE TRIGGER lethe_stray BEFORE UPDATE ON shop_shop BEGIN SELECT 1; END")
        assert problems("default") == ["trigger lethe_stray is not the engine's any more"]
        assert install.install("default") == len(expected("default"))
        assert problems("default") == []
        if postgres:
            cursor.execute("DROP FUNCTION stray()")


def test_a_trigger_with_another_condition_is_stale(postgres: bool) -> None:
    if not postgres:
        return  # there the condition is in the text that is compared
    name = "lethe_shop_customer_own"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name} ON shop_customer")
        cursor.execute(
            f"CREATE TRIGGER {name} BEFORE UPDATE ON shop_customer FOR EACH ROW "
            f"WHEN (NEW.name = 'never') EXECUTE FUNCTION {name}()"
        )
    assert problems("default") == [f"trigger {name} is stale"]


def test_dropping_takes_everything_and_leaves_the_projects_own(postgres: bool) -> None:
    count = len(install._installed("default"))
    assert drop("default") == count
    assert install._installed("default") == {}
    with connection.cursor() as cursor:
        if postgres:
            cursor.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE 'lethe\\_%'")
            assert cursor.fetchone() == (0,)
    assert drop("default") == 0
    world = make_world()
    install.install("default")
    pipeline.erase(Customer, [world.pk], by="tests", reason="asked in writing")
    rows = Customer.objects.filter(pk=world.pk)
    with pytest.raises(DatabaseError, match="this record is erased"):
        rows.update(phone="1")
    drop("default")
    assert rows.update(phone="1") == 1, "it was the triggers that refused"
    rows.update(phone="")


def test_subjects_that_were_there_before_get_a_key() -> None:
    drop("default")
    customer = make_customer()
    erased = make_customer()
    named = {"subject": "shop.customer", "key": str(customer.pk)}
    assert not SubjectKey.objects.filter(**named).exists()
    install.install("default")
    assert SubjectKey.objects.filter(**named).count() == 1
    value = SubjectKey.objects.get(**named).value
    pipeline.erase(Customer, [erased.pk], by="tests", reason="asked in writing")
    install.install("default")
    assert SubjectKey.objects.get(**named).value == value
    assert not SubjectKey.objects.filter(subject="shop.customer", key=str(erased.pk)).exists()


def test_migrations_run_without_triggers() -> None:
    seen: list[int] = []
    from django.db.models.signals import post_migrate, pre_migrate

    def look(**given: object) -> None:
        if given["using"] == "default":
            seen.append(len(install._installed("default")))

    pre_migrate.connect(look, dispatch_uid="look")
    post_migrate.connect(look, dispatch_uid="look")
    try:
        call_command("migrate", verbosity=0)
    finally:
        pre_migrate.disconnect(dispatch_uid="look")
        post_migrate.disconnect(dispatch_uid="look")
    assert 0 in seen
    assert seen[-1] == len(expected("default"))


def test_a_trigger_is_never_compiled_to_machine_code(postgres: bool) -> None:
    """PostgreSQL would do it at every row of a table that refers by content type: half a second each."""
    if not postgres:
        assert not any("jit" in trigger.create for trigger in expected("default")), "SQLite compiles none"
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT proname, proconfig FROM pg_proc WHERE proname LIKE 'lethe\\_%%'")
        found = cursor.fetchall()
    assert len(found) > 20
    assert [name for name, settings in found if "jit=off" not in (settings or [])] == []
