"""The second door: Users > record > ✏️ > user status "Deleted" > "Update" (row F3)."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.team.models import StaffMember
from lethe.models import Receipt, Run
from tests.support.record import Record
from tests.support.sign_in import sign_in


@pytest.fixture
def signed_in(client: Browser, administrator: StaffMember) -> Browser:
    return sign_in(client, administrator)


def update(browser: Browser, record: Client, **values: str):
    return browser.post(reverse("users:edit", args=[record.pk]), {"status": "deleted"} | values)


def fingerprint(page: str) -> str:
    found = re.search(r'name="fingerprint" value="([^"]+)"', page)
    return found.group(1) if found else ""


def test_the_way_there_by_its_labels(signed_in: Browser, settled_record: Record) -> None:
    record = settled_record.client
    found = signed_in.get(reverse("users:list"), {"q": record.email}).content.decode()
    assert reverse("users:profile", args=[record.pk]) in found
    shown = signed_in.get(reverse("users:profile", args=[record.pk])).content.decode()
    assert f'href="{reverse("users:edit", args=[record.pk])}" aria-label="Edit"' in shown
    form = signed_in.get(reverse("users:edit", args=[record.pk])).content.decode()
    assert "User status" in form
    assert '<option value="deleted">Deleted</option>' in form
    assert ">Update</button>" in form


def test_without_a_script_the_first_update_shows_and_the_second_confirms(
    signed_in: Browser, settled_record: Record
) -> None:
    record = settled_record.client
    first = update(signed_in, record, last_name="Typed beside it")
    page = unescape(first.content.decode())
    assert first.status_code == 200
    assert "“Update” deletes this client for good" in page
    assert '<option value="deleted" selected>' in page
    assert not Receipt.objects.exists()
    record.refresh_from_db()
    assert record.last_name == settled_record.canaries.last_name, "what was typed beside the status is not saved"
    second = update(signed_in, record, fingerprint=fingerprint(page))
    assert second["Location"] == reverse("privacy:receipt", args=[Receipt.objects.get().number])
    assert "user status" in Run.objects.get().reason
    record.refresh_from_db()
    assert record.display_name == f"[deleted] #{record.number}"


def test_with_a_script_the_choice_shows_it_and_one_update_confirms(signed_in: Browser, settled_record: Record) -> None:
    record = settled_record.client
    url = reverse("users:consequences", args=[record.pk])
    assert not signed_in.get(url, {"status": "active"}).content.strip()
    part = signed_in.get(url, {"status": "deleted"}).content.decode()
    assert "<html" not in part
    assert update(signed_in, record, fingerprint=fingerprint(part)).status_code == 302
    assert Receipt.objects.count() == 1


def test_blockers_are_shown_in_the_form_and_update_does_nothing(signed_in: Browser, client_record: Record) -> None:
    record = client_record.client
    part = signed_in.get(reverse("users:consequences", args=[record.pk]), {"status": "deleted"}).content.decode()
    assert "Can not delete this account until the following list of items has been resolved" in part
    assert not fingerprint(part)
    page = update(signed_in, record).content.decode()
    assert "Can not delete this account" in page
    record.refresh_from_db()
    assert record.status == "active"


def test_cancel_and_erase_shows_the_consequences(signed_in: Browser, client_record: Record, business: Business) -> None:
    business.deletion_mode = Business.DeletionMode.CANCEL_AND_ERASE
    business.blocker_overrides = {"paid_by": False, "guardian": False}
    business.save()
    page = unescape(update(signed_in, client_record.client).content.decode())
    assert "What the deletion settles by itself" in page
    assert "Upcoming bookings are cancelled" in page
    assert update(signed_in, client_record.client, fingerprint=fingerprint(page)).status_code == 302


def test_updating_twice_is_a_success(signed_in: Browser, settled_record: Record) -> None:
    record = settled_record.client
    value = fingerprint(update(signed_in, record).content.decode())
    update(signed_in, record, fingerprint=value)
    assert update(signed_in, record, fingerprint=value)["Location"] == reverse("privacy:already-deleted")
    assert Receipt.objects.count() == 1


@pytest.mark.parametrize("role", ["administrator_without_delete", "manager", "employee"])
def test_others_may_not(request: pytest.FixtureRequest, client: Browser, settled_record: Record, role: str) -> None:
    sign_in(client, request.getfixturevalue(role))
    answer = update(client, settled_record.client, fingerprint="x")
    assert answer.status_code == 403
    answer = client.post(reverse("clients:edit", args=[settled_record.client.pk]), {"status": "deleted"})
    assert answer.status_code == 403
    assert not Receipt.objects.exists()
