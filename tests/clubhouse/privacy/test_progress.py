"""The progress of an erasure: each state it can be in is said, and only what is new is said again (row N4)."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.privacy.answers import answer_words
from clubhouse.privacy.progress import LATER, SELDOM, SOON, progress
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember
from lethe import outbox
from lethe.models import Effect, Receipt, Run
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def ago(**some: float) -> datetime.datetime:
    return timezone.now() - datetime.timedelta(**some)


@pytest.fixture
def run() -> Run:
    return Run.objects.create(subject="clients.client", subjects=1, plan="x", counts={}, reason="test", by="role:test")


def effect(run: Run, kind: str = "file.delete", **values: Any) -> Effect:
    return Effect.objects.create(run=run, kind=kind, **values)


def test_each_state(run: Run) -> None:
    later = timezone.now() + datetime.timedelta(minutes=1)
    effect(run, "a", done_at=timezone.now(), receipt={"outcome": "deleted"})
    effect(run, "b", attempts=1, leased_until=later, lease="x")
    effect(run, "c", next_try_at=later)
    effect(run, "d", attempts=3, last_error="OSError", next_try_at=later)
    effect(run, "e")
    effect(run, "f", attempts=3, last_error="OSError", leased_until=later, lease="x")
    effect(run, "g", attempts=2, next_try_at=later)
    found = progress(run)
    states = [deed.state for deed in found.deeds]
    assert states == ["done", "doing", "later", "failed", "waiting", "trying", "failed"]
    assert found.deeds[2].begins == later
    assert found.deeds[6].error == "The worker ended in the middle of it"
    assert (found.done, found.total, found.finished, found.failing) == (1, 7, False, True)


def test_a_worker_that_is_not_there_is_said(run: Run) -> None:
    waits = effect(run, created_at=ago(minutes=3), next_try_at=ago(minutes=3))
    assert progress(run).idle_since == waits.next_try_at
    busy = effect(run, "payment.refund", leased_until=timezone.now() + datetime.timedelta(minutes=1), lease="x")
    Effect.objects.filter(pk=busy.pk).update(run=None)
    assert progress(run).idle_since is None, "it runs, and has others in hand first"
    busy.delete()
    Effect.objects.filter(pk=waits.pk).update(next_try_at=ago(seconds=20))
    assert progress(run).idle_since is None, "it may be just about to"


@pytest.mark.parametrize(("age", "every"), [({"seconds": 3}, SOON), ({"minutes": 20}, LATER), ({"days": 2}, SELDOM)])
def test_an_open_page_asks_more_seldom_in_time(run: Run, age: dict[str, float], every: int) -> None:
    Run.objects.filter(pk=run.pk).update(erased_at=ago(**age))
    effect(run, attempts=1, last_error="OSError", next_try_at=timezone.now() + datetime.timedelta(hours=1))
    run.refresh_from_db()
    assert progress(run).every == every


def test_what_the_other_side_answered_is_added_up() -> None:
    said = answer_words(
        [
            ({"file": "deleted", "versions": 2, "markers": 0, "uploads": 0}, 3),
            ({"file": "deleted", "versions": 1, "markers": 1, "uploads": 0}, 1),
            ({"file": "was gone", "versions": 0, "markers": 0, "uploads": 0}, 1),
        ]
    )
    assert said == ("Deleted: 4", "Was gone", "Versions removed: 7", "Delete markers removed: 1")
    assert answer_words([({"places": 0, "certain": 0, "likely": 0, "weak": 0, "where": []}, 1)]) == (
        "Nothing was found that still names the person",
    )
    assert answer_words([({"places": 2, "certain": 1, "likely": 0, "weak": 1, "where": []}, 1)]) == (
        "Places that certainly name the person: 1",
        "Places that hold a name alone: 1",
    )


@pytest.mark.django_db(transaction=True)
def test_a_screen_reader_hears_of_what_is_new_alone(
    client: Browser, administrator: StaffMember, club: Any, settings: Any
) -> None:
    """The sentence is in a region that was in the page before, and is sent again only where it is another one."""
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_x", "http://127.0.0.1:9"
    person = make.make_client(club)
    make.make_membership(person, provider_reference="sub_1", status="cancelled")
    number = erase(person, by=administrator.user, reason="test", fingerprint=look(person).fingerprint).number
    sign_in(client, administrator)
    page = client.get(reverse("privacy:receipt", args=[number])).content.decode()
    assert page.count('id="progress-said"') == 1
    assert 'role="status" id="progress-said"' in page
    url = reverse("privacy:progress", args=[number])
    before = progress(Receipt.objects.get(number=number).run)
    outbox.drain()
    seen = client.get(url, {"seen": before.token})
    assert 'role="status" id="progress-said" hx-swap-oob="innerHTML"' in seen.content.decode()
    assert "The payment provider did not answer. Tried once since" in seen.content.decode()
    token = seen.context["progress"].token
    Effect.objects.filter(kind="payment.cancel_subscription").update(next_try_at=timezone.now())
    outbox.drain()
    again = client.get(url, {"seen": token}).content.decode()
    assert "Tried 2 times since" in again
    assert "progress-said" not in again, "it is still one of two, and still failing"


def test_three_queries_at_the_most(run: Run) -> None:
    counts = []
    for _ in range(2):
        effect(run, next_try_at=ago(minutes=9))
        Effect.objects.bulk_create(
            Effect(run=run, kind=f"kind.{n % 4}", done_at=timezone.now(), receipt={"versions": n % 3})
            for n in range(500)
        )
        with CaptureQueriesContext(connection) as queries:
            progress(run)
        counts.append(len(queries))
    assert counts == [3, 3]
