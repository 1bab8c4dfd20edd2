"""A client who is in every table, erased by each door there is: nothing of them is left, everything else stands.

Issue 2, "Done when" 2.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect, ErasedMark, Receipt
from tests.clubhouse.erasure import evidence
from tests.support.canaries import Canaries
from tests.support.dump import folder_bytes, logical_dump
from tests.support.factories import make_business, make_client, make_club, make_package, today
from tests.support.record import Record, make_record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

ALL = {field.name for field in fields(Canaries)}
#: Declared as kept: by it a refund or a chargeback that the provider reports later is found. It is the payment's own.
KEPT = {"payment_token"}


@dataclass(frozen=True)
class Order:
    """Who is to be erased, by whom, with which browser."""

    pk: int
    administrator: StaffMember
    browser: Browser


def by_pipeline(order: Order) -> str:
    """Call the engine."""
    found = pipeline.preview(Client, [order.pk])
    outcome = pipeline.erase(Client, [order.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
    return outcome.receipts[order.pk]


def by_toggle(order: Order) -> str:
    """Clients > profile > "i" > Delete this client > Delete the client > Confirm."""
    page = order.browser.get(reverse("clients:information", args=[order.pk]), {"delete": "on"})
    done = order.browser.post(reverse("clients:delete", args=[order.pk]), {"fingerprint": _fingerprint(page)})
    return _receipt(done)


def by_status(order: Order) -> str:
    """Users > record > edit > status "Deleted" > Update."""
    address = reverse("users:edit", args=[order.pk])
    assert order.browser.get(address).status_code == 200
    page = order.browser.post(address, {"status": "deleted"})
    done = order.browser.post(address, {"status": "deleted", "fingerprint": _fingerprint(page)})
    return _receipt(done)


def by_command_line(order: Order) -> str:
    """``manage.py lethe erase clients.Client:ID``."""
    out = StringIO()
    call_command(
        "lethe",
        "erase",
        f"clients.Client:{order.pk}",
        "--by",
        order.administrator.user.email,
        "--reason",
        "asked at the desk",
        "--yes",
        "--json",
        stdout=out,
    )
    said = json.loads(out.getvalue())
    assert said["erased"] == 1
    return str(said["receipt"])


DOORS = (by_pipeline, by_toggle, by_status, by_command_line)


def _fingerprint(page: object) -> str:
    found = re.search(r'name="fingerprint"\s+value="([^"]+)"', page.content.decode())  # type: ignore[attr-defined]
    assert found, "the page does not carry the preview that a confirmation is bound to"
    return found[1]


def _receipt(response: object) -> str:
    assert response.status_code == 302, response.status_code  # type: ignore[attr-defined]
    found = re.fullmatch(r"/privacy/receipts/([2-9A-Z-]{23})/", response.url)  # type: ignore[attr-defined]
    assert found, "the confirmation does not lead to a receipt"
    return found[1]


@pytest.fixture
def order(client_record: Record, administrator: StaffMember, client: Browser) -> Order:
    """A client in every table, of a business in which the erasure settles all by itself, and others around."""
    club = client_record.client.home_club
    evidence.let_all_pass(club.business)
    make_record(club, trainer=client_record.trainer)
    make_record(make_club(make_business()))
    make_client(club, member=True)
    make_package(client_record.client, credits_used=4, expires_on=today() - timedelta(days=40))
    sign_in(client, administrator)
    return Order(client_record.client.pk, administrator, client)


def stored(media: Path) -> bytes:
    """All that is held: the database as its own dump shows it, and the media folder."""
    return logical_dump(connection) + folder_bytes(media)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_nothing_is_left_and_everything_else_stands(
    door: Callable[[Order], str], order: Order, client_record: Record, media: Path
) -> None:
    """Rows F3, F5, F14, F15, H13: canaries, foreign keys, totals, and the rows of everybody else."""
    moment = timezone.now()
    assert set(client_record.canaries.found_in(stored(media))) == ALL
    assert evidence.broken_foreign_keys() == []
    before, counted = evidence.snapshot(), evidence.totals(moment)
    assert all(counted.values()), "a total over nothing proves nothing"
    pictures = len(list(media.rglob("*.*")))

    number = door(order)
    assert outbox.drain() > 0
    assert not Effect.objects.filter(done_at=None).exists()

    assert set(client_record.canaries.found_in(stored(media))) == KEPT
    assert evidence.broken_foreign_keys() == []
    assert evidence.totals(moment) == counted
    assert len(list(media.rglob("*.*"))) == pictures - 3
    after = evidence.snapshot()
    assert evidence.unexpected(before, after, order.pk, ignoring=["accounts.Session"]) == []
    _sessions_of_others_stand(before, after, order.pk)
    assert Receipt.objects.filter(number=number).exists()
    assert ErasedMark.objects.get().key == str(order.pk)


def _sessions_of_others_stand(before: evidence.Snapshot, after: evidence.Snapshot, pk: int) -> None:
    """Sign-ins of others are still there; the browser that gave the order may have had a word written into its own."""
    label = "accounts.Session"
    gone = before[label].keys() - after[label].keys()
    user = before["clients.Client"][(pk,)]["user_id"]
    assert {before[label][key]["user_id"] for key in gone} == {user}


def test_a_second_erasure_succeeds_and_changes_nothing(order: Order) -> None:
    """Rule 5, by the engine and by the command line."""
    by_pipeline(order)
    outbox.drain()
    before = evidence.snapshot()
    outcome = pipeline.erase(Client, [order.pk], by="role:test", reason="asked again")
    assert (outcome.erased, outcome.already, outcome.receipts) == (0, 1, {})
    out = StringIO()
    arguments = ["--by", order.administrator.user.email, "--reason", "again", "--yes", "--json"]
    call_command("lethe", "erase", f"clients.Client:{order.pk}", *arguments, stdout=out)
    assert json.loads(out.getvalue())["already_erased"] == 1
    assert evidence.changes(before, evidence.snapshot()) == []


@pytest.mark.parametrize("door", [by_toggle, by_status], ids=lambda door: door.__name__)
def test_a_second_confirmation_succeeds_and_changes_nothing(door: Callable[[Order], str], order: Order) -> None:
    """Rule 5, by the doors: a form that was left open is sent after somebody else has deleted the client."""
    page = order.browser.get(reverse("clients:information", args=[order.pk]), {"delete": "on"})
    fingerprint = _fingerprint(page)
    by_pipeline(order)
    before = evidence.snapshot()
    name = "clients:delete" if door is by_toggle else "users:edit"
    data = {"fingerprint": fingerprint, "status": "deleted"}
    done = order.browser.post(reverse(name, args=[order.pk]), data)
    assert done.status_code == 302
    assert done.url == reverse("privacy:already-deleted")
    assert evidence.unexpected(before, evidence.snapshot(), order.pk, ignoring=["accounts.Session"]) == []


def test_the_same_address_in_another_business_stays_whole(order: Order, client_record: Record) -> None:
    """Accounts belong to one business: forgetting a client in one leaves the other whole."""
    one_of_a_kind = ("card_token", "session_key", "sale_key", "note_key", "reset_token")
    person = replace(client_record.canaries, **{name: f"{name} of the other" for name in one_of_a_kind})
    twin = make_record(make_club(make_business()), canaries=person)
    before = evidence.snapshot()
    by_pipeline(order)
    after = evidence.snapshot()
    assert evidence.unexpected(before, after, order.pk) == []
    there = Client.objects.get(pk=twin.client.pk)
    assert there.email == client_record.canaries.email
    assert there.user is not None
    assert there.user.email == client_record.canaries.member_email


def test_cleaned_files_hold_nothing_either(order: Order, client_record: Record) -> None:
    """After a rewrite of the tables the raw bytes of the database's files hold none of the values."""
    assert set(client_record.canaries.found_in(evidence.cleaned_bytes())) >= ALL - {
        "image_text",
        "dob",
        "remote_address",
    }
    by_pipeline(order)
    outbox.drain()
    assert set(client_record.canaries.found_in(evidence.cleaned_bytes())) <= KEPT
