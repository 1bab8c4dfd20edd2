"""One mail for each colleague of all that happened in a short while, on their own clock too, and nothing twice."""

from __future__ import annotations

import datetime
from datetime import UTC
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.localisation.models import ReaderChoice
from clubhouse.messages.digests import mail_staff
from clubhouse.messages.models import Notification
from clubhouse.privacy.models import ToldOfFailure
from clubhouse.privacy.overdue import tell_administrators
from clubhouse.schedule.models import Booking, Club
from clubhouse.schedule.services import cancel_bookings
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.models import Effect
from lethe.outbox import LEASE, NotYet
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.mail import Sink
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def window(settings: Any) -> None:
    """A digest waits a minute for more, as in production."""
    settings.STAFF_MAIL_SECONDS = 60


def pass_by(seconds: int) -> None:
    """Let time pass for what waits."""
    shift = datetime.timedelta(seconds=seconds)
    for line in Notification.objects.all():
        Notification.objects.filter(pk=line.pk).update(created_at=line.created_at - shift)
    Effect.objects.filter(done_at=None).update(next_try_at=timezone.now())


def test_many_cancellations_across_erasures_are_one_mail(
    club: Club, manager: StaffMember, mail_sink: Sink, window: None
) -> None:
    """Row F11: three erasures, each of which cancels bookings and makes a task, and one mail for each colleague."""
    let_all_pass(club.business)
    for _ in range(3):
        client = make.make_client(club)
        make.make_booking(make.make_session(club, trainer=manager), client)
        make.make_linking("paid_by", make.make_client(club), client)
        pipeline.erase(Client, [client.pk], by="role:test", reason="asked")
    assert Effect.objects.filter(kind="staff.mail").count() == 6
    assert outbox.drain() == 0
    assert mail_sink.messages == [], "it waits for more"
    effect = Effect.objects.filter(kind="staff.mail").first()
    assert effect is not None
    assert (effect.attempts, effect.last_error) == (0, ""), "to wait is no failure"
    pass_by(61)
    assert outbox.drain() == 6
    assert mail_sink.recipients == [manager.user.email]
    message = mail_sink.messages[0]
    assert message["Subject"] == "6 things to know"
    for kind in ("plain", "html"):
        text = message.get_body((kind,)).get_content()
        assert text.count("A booking was cancelled") == 3
        assert text.count("A client needs a new payer") == 1
        assert "3 clients. Your inbox says who." in text
    receipts = list(Effect.objects.filter(kind="staff.mail").values_list("receipt__mailed", flat=True))
    assert sorted(receipts) == [0, 0, 0, 0, 0, 1]


def test_what_comes_after_is_in_the_next_mail(club: Club, manager: StaffMember, mail_sink: Sink, window: None) -> None:
    for _ in range(2):
        booking = make.make_booking(make.make_session(club), make.make_client(club))
        cancel_bookings(Booking.objects.filter(pk=booking.pk), now=timezone.now(), tell_clients=False)
        pass_by(61)
        outbox.drain()
    assert [message["Subject"] for message in mail_sink.messages] == ["A place became free"] * 2
    assert len({message["Message-ID"] for message in mail_sink.messages}) == 2


def test_a_digest_that_failed_is_sent_again_as_it_was(
    club: Club, manager: StaffMember, mail_sink: Sink, settings: Any
) -> None:
    lines = [Notification.objects.create(recipient=manager, kind="needs_payer") for _ in range(2)]
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    with pytest.raises(outbox.Retry):
        mail_staff([lines[0].pk])
    frozen = set(Notification.objects.values_list("mail_key", flat=True))
    assert len(frozen) == 1
    late = Notification.objects.create(recipient=manager, kind="needs_guardian")
    settings.EMAIL_PORT = port
    assert mail_staff([lines[0].pk])["mailed"] == 2
    first, second = mail_sink.messages
    assert first["Subject"] == "2 clients need your help"
    assert "guardian" in second.get_body(("plain",)).get_content()
    late.refresh_from_db()
    assert late.mail_key not in frozen


def test_a_digest_that_is_sent_again_after_days_is_still_whole(
    club: Club, manager: StaffMember, mail_sink: Sink, settings: Any
) -> None:
    """The lines of two effects, in one digest; by the time the server is back they are no news any more."""
    lines = [Notification.objects.create(recipient=manager, kind=kind) for kind in ("needs_payer", "needs_guardian")]
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    with pytest.raises(outbox.Retry):
        mail_staff([lines[0].pk])
    pass_by(3 * 24 * 3600)
    settings.EMAIL_PORT = port
    assert mail_staff([lines[1].pk])["mailed"] == 1
    assert mail_sink.messages[0]["Subject"] == "2 clients need your help"
    assert mail_staff([lines[0].pk]) == {"mailed": 0, "refused": 0, "no address": 0, "mailed before": 1}
    assert len(mail_sink.messages) == 1


