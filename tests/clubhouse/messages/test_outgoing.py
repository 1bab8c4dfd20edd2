"""What is queued for clients leaves when it is due, once, and never for somebody who is erased."""

from __future__ import annotations

import datetime
import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.outgoing import LEASE, MOST_ATTEMPTS, send_due_client_messages
from clubhouse.schedule.models import Club
from tests.clubhouse.messages.test_mail import answer
from tests.support import factories as make
from tests.support.mail import Sink

pytestmark = pytest.mark.django_db


def queue(client: Client, kind: str = "place_given", **fields: Any) -> ClientMessage:
    values = {"send_after": timezone.now(), "session": make.make_session(client.home_club, title="Spin")} | fields
    return ClientMessage.objects.create(client=client, kind=kind, **values)


def test_what_is_due_is_sent_and_marked(club: Club, mail_sink: Sink) -> None:
    client = make.make_client(club)
    message = queue(client)
    queue(client, send_after=make.in_days(1))
    queue(client, sent_at=timezone.now())
    queue(client, channel="push")
    assert send_due_client_messages(timezone.now()) == 1
    assert mail_sink.recipients == [client.email]
    assert mail_sink.messages[0]["Subject"] == "You have a place"
    assert "Spin" in mail_sink.messages[0].get_body(("plain",)).get_content()
    message.refresh_from_db()
    assert message.sent_at is not None
    assert send_due_client_messages(timezone.now()) == 0


@pytest.mark.parametrize("kind", [kind for kind, _ in ClientMessage.Kind.choices])
def test_every_kind_has_words(club: Club, mail_sink: Sink, kind: str) -> None:
    message = queue(make.make_client(club), kind, was={"starts_at": "2026-01-01T12:00:00+00:00"})
    make.make_booking(message.session, message.client)
    assert send_due_client_messages(timezone.now()) == 1
    for part in ("plain", "html"):
        assert str(ClientMessage.Kind(kind).label) in mail_sink.messages[0].get_body((part,)).get_content()


def test_nothing_is_sent_to_an_erased_client(club: Club, mail_sink: Sink) -> None:
    client = make.make_client(club, status="deleted")
    queue(client)
    assert send_due_client_messages(timezone.now()) == 0
    assert mail_sink.recipients == []


def test_a_place_in_a_session_that_has_begun_is_no_news(club: Club, mail_sink: Sink) -> None:
    client = make.make_client(club)
    begun = make.make_session(club, days=-0.01, status="scheduled")
    for kind in ("place_given", "place_offered", "reminder", "moved", "waiting_ended"):
        queue(client, kind, session=begun)
    kept = queue(client, "booking_cancelled", session=begun)
    assert send_due_client_messages(timezone.now()) == 1
    assert list(ClientMessage.objects.all()) == [kept]


def test_a_busy_server_is_tried_again_later_and_a_refusal_is_not(club: Club, mail_sink: Sink) -> None:
    busy, gone = make.make_client(club), make.make_client(club)
    messages = [queue(client) for client in (busy, gone)]
    answer(mail_sink, "450 Later", busy.email)
    now = timezone.now()
    send_due_client_messages(now)
    answer(mail_sink, "550 No such user", gone.email)
    send_due_client_messages(now + datetime.timedelta(minutes=2))
    assert mail_sink.recipients == sorted([busy.email, gone.email])
    assert [ClientMessage.objects.get(pk=m.pk).attempts for m in messages] == [2, 1]
    refused = queue(gone)
    send_due_client_messages(timezone.now())
    refused.refresh_from_db()
    assert (refused.attempts, refused.sent_at) == (MOST_ATTEMPTS, None)
    assert send_due_client_messages(timezone.now() + 2 * LEASE) == 0


def test_what_a_worker_has_in_hand_is_left_to_it_until_the_lease_ends(club: Club, mail_sink: Sink) -> None:
    now = timezone.now()
    queue(make.make_client(club), leased_until=now + LEASE)
    assert send_due_client_messages(now) == 0
    assert send_due_client_messages(now + LEASE) == 1


def test_without_a_mail_server_it_stays_queued(club: Club, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    queue(make.make_client(club))
    assert send_due_client_messages(timezone.now()) == 0
    assert ClientMessage.objects.filter(sent_at=None, attempts=0).exists()


def test_a_client_without_an_address_is_not_tried_for_ever(club: Club, mail_sink: Sink) -> None:
    queue(make.make_client(club, email=""))
    assert send_due_client_messages(timezone.now()) == 0
    assert ClientMessage.objects.get().attempts == MOST_ATTEMPTS


@pytest.mark.django_db(transaction=True)
def test_no_mail_leaves_after_an_erasure_that_began_before_it(mail_sink: Sink) -> None:
    """The erasure has locked the client; the worker already has the message in hand."""
    client = make.make_client(make.make_club(make.make_business()))
    queue(client)
    locked, sent = threading.Event(), []

    def work() -> None:
        try:
            assert locked.wait(30)
            sent.append(send_due_client_messages(timezone.now()))
        finally:
            connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    with transaction.atomic():
        Client.objects.select_for_update().get(pk=client.pk)
        locked.set()
        worker.join(0.5)
        ClientMessage.objects.filter(client=client).delete()
        Client.objects.filter(pk=client.pk).update(status="deleted")
    worker.join(40)
    assert sent == [0]
    assert mail_sink.recipients == []
