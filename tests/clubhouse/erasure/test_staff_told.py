"""The trainer and the managers hear of it, the client does not. Issue 2, "Done when" 4."""

from __future__ import annotations

import datetime
from email.message import EmailMessage

import pytest
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.messages.outgoing import send_due_client_messages
from clubhouse.schedule.models import Session, WaitingListEntry
from clubhouse.schedule.planning import change_session
from clubhouse.schedule.sessions import cancel_sessions
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.clubhouse.erasure.conftest import Erase
from tests.support import factories as make
from tests.support.mail import Sink
from tests.support.record import Record

pytestmark = pytest.mark.django_db


def said(messages: list[EmailMessage]) -> bytes:
    """Everything in these mails, decoded: headers and every part."""
    texts = []
    for message in messages:
        texts += [f"{name}: {value}" for name, value in message.items()]
        texts += [part.get_content() for part in message.walk() if part.get_content_maintype() == "text"]
    return "\n".join(texts).encode()


def test_f11_the_cancellation_reaches_inbox_and_mail(
    record: Record, manager: StaffMember, mail_sink: Sink, erase: Erase
) -> None:
    """Row F11: the trainer and the club's managers, once each for every session that changed, and one mail each."""
    colleague = make.make_staff(manager.business, club=manager.club)
    elsewhere = make.make_staff(manager.business, "manager", club=make.make_club(manager.business))
    Notification.objects.all().delete()
    erase(record.client)
    lines = Notification.objects.filter(session__isnull=False)
    expected = {
        (recipient, kind, session)
        for recipient in (record.trainer, manager)
        for kind, session in (("booking_cancelled", record.upcoming), ("appointment_cancelled", record.appointment))
    }
    assert {(line.recipient, line.kind, line.session) for line in lines} == expected
    assert lines.count() == 4
    assert not Notification.objects.filter(recipient__in=[colleague, elsewhere]).exists()
    # The manager's lines and tasks come in one effect each, so in at most two mails; the trainer has no task.
    assert set(mail_sink.recipients) == {record.trainer.user.email, manager.user.email}
    assert mail_sink.recipients.count(record.trainer.user.email) == 1
    for session in (record.upcoming, record.appointment):
        assert session.title.encode() in said(mail_sink.messages)
    assert set(Effect.objects.values_list("kind", flat=True)) >= {"staff.mail"}
    assert not Effect.objects.filter(done_at=None).exists()


def test_f11_no_message_to_staff_names_the_client(record: Record, mail_sink: Sink, erase: Erase) -> None:
    """Row F11: a message that names the client would be a new trace. None is in a mail, raw or decoded."""
    names = [record.friend.first_name.encode(), record.friend.last_name.encode()]
    erase(record.client)
    text = said(mail_sink.messages)
    assert text
    assert record.canaries.found_in(text + mail_sink.raw()) == []
    # Nor is the dependant named, for whose sake it is a task.
    assert not any(name in text for name in names)
    assert not Notification.objects.filter(client=record.client.pk).exists()


def test_f12_the_client_has_nothing_also_nothing_that_was_queued(record: Record, mail_sink: Sink, erase: Erase) -> None:
    """Row F12: neither because of the erasure nor of what was queued before; whoever got the place is told."""
    later = timezone.now() + datetime.timedelta(days=3)
    # What is queued for a client who stays does leave, so that the silence afterwards says something.
    ClientMessage.objects.create(client=record.friend, kind="receipt", send_after=timezone.now())
    for channel in ("mail", "push"):
        ClientMessage.objects.create(client=record.client, kind="receipt", send_after=timezone.now(), channel=channel)
    assert ClientMessage.objects.filter(client=record.client, sent_at=None).count() == 3
    erase(record.client)
    assert not ClientMessage.objects.filter(client=record.client.pk).exists()
    send_due_client_messages(later)
    addresses = {record.canaries.email.lower(), record.canaries.member_email.lower()}
    assert not addresses & {address.lower() for address in mail_sink.recipients}
    assert record.canaries.found_in(said(mail_sink.messages) + mail_sink.raw()) == []
    assert record.friend.email in mail_sink.recipients
    assert record.waiting.email in mail_sink.recipients


def test_f12_what_was_queued_of_a_changed_and_of_a_cancelled_session_goes_too(
    record: Record, mail_sink: Sink, erase: Erase
) -> None:
    """Row F12: a class the client has a place in was moved, one the client waits for was cancelled; nobody has been
    told yet. Who else has a place is."""
    now, moved = timezone.now(), record.upcoming
    entry = WaitingListEntry.objects.select_related("session").get(client=record.client)
    starts_at = moved.starts_at + datetime.timedelta(hours=1)
    as_it_was = {"title": moved.title, "trainer": moved.trainer, "minutes": moved.minutes, "capacity": moved.capacity}
    change_session(moved, starts_at=starts_at, now=now, **as_it_was)
    cancel_sessions(Session.objects.filter(pk=entry.session_id), now=now)
    queued = ClientMessage.objects.filter(client=record.client, sent_at=None, kind__in=["moved", "waiting_ended"])
    assert queued.count() == 2
    erase(record.client)
    assert not ClientMessage.objects.filter(client=record.client.pk).exists()
    send_due_client_messages(now + datetime.timedelta(hours=1))
    assert [mail["Subject"] for mail in mail_sink.messages if mail["To"] == record.friend.email] == [
        "Your booking was cancelled",
        "Your class was changed",
    ]
    assert not {record.canaries.email, record.canaries.member_email} & set(mail_sink.recipients)
    assert record.canaries.found_in(said(mail_sink.messages) + mail_sink.raw()) == []


def test_f12_nothing_leaves_between_the_erasure_and_its_effects(record: Record, mail_sink: Sink) -> None:
    """Row F12: a worker that sends what is due before it does the effects finds nothing for the client."""
    ClientMessage.objects.create(client=record.client, kind="receipt", send_after=timezone.now())
    pipeline.erase(Client, [record.client.pk], by="role:test", reason="asked")
    send_due_client_messages(timezone.now() + datetime.timedelta(seconds=1))
    outbox.drain()
    assert record.canaries.email not in mail_sink.recipients
    assert record.canaries.found_in(said(mail_sink.messages) + mail_sink.raw()) == []


def test_the_receipt_of_a_mail_says_numbers_only(record: Record, mail_sink: Sink, erase: Erase) -> None:
    """Row N4: done effects keep a receipt and no identifier."""
    erase(record.client)
    for effect in Effect.objects.all():
        assert effect.payload == {}
        assert effect.scrubbed_at is not None
        assert record.canaries.found_in(str(effect.receipt).encode()) == []
