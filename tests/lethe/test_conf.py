"""The engine's settings: what they say stands in the explanation, and what says nothing is refused by the gate."""

from __future__ import annotations

from typing import Any

import pytest

from lethe import checks, pipeline
from lethe.answers import findings
from lethe.registry import registry
from tests.lethe.apps.shop.models import Customer
from tests.lethe.support.world import make_customer

pytestmark = pytest.mark.django_db


def test_what_outlives_it_is_named_with_its_period(settings: Any, postgres: bool) -> None:
    settings.LETHE_CLEAN_EVERY, settings.LETHE_CLEAN_AT = 900, "03:30"
    settings.LETHE_OUTLIVES = {"nightly backups": "35 days", "archives of the log": "7 days"}
    page = pipeline.explain(Customer).as_markdown()
    assert "## What outlives the erasure, and how long" in page
    assert "**nightly backups**, until 35 days" in page
    assert ("each day at 03:30" if postgres else "15 minutes after the erasure") in page
    said = {entry["title"]: entry["until"] for entry in pipeline.explain(Customer).as_dict()["outlives"]}
    assert said["nightly backups"] == "35 days"
    assert said["archives of the log"] == "7 days"


def test_what_nobody_has_stated_is_said_to_be_so(settings: Any) -> None:
    settings.LETHE_OUTLIVES = {}
    settings.LETHE_CLEAN_EVERY = settings.LETHE_CLEAN_AT = None
    files, others = pipeline.explain(Customer).outlives
    assert files.until == "somebody runs manage.py lethe clean"
    assert (others.title.endswith("is not stated"), others.until) == (True, "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LETHE_OUTLIVES", {"backups": ""}),
        ("LETHE_OUTLIVES", {"backups": 35}),
        ("LETHE_OUTLIVES", ["backups"]),
        ("LETHE_CLEAN_EVERY", -1),
        ("LETHE_CLEAN_EVERY", "often"),
        ("LETHE_CLEAN_AT", "noon"),
        ("LETHE_CLEAN_AT", "25:00"),
        ("LETHE_RESIDUE_KEY", "short"),
    ],
)
def test_the_gate_refuses_a_setting_that_says_nothing(settings: Any, name: str, value: Any) -> None:
    assert "lethe.E025" not in {finding.id for finding in findings(registry)}
    setattr(settings, name, value)
    checks.forget()
    (finding,) = [finding for finding in findings(registry) if finding.id == "lethe.E025"]
    assert name in finding.msg
    assert "short" not in finding.msg, "a secret is not repeated"
    with pytest.raises(pipeline.GateClosed, match=name):
        pipeline.erase(Customer, [make_customer().pk], by="role:test", reason="asked")
