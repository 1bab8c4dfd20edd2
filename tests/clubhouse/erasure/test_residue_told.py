"""Residue that an erasure leaves is told to the administrators of the business whose record it is (row N1)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.clients.models import Client, ClientNote
from clubhouse.messages.models import Notification
from clubhouse.privacy.residue import report
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect, Run
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _searched(settings: Any) -> None:
    settings.LETHE_RESIDUE_AFTER = 0


def erase(client: Client) -> None:
    """Erase, search, and report."""
    pipeline.erase(Client, [client.pk], by="role:test", reason="asked")
    for _ in range(3):
        Effect.objects.filter(done_at=None).update(next_try_at=timezone.now())
        outbox.drain()
    assert not Effect.objects.filter(done_at=None, kind__startswith="residue").exists()


def lines() -> list[Notification]:
    """What administrators were told of residue."""
    return list(Notification.objects.filter(kind=Notification.Kind.RESIDUE_FOUND))


def test_a_note_about_somebody_else(
    settled_record: Record, administrator: StaffMember, stranger: StaffMember, client: Browser
) -> None:
    ClientNote.objects.create(client=settled_record.friend, text=f"write to {settled_record.client.email}")
    erase(settled_record.client)
    (line,) = lines()
    assert (line.recipient_id, line.client_id) == (administrator.pk, settled_record.friend.pk)
    sign_in(client, administrator)
    page = client.get(reverse("messages:inbox")).content.decode()
    assert "Somebody who was deleted is still named here" in page
    assert f"{reverse('clients:profile', args=[settled_record.friend.pk])}#notes" in page
    assert settled_record.client.email not in page
    effect = Effect.objects.get(kind="residue.search")
    assert {line["table"] for line in effect.receipt["where"]} == {"clients.ClientNote", "audits.LogEntry"}
    assert settled_record.canaries.found_in(str(effect.receipt).encode()) == []


def test_nothing_left_is_told_to_nobody(settled_record: Record, administrator: StaffMember) -> None:
    erase(settled_record.client)
    assert lines() == []
    assert Effect.objects.get(kind="residue.search").receipt["places"] == 0


def run_of(record: Record) -> str:
    """Erase a record's client, and give the run."""
    pipeline.erase(Client, [record.client.pk], by="role:test", reason="asked")
    return Run.objects.get().pk.hex


def test_another_business_learns_nothing(
    settled_record: Record, administrator: StaffMember, stranger: StaffMember
) -> None:
    """Not even where its own note names the person: it may know them too, and has not been asked to forget them."""
    theirs = make.make_client(make.make_club(stranger.business))
    ClientNote.objects.create(client=theirs, text=f"write to {settled_record.client.email}")
    erase(settled_record.client)
    assert Effect.objects.get(kind="residue.search").receipt["certain"] > 0
    assert lines() == []


def test_the_same_find_is_told_once_and_an_erased_client_s_not_at_all(
    settled_record: Record, administrator: StaffMember
) -> None:
    run = run_of(settled_record)
    note = ClientNote.objects.create(client=settled_record.friend, text="x")
    places = [["clients.ClientNote", str(note.pk), "text", 3], ["elsewhere", "7", "line", 3]]
    assert report(places, run) == 1
    assert report(places, run) == 0
    Notification.objects.update(read_at=timezone.now())
    assert report(places, run) == 1
    gone = [["clients.Client", str(settled_record.client.pk), "notes", 3]]
    assert report(gone, run) == 0


def test_as_many_queries_for_many_finds(settled_record: Record, administrator: StaffMember) -> None:
    run = run_of(settled_record)

    def queries(count: int) -> int:
        others = [make.make_client(settled_record.friend.home_club) for _ in range(count)]
        notes = ClientNote.objects.bulk_create(ClientNote(client=one, text="x") for one in others)
        with CaptureQueriesContext(connection) as captured:
            assert report([["clients.ClientNote", str(note.pk), "text", 3] for note in notes], run) == count
        return len(captured)

    assert queries(1) == queries(12)
