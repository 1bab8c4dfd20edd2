"""The result page: what was removed, what was kept and why, and how far the effects have come (rows P11, N4)."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.privacy.models import ErasureReceipt
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember
from lethe.models import Effect, Receipt
from lethe.outbox import drain
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in


@pytest.fixture
def number(settled_record: Record, administrator: StaffMember) -> str:
    record = settled_record.client
    return erase(record, by=administrator.user, reason="test", fingerprint=look(record).fingerprint).number


def test_it_tells_what_went_and_what_stayed_and_why(
    client: Browser, administrator: StaffMember, number: str, settled_record: Record
) -> None:
    sign_in(client, administrator)
    answer = client.get(reverse("privacy:receipt", args=[number.lower()]))
    page = answer.content.decode()
    for said in ("Stored payment cards", "Client trainers", "Profile images", "Audits", "Kept, and why"):
        assert said in page
    assert "attendance is counted" in page.lower()
    assert not settled_record.canaries.found_in(answer.content)


def test_how_long_each_thing_is_kept(client: Browser, administrator: StaffMember, number: str) -> None:
    """Row P11: why and until when, also where there is no end, and for what is gone only a little later (row N11)."""
    sign_in(client, administrator)
    page = client.get(reverse("privacy:receipt", args=[number])).content.decode()
    assert "until refunds and chargebacks can no longer come, 13 months after the payment" in page
    assert "Where no end is named, there is none" in page
    assert "The database’s files" in page
    assert "ackups" in page


@pytest.mark.parametrize("typed", ["{}", "{} ", "lower", "bare"])
def test_a_receipt_is_found_as_it_is_typed(
    client: Browser, administrator: StaffMember, number: str, typed: str
) -> None:
    sign_in(client, administrator)
    said = {"lower": number.lower(), "bare": number.replace("-", "")}.get(typed, typed.format(number))
    answer = client.get(reverse("privacy:find-receipt"), {"number": said})
    assert answer["Location"] == reverse("privacy:receipt", args=[number])


def test_a_number_that_is_no_receipt_of_this_business(
    client: Browser, administrator: StaffMember, stranger: StaffMember, number: str
) -> None:
    for who, typed in ((administrator, "AAAAA"), (stranger, number)):
        answer = sign_in(Browser(), who).get(reverse("privacy:find-receipt"), {"number": typed})
        assert answer.status_code == 404
        assert "No deletion of this business has this number." in answer.content.decode()
        assert typed in answer.content.decode(), "what was typed stays"
    assert sign_in(client, administrator).get(reverse("privacy:find-receipt")).status_code == 302


def test_progress_until_everything_is_done(client: Browser, administrator: StaffMember, number: str) -> None:
    sign_in(client, administrator)
    page = client.get(reverse("privacy:receipt", args=[number])).content.decode()
    assert 'role="status"' in page
    assert "Under way" in page
    assert 'hx-trigger="every 1s"' in page
    assert "<noscript><a" in page, "without a script there is a link to look again"
    url = reverse("privacy:progress", args=[number])
    part = client.get(url)
    token = part.context["progress"].token
    assert client.get(url, {"seen": token}).status_code == 204, "nothing new, nothing said"
    drain()
    after = client.get(url, {"seen": token})
    assert "All done" in after.content.decode()
    assert "every 1s" not in after.content.decode()
    assert client.get(url, {"seen": after.context["progress"].token}).status_code == 200
    assert "All done" in client.get(reverse("privacy:receipt", args=[number])).content.decode()


def test_what_failed_is_said_and_that_it_is_tried_again(
    client: Browser, administrator: StaffMember, number: str
) -> None:
    later = timezone.now() + datetime.timedelta(minutes=5)
    Effect.objects.filter(kind="file.delete").update(attempts=2, last_error="OSError", next_try_at=later)
    sign_in(client, administrator)
    page = client.get(reverse("privacy:receipt", args=[number])).content.decode()
    assert "has not worked yet" in page
    assert "Something failed that nobody foresaw (OSError). Tried 2 times since" in page
    assert "Try now, under Privacy" in page


def test_an_administrator_of_another_business_finds_nothing(
    client: Browser, stranger: StaffMember, number: str
) -> None:
    sign_in(client, stranger)
    for name in ("receipt", "progress"):
        assert client.get(reverse(f"privacy:{name}", args=[number])).status_code == 404


def test_it_is_found_although_the_note_of_whose_it_is_was_never_written(
    client: Browser, administrator: StaffMember, stranger: StaffMember, number: str
) -> None:
    ErasureReceipt.objects.all().delete()
    url = reverse("privacy:receipt", args=[number])
    assert sign_in(client, administrator).get(url).status_code == 200
    assert sign_in(client, stranger).get(url).status_code == 404


@pytest.mark.parametrize("number", ["nonsense", "AAAAA-BBBBB-CCCCC-DDDDD", "x" * 400])
def test_no_such_receipt(client: Browser, administrator: StaffMember, number: str) -> None:
    sign_in(client, administrator)
    assert client.get(reverse("privacy:receipt", args=[number])).status_code == 404


def test_a_receipt_leads_to_no_client(number: str) -> None:
    stored = str(ErasureReceipt.objects.values().get()) + str(Receipt.objects.values().get())
    assert "client" not in stored


def test_the_same_queries_for_few_and_many_effects(client: Browser, administrator: StaffMember, number: str) -> None:
    sign_in(client, administrator)
    url = reverse("privacy:progress", args=[number])
    run = Receipt.objects.get(number=number).run
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url).status_code == 200
        counts.append(len(queries))
        Effect.objects.bulk_create(Effect(run=run, kind=f"kind.{n % 4}") for n in range(1000))
    assert counts[0] == counts[1]


def test_the_explanation_is_the_declaration(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    page = client.get(reverse("privacy:explanation")).content.decode()
    for said in ("Stored payment cards", "medical information", "attendance is counted", "Future scheduled sessions"):
        assert said in page


def test_already_deleted(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    assert make.PASSWORD not in client.get(reverse("privacy:already-deleted")).content.decode()
