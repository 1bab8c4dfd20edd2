"""Who has a place is told when the class is changed, once for all that changes in a row; who waited, when it is off."""

from __future__ import annotations

import datetime
from email.message import EmailMessage
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.localisation.models import ReaderChoice
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.moves import RESTS
from clubhouse.messages.outgoing import send_due_client_messages
from clubhouse.schedule.clock import moment, wall
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.schedule.planning import Changed, change_session
from clubhouse.schedule.services import cancel_bookings
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import many_clients, said, to_session
from tests.support import factories as make
from tests.support.mail import Sink
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
HOUR = datetime.timedelta(hours=1)


@pytest.fixture
def spin(club: Club) -> Session:
    """A class at six in the evening in December, with a trainer."""
    trainer = make.make_staff(club.business, name="Max Before", is_instructor=True)
    starts_at = moment(club, datetime.date(2031, 12, 2), datetime.time(18))
    return make.make_session(club, title="Spin", starts_at=starts_at, trainer=trainer)


def change(session: Session, now: datetime.datetime | None = None, **changes: Any) -> Changed:
    fresh = Session.objects.get(pk=session.pk)
    names = ("title", "trainer", "starts_at", "minutes", "capacity")
    return change_session(fresh, now=now or timezone.now(), **{name: getattr(fresh, name) for name in names} | changes)


def booked(session: Session, **fields: Any) -> Client:
    return make.make_booking(session, make.make_client(session.club, member=True), **fields).client


def send(after: datetime.timedelta = RESTS) -> int:
    return send_due_client_messages(timezone.now() + after)


