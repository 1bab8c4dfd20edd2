"""The staff's mail: one digest each, no client's name, nothing twice, and a receipt that says what became of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from clubhouse.messages.digests import mail_staff
from clubhouse.messages.mail import when
from clubhouse.messages.models import Notification
from clubhouse.schedule.models import Booking, Club
from clubhouse.schedule.services import cancel_bookings
from clubhouse.team.models import StaffMember
from lethe import outbox
from lethe.models import Effect
from tests.support import factories as make
from tests.support.canaries import Canaries
from tests.support.mail import Sink

pytestmark = pytest.mark.django_db


def told(club: Club, *recipients: StaffMember, lines: int = 1) -> list[int]:
    """Notifications of so many sessions for each of the colleagues."""
    sessions = [make.make_session(club, title=f"Spin {n}") for n in range(lines)]
    return [
        Notification.objects.create(recipient=who, kind="booking_cancelled", session=session, places=2).pk
        for who in recipients
        for session in sessions
    ]


def answer(sink: Sink, code: str, *addresses: str) -> None:
    """From now on the mail server answers so to these recipients."""

    async def handle_RCPT(server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if address in addresses:
            return code
        envelope.rcpt_tos.append(address)
        return "250 OK"

    sink.handle_RCPT = handle_RCPT  # type: ignore[attr-defined]


def test_each_recipient_has_one_digest_of_their_own_lines(club: Club, mail_sink: Sink) -> None:
    trainer, manager = make.make_staff(club.business, club=club), make.make_staff(club.business, "manager", club=club)
    keys = told(club, trainer, manager, lines=3)
    assert mail_staff(keys) == {"mailed": 2, "refused": 0, "no address": 0, "mailed before": 0}
    assert mail_sink.recipients == sorted([trainer.user.email, manager.user.email])
    message = mail_sink.messages[0]
    assert message["Subject"] == "3 changes to your sessions"
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        for n in range(3):
            assert f"Spin {n}" in text
        assert text.count("2 places became free") == 3
        assert "http://127.0.0.1:8000/inbox/" in text
    assert not Notification.objects.filter(mailed_at=None).exists()


def test_no_mail_names_the_client(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    values = Canaries()
    client = make.make_client(club, **values.client_fields())
    appointment = make.make_session(club, kind="appointment", capacity=1, trainer=manager, title="Strength, one to one")
    lesson = make.make_session(club, trainer=manager)
    for session in (appointment, lesson):
        make.make_booking(session, client, note=values.booking_note)
    make.make_linking("paid_by", make.make_client(club), client)
    cancel_bookings(Booking.objects.all(), now=timezone.now(), tell_clients=False)
    Notification.objects.create(recipient=manager, kind="needs_payer", client=client)
    assert outbox.drain() == 1
    mail_staff([Notification.objects.get(kind="needs_payer").pk])
    raw = mail_sink.raw()
    assert values.found_in(client.display_name.encode()) == ["first_name", "last_name"], "the search can see a name"
    assert values.found_in(raw) == []
    assert b"Strength, one to one" in raw
    assert b"A client needs a new payer" in raw


def test_an_effect_is_done_with_a_receipt_and_scrubbed(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    booking = make.make_booking(make.make_session(club), make.make_client(club))
    cancel_bookings(Booking.objects.filter(pk=booking.pk), now=timezone.now(), tell_clients=False)
    assert mail_sink.recipients == [], "nothing leaves before the worker does it"
    assert outbox.drain() == 1
    effect = Effect.objects.get()
    assert effect.receipt == {"mailed": 1, "refused": 0, "no address": 0, "mailed before": 0}
    assert effect.payload == {}
    assert mail_sink.recipients == [manager.user.email]


def test_a_retry_mails_only_who_has_no_mail_yet(club: Club, mail_sink: Sink) -> None:
    first, second, third = (make.make_staff(club.business) for _ in range(3))
    keys = told(club, first, second, third)
    answer(mail_sink, "450 Mailbox busy", second.user.email)
    with pytest.raises(outbox.Retry, match="1 of 3 mails") as caught:
        mail_staff(keys)
    assert second.user.email not in str(caught.value)
    assert mail_sink.recipients == sorted([first.user.email, third.user.email]), "one full mailbox holds up nobody else"
    answer(mail_sink, "250 OK")
    assert mail_staff(keys) == {"mailed": 1, "refused": 0, "no address": 0, "mailed before": 2}
    assert sorted(mail_sink.recipients) == sorted(who.user.email for who in (first, second, third))


def test_what_is_refused_for_good_is_said_and_not_tried_again(club: Club, mail_sink: Sink) -> None:
    first, second = (make.make_staff(club.business) for _ in range(2))
    keys = told(club, first, second)
    answer(mail_sink, "550 No such user", first.user.email)
    assert mail_staff(keys) == {"mailed": 1, "refused": 1, "no address": 0, "mailed before": 0}
    assert mail_staff(keys)["mailed before"] == 2


def test_who_has_left_gets_no_mail(club: Club, mail_sink: Sink) -> None:
    gone = make.make_staff(club.business)
    keys = told(club, gone)
    gone.user.is_active = False
    gone.user.save()
    assert mail_staff(keys)["no address"] == 1
    assert mail_sink.recipients == []


def test_the_same_mail_sent_twice_has_the_same_id(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    keys = told(club, manager)
    for _ in range(2):
        mail_staff(keys)
        # A worker that died between the server's answer and the mark, and whose claim has run out.
        Notification.objects.update(mailed_at=None)
    Notification.objects.update(mailed_at=timezone.now())
    mail_staff(told(club, manager))
    one, again, other = (message["Message-ID"] for message in mail_sink.messages)
    assert one == again != other


def test_without_a_mail_server_the_receipt_says_so(club: Club, manager: StaffMember, settings: Any) -> None:
    settings.EMAIL_HOST = ""
    assert mail_staff(told(club, manager)) == {"mail": "no mail server; in the inbox only", "mailed": 0}
    assert Notification.objects.filter(mailed_at=None).exists()


def test_a_server_that_is_down_is_tried_again(club: Club, manager: StaffMember, mail_sink: Sink, settings: Any) -> None:
    keys = told(club, manager)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    with pytest.raises(outbox.Retry, match="ConnectionRefusedError"):
        mail_staff(keys)
    settings.EMAIL_PORT = port
    assert mail_staff(keys)["mailed"] == 1


def test_times_are_the_clubs_own(club: Club) -> None:
    from datetime import UTC, datetime

    session = make.make_session(club, starts_at=datetime(2026, 7, 3, 17, 5, tzinfo=UTC))
    assert when(session) == "Fri 3 Jul 2026, 18:05 BST"
    club.timezone = "America/New_York"
    assert when(session) == "Fri 3 Jul 2026, 13:05 EDT"
    club.timezone = "Nowhere/At all"
    assert when(session) == "Fri 3 Jul 2026, 17:05 UTC"


def test_markup_in_a_title_is_text(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    session = make.make_session(club, title="<b>Spin</b>\r\nBcc: everyone@example.com")
    key = Notification.objects.create(recipient=manager, kind="booking_cancelled", session=session, places=1).pk
    mail_staff([key])
    message = mail_sink.messages[0]
    assert mail_sink.recipients == [manager.user.email]
    assert message["Bcc"] is None
    assert "&lt;b&gt;Spin&lt;/b&gt;" in message.get_body(("html",)).get_content()
    assert "<b>Spin</b>" in message.get_body(("plain",)).get_content()
