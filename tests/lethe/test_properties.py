"""Schemas that nobody drew by hand are erased as the shop is: whatever the shape, the same promises hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from lethe import execute as stage
from lethe import preview
from lethe.answers import findings
from lethe.seal import is_sealed
from tests.lethe.support.database import constraints_hold
from tests.lethe.support.schemas import EXAMPLES, SUBJECT, Made, Schema, schemas, standing

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)

#: What was erased in this run.
DONE: list[Schema] = []

#: Seconds after which no new schema is begun.
SECONDS = 45.0


def everything(made: Made) -> dict[str, dict[Any, dict[str, Any]]]:
    """Every row of every table: table to key to columns."""
    found: dict[str, dict[Any, dict[str, Any]]] = {}
    for name, model in made.models.items():
        meta = model._meta
        columns = [field.column for field in meta.local_concrete_fields]
        listed = ", ".join(connection.ops.quote_name(column) for column in columns)
        keys = [columns.index(field.column) for field in meta.pk_fields]
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {listed} FROM {connection.ops.quote_name(meta.db_table)}")
            found[name] = {
                tuple(str(row[index]) for index in keys): dict(zip(columns, row, strict=True))
                for row in cursor.fetchall()
            }
    return found


def refused(write: Any) -> bool:
    """Whether the seal refuses a write."""
    try:
        with transaction.atomic():
            write()
    except DatabaseError as error:
        if not is_sealed(error):
            raise
        return True
    return False


def erase(made: Made, one: Any) -> stage.Outcome:
    """Erase a subject of a drawn schema."""
    return stage.execute(made.plan, [one.pk], by="tests", reason="asked in writing")


@pytest.fixture(autouse=True)
def _alone(settings: SettingsWrapper) -> None:
    """No subjects are named but those that are drawn."""
    settings.LETHE_SUBJECTS = []


@pytest.fixture(scope="module")
def ends() -> float:
    """When no new schema is begun."""
    return time.monotonic() + SECONDS


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@example(schema=EXAMPLES[0], count=2)
@example(schema=EXAMPLES[1], count=3)
@example(schema=EXAMPLES[2], count=4)
@given(schema=schemas(), count=st.integers(1, 4))
def test_whatever_the_shape(ends: float, schema: Schema, count: int) -> None:
    if time.monotonic() > ends:
        return
    note(repr(schema))
    with standing(schema) as made:
        assert [str(finding) for finding in findings(made.source) if finding.is_serious()] == []
        rows = made.rows
        first = rows.subject()
        second, third = rows.subject(sponsor=first), rows.subject(sponsor=first)
        rows.fill(first, second, count)
        rows.fill(second, third, count + 3)
        rows.fill(third, first, 5)
        before = everything(made)
        assert all(value in repr(before) for value in rows.canaries)
        seen = preview.preview(made.plan, [first.pk])
        assert everything(made) == before

        outcome = erase(made, first)

        after = everything(made)
        assert outcome.erased == 1
        assert outcome.counts.keys() <= {step.name for step in seen.steps if step.count} | {made.plan.model._meta.label}
        dump = repr(after)
        for value, owners in rows.canaries.items():
            if first.pk in owners:
                assert value not in dump
            else:
                assert value in dump
        assert constraints_hold()
        bystanders_are_what_they_were(made, first, before, after)
        again = erase(made, first)
        assert (again.erased, again.already) == (0, 1)
        assert everything(made) == after
        the_seal_holds_and_history_goes_on(made, first)
        # A subject with many more rows costs as many statements.
        assert erase(made, second).statements == outcome.statements
        assert constraints_hold()
    DONE.append(schema)


def bystanders_are_what_they_were(made: Made, gone: Any, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Rows of others differ only where they named the erased subject, or a row that was deleted."""
    for (name, key), owners in made.rows.owners.items():
        if gone.pk in owners:
            continue
        raw = tuple(_raw(part) for part in (key if isinstance(key, tuple) else (key,)))
        old, new = before[name][raw], after[name].get(raw)
        assert new is not None, f"a row of {name} is gone"
        untied = {"named_id", "remark", "answers_id", "sponsor_id"}
        changed = {column for column in old if old[column] != new[column]}
        assert changed <= untied, f"{name}: {changed}"
        for column in changed - {"remark"}:
            assert new[column] is None


def _raw(part: Any) -> str:
    """A key as the table shows it."""
    return (
        part.hex
        if connection.vendor == "sqlite" and hasattr(part, "hex") and not isinstance(part, float)
        else str(part)
    )


def the_seal_holds_and_history_goes_on(made: Made, gone: Any) -> None:
    """Nothing personal comes back, and what is kept can still be used."""
    model = made.models[SUBJECT]
    erased = model.objects.get(pk=gone.pk)
    assert not refused(erased.save)
    assert refused(lambda: model.objects.filter(pk=gone.pk).update(secret="again"))
    assert refused(lambda: model.objects.filter(pk=gone.pk).update(name="again"))
    assert refused(lambda: model.objects.filter(pk=gone.pk).update(town="south"))
    for kind in made.schema.kinds:
        if kind.targets != (SUBJECT,):
            continue
        rows = made.models[kind.name].objects
        number = {"number": 987_654} if kind.key == "pair" else {}
        assert refused(lambda rows=rows, number=number: rows.create(to0=erased, text="again", **number))
        if kind.history:
            assert not refused(lambda rows=rows, number=number: rows.create(to0=erased, text="", **number))
        if kind.fate == "keep":
            assert refused(lambda rows=rows: rows.filter(to0=erased).update(text="again"))
            assert not refused(lambda rows=rows: rows.filter(to0=erased).update(size=7))


def test_enough_schemas_were_erased() -> None:
    """The budget is for slow machines; it must not hide that nothing was tried."""
    kinds = [kind for schema in DONE for kind in schema.kinds]
    assert len(DONE) >= 10
    assert {schema.key for schema in DONE} == {"auto", "uuid", "text"}
    assert {kind.key for kind in kinds} == {"auto", "uuid", "text", "pair"}
    assert {schema.tags for schema in DONE} == {"", "delete", "keep"}
    assert {schema.value for schema in DONE} == {"", "text", "key", "json"}
    for shape in ("by_code", "itself", "mention", "history"):
        assert any(getattr(kind, shape) for kind in kinds), shape
    assert any(schema.parent for schema in DONE)
    assert any(len(kind.targets) > 1 for kind in kinds)
