"""Metrics: for those who may ask, numbers by kind, no person, and three queries however much there is."""

from __future__ import annotations

import datetime
import ipaddress
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from clubhouse.clients.models import Client
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support.record import Record

pytestmark = pytest.mark.django_db
TOKEN = "a-token-of-the-deployment"


@pytest.fixture
def asked(settings: Any) -> Any:
    """Ask with the token; gives sample name and labels to value."""
    settings.METRICS_TOKEN = TOKEN

    def ask() -> dict[tuple[str, ...], float]:
        answer = Browser().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.content.decode())
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }

    return ask


def test_it_is_off_unless_somebody_may_ask(settings: Any) -> None:
    assert (settings.METRICS_TOKEN, settings.METRICS_NETWORKS) == ("", [])
    assert Browser().get("/metrics").status_code == 404
    assert Browser().get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_who_may_ask(settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    for wrong in ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \u00e9"):
        assert Browser().get("/metrics", headers={"Authorization": wrong}).status_code == 404
    assert Browser().post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405
    settings.METRICS_TOKEN, settings.METRICS_NETWORKS = "", [ipaddress.ip_network("10.1.0.0/16")]
    assert Browser().get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 200
    assert Browser().get("/metrics", REMOTE_ADDR="10.2.2.3").status_code == 404
    assert Browser().get("/metrics", REMOTE_ADDR="").status_code == 404
    assert Browser().get("/metrics", headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 404


def test_what_an_erasure_shows(asked: Any, client_record: Record, settings: Any) -> None:
    let_all_pass(client_record.client.business)
    assert asked()["lethe_erasures_total",] == 0
    pipeline.erase(Client, [client_record.client.pk], by="role:test", reason="asked")
    seen = asked()
    assert seen["lethe_erasures_total",] == seen["lethe_runs_total",] == 1
    assert seen["lethe_effects_waiting", "file.delete"] == 3
    assert seen["lethe_effects_oldest_seconds", "file.delete"] >= 0
    outbox.drain()
    seen = asked()
    assert seen["lethe_effects_waiting", "file.delete"] == 0
    assert seen["lethe_effect_done_seconds_count", "file.delete"] == 3
    assert seen["lethe_effect_done_seconds_bucket", "file.delete", "+Inf"] == 3
    answer = Browser().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert client_record.canaries.found_in(answer.content) == []


def test_what_fails_is_told_by_kind_with_its_age(asked: Any) -> None:
    now, kind = timezone.now(), "webhook.deliver"
    for attempts, hours in ((3, 5), (1, 1)):
        then = now - datetime.timedelta(hours=hours)
        failed = {"attempts": attempts, "last_error": "The endpoint said no.", "created_at": then}
        Effect.objects.create(kind=kind, next_try_at=now + datetime.timedelta(minutes=5), **failed)
    Effect.objects.create(kind="bytes.clean", next_try_at=now + datetime.timedelta(hours=9))
    Effect.objects.create(kind="file.delete", next_try_at=now - datetime.timedelta(minutes=20))
    seen = asked()
    assert seen["lethe_effects_waiting", kind] == seen["lethe_effects_failing", kind] == 2
    assert 5 * 3600 <= seen["lethe_effects_oldest_seconds", kind] < 5.5 * 3600
    assert seen["lethe_effects_overdue_seconds", kind] == 0, "a worker saw to it, and it is not due"
    assert 1200 <= seen["lethe_effects_overdue_seconds", "file.delete"] < 1300
    assert seen["lethe_effects_oldest_seconds", "bytes.clean"] == 0, "it waits on purpose"
    assert seen["lethe_effects_waiting", "payment.refund"] == 0, "a kind that never was is told, too"


def test_what_was_done_and_failed_is_counted_as_it_happens(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter never goes down: not while a try is under way, not when the rows that it counted are gone."""
    kind, seen = "test.tally", []

    def deed(payload: dict[str, Any]) -> None:
        seen.append(asked())
        if len(seen) < 3:
            raise outbox.Retry("Not yet.")

    monkeypatch.setitem(outbox._handlers, kind, deed)
    effect = outbox.record(kind, {})
    for _ in range(3):
        Effect.objects.update(next_try_at=timezone.now(), created_at=timezone.now() - datetime.timedelta(minutes=2))
        outbox.drain()
    Effect.objects.filter(pk=effect.pk).delete()
    seen.append(asked())
    assert [each["lethe_effect_failures_total", kind] for each in seen] == [0, 1, 2, 2]
    assert [each["lethe_effect_done_seconds_count", kind] for each in seen] == [0, 0, 0, 1]
    last = seen[-1]
    assert last["lethe_effect_done_seconds_bucket", kind, "60.0"] == 0
    assert last["lethe_effect_done_seconds_bucket", kind, "300.0"] == 1
    assert last["lethe_effect_done_seconds_bucket", kind, "+Inf"] == 1
    assert 120 <= last["lethe_effect_done_seconds_sum", kind] < 130


def test_the_names_are_those_that_prometheus_asks_for(asked: Any, settings: Any) -> None:
    """Its own text format; counters end in _total, times are in seconds, everything says what it is."""
    asked()
    answer = Browser().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer["Content-Type"].startswith("text/plain; version=")
    lines = answer.content.decode().splitlines()
    kinds = dict(line.split(" ")[2:4] for line in lines if line.startswith("# TYPE"))
    helped = {line.split(" ")[2] for line in lines if line.startswith("# HELP") and len(line.split(" ", 3)) == 4}
    assert helped == set(kinds)
    for name, kind in kinds.items():
        assert name.startswith("lethe_")
        assert name.endswith("_total") == (kind == "counter"), name
        assert not name.endswith(("_ms", "_minutes", "_hours")), name
        assert name.endswith("_seconds") == (kind == "histogram" or "oldest" in name or "overdue" in name), name


@pytest.mark.parametrize("many", [1, 40])
def test_three_queries_however_much_there_is(asked: Any, many: int) -> None:
    for number in range(many):
        outbox.record_all(f"kind.{number}", [{}] * many)
    with CaptureQueriesContext(connection) as seen:
        asked()
    assert len([query for query in seen if "lethe_" in query["sql"]]) == len(seen) == 3