def text(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


# --- a change -------------------------------------------------------------------------------------------------------
def test_everybody_with_a_place_is_told_what_holds_now(spin: Session, mail_sink: Sink) -> None:
    comes, checked_in = booked(spin), booked(spin, status="attended")
    booked(spin, status="cancelled")
    make.make_waiting(spin, make.make_client(spin.club))
    tess = make.make_staff(spin.club.business, name="Tess After", is_instructor=True)
    assert change(spin, starts_at=spin.starts_at + HOUR, minutes=90, trainer=tess, capacity=2) == Changed(told=2)
    assert send(datetime.timedelta()) == 0, "more may be changed in the next minute"
    assert send() == 2
    assert mail_sink.recipients == sorted([comes.email, checked_in.email])
    mail = mail_sink.messages[0]
    assert mail["Subject"] == "Your class was changed"
    assert "Spin Tue 2 Dec 2031, 19:00 GMT" in text(mail)
    for words in ("Before: Tue 2 Dec 2031, 18:00 GMT", "It lasts 90 minutes now.", "It is with Tess After now."):
        assert words in text(mail)
        assert words.partition(":")[0] in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize("changes", [{"title": "Spin Extra"}, {"capacity": 30}, {}])
def test_another_title_or_size_is_no_news(spin: Session, changes: dict[str, Any]) -> None:
    booked(spin)
    assert change(spin, **changes).told == 0
    assert not ClientMessage.objects.exists()


def test_only_what_changed_is_said(spin: Session, mail_sink: Sink) -> None:
    booked(spin)
    change(spin, trainer=None)
    assert send() == 1
    assert "Who gives it is not settled yet." in text(mail_sink.messages[0])
    assert "Before" not in text(mail_sink.messages[0])
    assert "lasts" not in text(mail_sink.messages[0])


def test_of_several_changes_in_a_row_one_message_says_the_last(spin: Session, mail_sink: Sink) -> None:
    first = booked(spin)
    change(spin, starts_at=spin.starts_at + HOUR)
    later = booked(spin)
    change(spin, starts_at=spin.starts_at + 3 * HOUR)
    assert send() == 2
    said_to = {mail["To"]: text(mail) for mail in mail_sink.messages}
    assert all("Tue 2 Dec 2031, 21:00 GMT" in words for words in said_to.values())
    assert "Before: Tue 2 Dec 2031, 18:00 GMT" in said_to[first.email]
    assert "Before: Tue 2 Dec 2031, 19:00 GMT" in said_to[later.email], "who came in between knew that"
    assert send(2 * RESTS) == 0


def test_what_is_changed_back_at_once_is_told_to_nobody(spin: Session) -> None:
    booked(spin)
    change(spin, starts_at=spin.starts_at + HOUR)
    later = booked(spin)
    assert change(spin, starts_at=spin.starts_at).told == 1
    assert [message.client for message in ClientMessage.objects.all()] == [later], "who knew the other time only"


def test_what_a_worker_has_in_hand_is_followed_by_what_holds(spin: Session, mail_sink: Sink) -> None:
    booked(spin)
    change(spin, starts_at=spin.starts_at + HOUR)
    ClientMessage.objects.update(leased_until=timezone.now() + HOUR)
    assert change(spin, starts_at=spin.starts_at + 2 * HOUR).told == 1
    assert ClientMessage.objects.count() == 2
    assert send(2 * HOUR) == 2
    assert {"20:00 GMT" in text(mail) for mail in mail_sink.messages} == {True}, "neither says a time that is over"


def test_what_is_changed_back_while_in_hand_says_no_change_of_nothing(spin: Session, mail_sink: Sink) -> None:
    booked(spin)
    change(spin, starts_at=spin.starts_at + HOUR)
    ClientMessage.objects.update(leased_until=timezone.now() + HOUR)
    change(spin, starts_at=spin.starts_at)
    assert send(2 * HOUR) == 1
    assert "Spin Tue 2 Dec 2031, 18:00 GMT" in text(mail_sink.messages[0])


def test_who_gave_the_place_up_meanwhile_is_not_written_to(spin: Session, mail_sink: Sink) -> None:
    stays, leaves = booked(spin), booked(spin)
    change(spin, starts_at=spin.starts_at + HOUR)
    cancel_bookings(Booking.objects.filter(client=leaves), now=timezone.now(), tell_clients=False)
    assert send() == 1
    assert mail_sink.recipients == [stays.email]
    assert not ClientMessage.objects.filter(client=leaves).exists()


def test_what_has_begun_is_told_to_nobody(club: Club) -> None:
    going_on = make.make_session(club, days=-0.01, status="scheduled")
    booked(going_on, status="booked")
    assert change(going_on, trainer=make.make_staff(club.business)).told == 0


def test_in_the_readers_language_and_on_their_clock(spin: Session, mail_sink: Sink) -> None:
    reader = booked(spin)
    ReaderChoice.objects.create(user=reader.user, language="de", timezone="America/New_York")
    change(spin, starts_at=spin.starts_at + HOUR)
    assert send() == 1
    [mail] = mail_sink.messages
    assert mail["Subject"] == "Ihr Kurs wurde geändert"
    assert "14:00 EST (im Club: Di, 2. Dez. 2031, 19:00 GMT)" in text(mail)
    assert "Bisher: Di, 2. Dez. 2031, 13:00 EST" in text(mail)


def test_an_appointment_is_called_one(club: Club, mail_sink: Sink) -> None:
    talk = make.make_session(club, kind="appointment", capacity=1)
    booked(talk)
    change(talk, starts_at=talk.starts_at + HOUR)
    assert send() == 1
    assert mail_sink.messages[0]["Subject"] == "Your appointment was changed"


def test_a_reminder_moves_along(spin: Session) -> None:
    who = booked(spin)
    day_before = spin.starts_at - datetime.timedelta(days=1)
    reminder = ClientMessage.objects.create(client=who, session=spin, kind="reminder", send_after=day_before)
    change(spin, starts_at=spin.starts_at + 2 * HOUR)
    reminder.refresh_from_db()
    assert reminder.send_after == day_before + 2 * HOUR


def test_the_desk_reads_who_is_told(client: Browser, spin: Session, employee: StaffMember) -> None:
    booked(spin)
    url = to_session("edit-session", spin)
    assert "Who has a place is written to" in sign_in(client, employee).get(url).text
    values = {"title": "Spin", "trainer": spin.trainer_id, "day": wall(spin.starts_at, spin.club).date()}
    answer = client.post(url, values | {"start": "19:00", "end": "20:00", "capacity": 12})
    assert said(answer) == "The session was saved. 1 client is told of it."


def test_as_many_statements_for_three_hundred_as_for_three(club: Club) -> None:
    taken = []
    for count in (3, 300):
        session, now = make.make_session(club, capacity=count), timezone.now()
        Booking.objects.bulk_create(
            Booking(session=session, client=one, booked_at=now) for one in many_clients(club, count)
        )
        change(session, starts_at=session.starts_at + HOUR)
        with CaptureQueriesContext(connection) as seen:
            assert change(session, starts_at=session.starts_at + 2 * HOUR).told == count
        taken.append(len(seen))
    assert taken[0] == taken[1]


# --- who waited -----------------------------------------------------------------------------------------------------
def test_who_waited_for_an_appointment_that_is_off_is_told(club: Club, mail_sink: Sink) -> None:
    """An appointment is cancelled whole with its booking; the waiting list ends with it."""
    talk = make.make_session(club, kind="appointment", capacity=1)
    booking = make.make_booking(talk, make.make_client(club))
    waits = make.make_waiting(talk, make.make_client(club)).client
    gone = make.make_waiting(talk, make.make_client(club, status="deleted")).client
    cancel_bookings(Booking.objects.filter(pk=booking.pk), now=timezone.now(), tell_clients=False)
    assert not talk.waiting_list.exists()
    assert not ClientMessage.objects.filter(client=gone).exists()
    assert send() == 1
    assert mail_sink.recipients == [waits.email]
    assert mail_sink.messages[0]["Subject"] == "An appointment you were waiting for was cancelled"
    assert "You need not do anything." in text(mail_sink.messages[0])


def test_who_is_erased_with_the_others_hears_nothing(club: Club) -> None:
    talk = make.make_session(club, kind="appointment", capacity=1)
    booking = make.make_booking(talk, make.make_client(club))
    one, other = (make.make_waiting(talk, make.make_client(club)).client for _ in range(2))
    cancel_bookings(
        Booking.objects.filter(pk=booking.pk),
        now=timezone.now(),
        tell_clients=False,
        excluding=[booking.client_id, one.pk],
    )
    assert list(ClientMessage.objects.values_list("client", "kind")) == [(other.pk, "waiting_ended")]
