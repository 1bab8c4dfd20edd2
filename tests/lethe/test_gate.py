"""The gate: each finding about subjects and models in reach, and the line to write that its hint is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core import checks as django_checks
from django.core.management import call_command
from django.db import models
from django.test.utils import isolate_apps

from lethe import by_value, delete_rows, not_personal
from lethe.answers import findings
from lethe.registry import Registry, registry
from tests.lethe.apps.people.models import Member
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


@isolate_apps("tests.lethe.apps.shop")
@pytest.mark.usefixtures("alone")
def test_w002_what_looks_as_if_it_knew_a_subject_by_value() -> None:
    class Someone(models.Model):
        name = models.CharField(max_length=9, blank=True)
        mail = models.EmailField(null=True)

        class Meta:
            app_label = "shop"

    class LoginAttempt(models.Model):
        username = models.CharField(max_length=99)

        class Meta:
            app_label = "shop"

    class Newsletter(models.Model):
        address = models.EmailField()

        class Meta:
            app_label = "shop"

    class Visit(models.Model):
        someone_id = models.IntegerField()

        class Meta:
            app_label = "shop"

    class Product(models.Model):
        title = models.CharField(max_length=9)
        number = models.IntegerField()

        class Meta:
            app_label = "shop"

    someone = PERSON | {"clear": ("name", "mail")}
    found = said(declared((Someone, someone)))
    assert set(found) == {"W002"}
    hints = {message.obj.__name__: str(message.hint) for message in found["W002"]}
    assert set(hints) == {"LoginAttempt", "Newsletter", "Visit"}
    assert 'path = by_value("username", of="mail")' in hints["LoginAttempt"]
    assert 'path = by_value("address", of="mail")' in hints["Newsletter"]
    assert 'path = by_value("someone_id", of="pk")' in hints["Visit"]
    answers = {
        LoginAttempt: {"path": by_value("username", of="mail"), "rows": delete_rows()},
        Newsletter: {"rows": not_personal("addresses of suppliers, none of them a person's")},
        Visit: {"path": by_value("someone_id", of="pk"), "rows": delete_rows()},
    }
    assert said(declared((Someone, someone), *answers.items())) == {}


def test_every_finding_has_a_test_that_produces_it() -> None:
    here = Path(__file__).parent
    engine = Path(__import__("lethe").__file__).parent
    source = "".join(path.read_text() for path in engine.glob("*.py"))
    ids = set(re.findall(r"\"(E\d{3})\"", source)) | set(re.findall(r"\"lethe\.(W\d{3})\"", source))
    tests = "".join(path.read_text() for path in here.glob("test_*.py") if path != Path(__file__))
    tests += Path(__file__).read_text().partition("def test_every_finding_has")[0]
    assert len(ids) > 20
    assert {number for number in ids if number not in tests} == set()
