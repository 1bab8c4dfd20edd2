"""What a column or a constraint cannot take is refused when the declaration is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Left, Lower
from django.test.utils import isolate_apps

from lethe import EMPTY, RandomDigits, RandomEmail, Replace, UnusablePassword, keep_rows
from lethe.logic import Verdict, decide
from lethe.strategies import Strategy
from tests.lethe.support.registries import declared, only, said

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

WHY = "it is counted by month"
CHOICES = [("a", "A"), ("b", "B")]
UNIQUE = "a constant does not fit a unique column; use a random strategy, or allow NULL and clear it."


@pytest.fixture(autouse=True)
def _alone(settings: SettingsWrapper) -> None:
    settings.LETHE_SUBJECTS = []


REFUSED: list[tuple[models.Field[Any, Any], Strategy, str]] = [
    (models.IntegerField(), EMPTY, "it is a IntegerField that allows neither NULL nor an empty string"),
    (models.DateField(), EMPTY, "allows neither NULL"),
    (models.DateField(), Replace(None), "NULL does not fit: the column is NOT NULL."),
    (models.CharField(max_length=3), Replace("long"), "'long' is longer than the column's 3 characters."),
    (models.IntegerField(), Replace("three"), "'three' does not fit a IntegerField."),
    (models.DateField(), Replace("yesterday"), "'yesterday' does not fit a DateField."),
    (models.CharField(max_length=9, choices=CHOICES), Replace("c"), "'c' is not one of the field's choices."),
    (models.CharField(max_length=9, choices=CHOICES), EMPTY, "'' is not one of the field's choices."),
    (models.CharField(max_length=9, unique=True), EMPTY, UNIQUE),
    (models.CharField(max_length=9, unique=True), Replace("x"), UNIQUE),
    (models.CharField(max_length=9, unique=True, null=True), Replace("x"), UNIQUE),
    (
        models.EmailField(max_length=40),
        RandomEmail("a-long-domain.example"),
        "needs 54 characters, and the column holds 40",
    ),
    (models.EmailField(max_length=36), RandomEmail(), "the column holds 36"),
    (models.IntegerField(), RandomEmail(), "a random address is text, and the column is a IntegerField."),
    (models.CharField(max_length=8), RandomDigits(9), "the random number needs 9 characters"),
    (models.IntegerField(), RandomDigits(9), "the random number is text"),
    (models.CharField(max_length=9, choices=CHOICES), RandomDigits(9), "not one of the field's choices"),
    (models.CharField(max_length=40), UnusablePassword(), "an unusable password needs 41 characters"),
    (models.EmailField(), RandomEmail("nobody__domain"), "'nobody__domain' is not a path from shop.Thing to a column."),
    (
        models.GeneratedField(expression=Left("note", 1), output_field=models.CharField(max_length=1), db_persist=True),
        EMPTY,
        "it is generated from other columns; answer for those.",
    ),
]
TAKEN: list[tuple[models.Field[Any, Any], Strategy]] = [
    (models.IntegerField(null=True), EMPTY),
    (models.CharField(max_length=9, unique=True, null=True), EMPTY),
    (models.CharField(max_length=9, choices=CHOICES, blank=True), EMPTY),
    (models.CharField(max_length=9, choices=CHOICES), Replace("a")),
    (models.BooleanField(), EMPTY),
    (models.JSONField(default=list), EMPTY),
    (models.BinaryField(), EMPTY),
    (models.DateField(), Replace("1900-01-01")),
    (models.EmailField(unique=True), RandomEmail()),
    (models.CharField(max_length=9, unique=True), RandomDigits(9)),
    (models.CharField(max_length=41), UnusablePassword()),
]


def thing(field: models.Field[Any, Any], **meta: Any) -> type[models.Model]:
    """A model with this field."""
    attributes = {
        "__module__": __name__,
        "note": models.CharField(max_length=9, blank=True),
        "field": field.clone(),
        "Meta": type("Meta", (), {"app_label": "shop", **meta}),
    }
    return type("Thing", (models.Model,), attributes)


@pytest.mark.parametrize(("field", "strategy", "words"), REFUSED)
@isolate_apps("tests.lethe.apps.shop")
def test_e006_what_a_column_cannot_take(field: models.Field[Any, Any], strategy: Strategy, words: str) -> None:
    source = declared((thing(field), {"subject": True, "clear": ("note",), "replace": {"field": strategy}}))
    finding = only(source, "E006")
    assert finding.msg.startswith("shop.Thing.field: ")
    assert words in finding.msg
    assert finding.hint == 'keep = {"field": "why"}, or another strategy.'


@pytest.mark.parametrize(("field", "strategy"), TAKEN)
@isolate_apps("tests.lethe.apps.shop")
def test_what_a_column_can_take(field: models.Field[Any, Any], strategy: Strategy) -> None:
    source = declared((thing(field), {"subject": True, "clear": ("note",), "replace": {"field": strategy}}))
    assert said(source) == {}


@isolate_apps("tests.lethe.apps.shop")
def test_e006_the_key_and_the_companions() -> None:
    model = thing(models.IntegerField())
    source = declared((model, {"subject": True, "clear": ("note",), "replace": {"id": 0}, "keep": {"field": WHY}}))
    assert "it is the key of the row" in only(source, "E006").msg


@isolate_apps("tests.lethe.apps.shop")
def test_e006_a_companion_of_a_reference() -> None:
    class Someone(models.Model):
        name = models.CharField(max_length=9, blank=True)

        class Meta:
            app_label = "shop"

    class Row(models.Model):
        someone = models.ForeignKey(Someone, models.SET_NULL, null=True)
        since = models.DateField()

        class Meta:
            app_label = "shop"

    source = declared((Someone, {"subject": True, "clear": ("name",)}), (Row, {"unlink": {"someone": ("since",)}}))
    assert only(source, "E006").msg.startswith("shop.Row.since: ")


# --- constraints ------------------------------------------------------------------------------------------------------
def unique(*fields: str, **options: Any) -> models.UniqueConstraint:
    """A unique constraint."""
    return models.UniqueConstraint(*options.pop("expressions", ()), fields=fields, name="one", **options)


TEXT = models.CharField(max_length=60, blank=True)
COLLIDING: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"constraints": [unique("field")]}, {"clear": ("note", "field")}),
    ({"constraints": [unique("field", "note")]}, {"clear": ("note",), "keep": {"field": WHY}}),
    ({"unique_together": [("field", "note")]}, {"clear": ("note", "field")}),
    ({"constraints": [unique(expressions=(Lower("field"),))]}, {"clear": ("note", "field")}),
    ({"constraints": [unique("field", condition=Q(note=""))]}, {"clear": ("note", "field")}),
    ({"constraints": [unique("field", condition=~Q(note="gone"))]}, {"clear": ("note", "field")}),
]
APART: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"constraints": [unique("field", "note")]}, {"clear": ("note",), "replace": {"field": RandomDigits(9)}}),
    ({"constraints": [unique("field", "id")]}, {"clear": ("note", "field")}),
    ({"constraints": [unique("field")]}, {"clear": ("note",), "keep": {"field": WHY}}),
    ({"constraints": [unique("field", condition=Q(note="kept"))]}, {"clear": ("note", "field")}),
    ({"constraints": [unique("field", condition=~Q(note="gone"))]}, {"clear": ("field",), "replace": {"note": "gone"}}),
    (
        {"constraints": [unique(expressions=(Lower("field"),))]},
        {"clear": ("note",), "replace": {"field": RandomEmail()}},
    ),
]


@pytest.mark.parametrize(("meta", "policy"), COLLIDING)
@isolate_apps("tests.lethe.apps.shop")
def test_e014_two_erased_rows_that_would_collide(meta: dict[str, Any], policy: dict[str, Any]) -> None:
    finding = only(declared((thing(TEXT, **meta), {"subject": True} | policy)), "E014")
    assert "two erased rows have the same" in finding.msg
    assert ("the constraint one refuses" in finding.msg) != ("unique_together" in finding.msg)
    assert "random strategy" in str(finding.hint)


@pytest.mark.parametrize(("meta", "policy"), APART)
@isolate_apps("tests.lethe.apps.shop")
def test_erased_rows_that_something_keeps_apart(meta: dict[str, Any], policy: dict[str, Any]) -> None:
    assert said(declared((thing(TEXT, **meta), {"subject": True} | policy))) == {}


@isolate_apps("tests.lethe.apps.shop")
def test_e014_nulls_that_count_as_equal() -> None:
    field, policy = models.IntegerField(null=True), {"subject": True, "clear": ("note", "field")}
    assert said(declared((thing(field, constraints=[unique("field", "note")]), policy))) == {}


@isolate_apps("tests.lethe.apps.shop")
def test_e014_nulls_that_are_not_distinct() -> None:
    field, policy = models.IntegerField(null=True), {"subject": True, "clear": ("note", "field")}
    constraint = unique("field", "note", nulls_distinct=False)
    assert "E014" in said(declared((thing(field, constraints=[constraint]), policy)))


def test_e015_a_check_constraint_that_an_erased_row_breaks() -> None:
    for condition, broken in (
        (~Q(field=""), True),
        (Q(field__in=["a", "b"]), True),
        (Q(field="") | Q(note="x"), False),
        (Q(note__gt=F("field")), True),
        (Q(field="x") | Q(id__gt=3), False),  # that depends on the row
    ):
        with isolate_apps("tests.lethe.apps.shop"):
            constraint = models.CheckConstraint(condition=condition, name="sane")
            source = declared((thing(TEXT, constraints=[constraint]), {"subject": True, "clear": ("note", "field")}))
            if broken:
                assert "an erased row breaks it, which the constraint sane refuses" in only(source, "E015").msg
            else:
                assert said(source) == {}


@isolate_apps("tests.lethe.apps.shop")
def test_e022_kept_rows_that_refer_to_a_column_that_changes() -> None:
    class Someone(models.Model):
        code = models.CharField(max_length=20, unique=True)

        class Meta:
            app_label = "shop"

    class Row(models.Model):
        someone = models.ForeignKey(Someone, models.SET_NULL, null=True, to_field="code")

        class Meta:
            app_label = "shop"

    someone = (Someone, {"subject": True, "replace": {"code": RandomDigits(9)}})
    finding = only(declared(someone, (Row, {"path": "someone", "rows": keep_rows(WHY)})), "E022")
    assert finding.msg == (
        "shop.Row.someone refers to shop.Someone.code, which the erasure changes: the kept rows would point at nothing."
    )
    assert finding.hint == 'rows = delete_rows(), or unlink = {"someone": ()}'
    assert said(declared(someone, (Row, {"unlink": {"someone": ()}}))) == {}


# --- three values, and one more ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("condition", "verdict"),
    [
        (Q(a=1), Verdict.TRUE),
        (Q(a=2), Verdict.FALSE),
        (Q(unknown=1), Verdict.OPEN),
        (Q(n=1), Verdict.NULL),
        (~Q(n=1), Verdict.NULL),
        (Q(n__isnull=True), Verdict.TRUE),
        (Q(a=1, unknown=1), Verdict.OPEN),
        (Q(a=2, unknown=1), Verdict.FALSE),
        (Q(a=1) | Q(unknown=1), Verdict.TRUE),
        (Q(a=2) | Q(unknown=1), Verdict.OPEN),
        (Q(a=2) | Q(n=1), Verdict.NULL),
        (Q(a__in=[1, 2]), Verdict.TRUE),
        (Q(a__range=(2, 3)), Verdict.FALSE),
        (Q(a__gte=F("b")), Verdict.FALSE),
        (Q(a__gte=F("unknown")), Verdict.OPEN),
        (Q(t__startswith="x"), Verdict.TRUE),
        (Q(t__regex="x"), Verdict.OPEN),
        (Q(t__gt=1), Verdict.OPEN),
        (Q(a=1) ^ Q(b=2), Verdict.OPEN),
    ],
)
def test_what_can_be_decided(condition: Q, verdict: Verdict) -> None:
    assert decide(condition, {"a": 1, "b": 2, "n": None, "t": "xyz"}) is verdict