def test_two_workers_never_mail_the_same_line(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    line = Notification.objects.create(recipient=manager, kind="needs_payer")
    # Another worker has it in hand at this moment.
    since = timezone.now()
    Notification.objects.update(mail_key="theirs", mailing_since=since)
    with pytest.raises(NotYet) as wait:
        mail_staff([line.pk])
    assert wait.value.until == since + LEASE
    assert mail_sink.messages == []
    # That one died; its claim has run out, and its digest is sent under its own key.
    Notification.objects.update(mailing_since=since - LEASE * 2)
    assert mail_staff([line.pk])["mailed"] == 1
    line.refresh_from_db()
    assert (line.mail_key, line.mailing_since) == ("theirs", None)


def test_old_lines_stay_in_the_inbox(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    """A mail server that was connected today brings no year of news."""
    for _ in range(3):
        Notification.objects.create(recipient=manager, kind="needs_payer")
    pass_by(3 * 24 * 3600)
    new = Notification.objects.create(recipient=manager, kind="needs_guardian")
    assert mail_staff([new.pk])["mailed"] == 1
    assert mail_sink.messages[0]["Subject"] == "A client needs your help"


def test_times_are_on_the_recipients_clock_and_the_clubs(club: Club, manager: StaffMember, mail_sink: Sink) -> None:
    session = make.make_session(club, starts_at=datetime.datetime(2030, 7, 3, 17, 5, tzinfo=UTC))
    ReaderChoice.objects.create(user=manager.user, timezone="America/New_York")
    near = make.make_staff(club.business, "manager", club=club)
    lines = [
        Notification.objects.create(recipient=who, kind="booking_cancelled", session=session) for who in (manager, near)
    ]
    mail_staff([line.pk for line in lines])
    said = {message["To"]: message.get_body(("plain",)).get_content() for message in mail_sink.messages}
    assert "Wed 3 Jul 2030, 13:05 EDT (in the club: Wed 3 Jul 2030, 18:05 BST)" in said[manager.user.email]
    assert "Wed 3 Jul 2030, 18:05 BST," in said[near.user.email]
    assert "EDT" not in said[near.user.email]


def test_each_business_has_its_own_effect(club: Club, manager: StaffMember) -> None:
    other = make.make_club(make.make_business())
    make.make_staff(other.business, "manager", club=other)
    for place in (club, other):
        make.make_booking(make.make_session(place), make.make_client(place))
    cancel_bookings(Booking.objects.all(), now=timezone.now(), tell_clients=False)
    payloads = list(Effect.objects.filter(kind="staff.mail").values_list("payload", flat=True))
    assert {payload["business"] for payload in payloads} == {club.business_id, other.business_id}
    assert all(len(payload["notifications"]) == 1 for payload in payloads)


@pytest.mark.parametrize("recipients", [1, 12])
def test_a_fixed_number_of_queries_and_one_for_each_mail(club: Club, mail_sink: Sink, recipients: int) -> None:
    lines = []
    for _ in range(recipients):
        who = make.make_staff(club.business)
        session = make.make_session(club)
        for _ in range(5):
            line = Notification.objects.create(recipient=who, kind="booking_cancelled", session=session)
            lines.append(line.pk)
    with CaptureQueriesContext(connection) as seen:
        assert mail_staff(lines)["mailed"] == recipients
    assert len(seen) == 8 + recipients


# --- administrators are told of what keeps failing --------------------------------------------------------------------
def failing(business: Business, days: float, count: int = 1) -> None:
    for _ in range(count):
        effect = outbox.record("staff.mail", {"notifications": [], "business": business.pk})
        then = timezone.now() - datetime.timedelta(days=days)
        Effect.objects.filter(pk=effect.pk).update(attempts=9, last_error="It is down.", created_at=then)


def test_administrators_are_told_once_of_what_fails_for_long(
    club: Club, administrator: StaffMember, manager: StaffMember, stranger: StaffMember, client: Any
) -> None:
    """Row N4: never given up silently."""
    failing(club.business, 0.5)
    assert tell_administrators(timezone.now()) == 0
    failing(club.business, 2, count=3)
    assert tell_administrators(timezone.now()) == 3
    assert tell_administrators(timezone.now()) == 0
    line = Notification.objects.get()
    assert (line.recipient, line.kind) == (administrator, "not_done_outside")
    assert ToldOfFailure.objects.count() == 3
    page = sign_in(client, administrator).get("/inbox/").content.decode()
    assert "Something outside has not been done for a day" in page
    assert 'href="/privacy/settings/"' in page


def test_an_erasures_own_effects_are_told_by_its_receipt(club: Club, administrator: StaffMember) -> None:
    let_all_pass(club.business)
    person = make.make_client(club)
    make.make_membership(person, provider_reference="sub_1")
    pipeline.erase(Client, [person.pk], by="role:test", reason="asked")
    then = timezone.now() - datetime.timedelta(days=2)
    Effect.objects.update(attempts=5, last_error="The payment provider did not answer.", created_at=then)
    assert tell_administrators(timezone.now()) == Effect.objects.exclude(kind="staff.mail").count() > 0
    assert Notification.objects.get(kind="not_done_outside").recipient == administrator


@pytest.mark.parametrize("businesses", [1, 6])
def test_telling_takes_a_fixed_number_of_queries(businesses: int) -> None:
    for _ in range(businesses):
        business = make.make_business()
        make.make_staff(business, "administrator")
        failing(business, 2, count=3)
    with CaptureQueriesContext(connection) as seen:
        assert tell_administrators(timezone.now()) == 3 * businesses
    # Each business has an effect for its own mail.
    assert len(seen) - businesses == 8
