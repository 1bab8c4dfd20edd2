"""What a digest says: few lines for many cancellations, and a subject that is true of all of them."""

from __future__ import annotations

import pytest
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import Notification
from clubhouse.messages.telling import LISTED, say
from clubhouse.schedule.models import Booking, Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe import preview as preview_stage
from lethe.models import Effect
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.mail import Sink

pytestmark = pytest.mark.django_db

CLIENTS, SESSIONS = 30, 8


def booked(club: Club, *, clients: int, sessions: int, trainer: StaffMember) -> list[Client]:
    """So many clients with a place in each of so many classes."""
    people = [make.make_client(club) for _ in range(clients)]
    classes = [make.make_session(club, trainer=trainer, capacity=clients, days=3 + n) for n in range(sessions)]
    now = timezone.now()
    Booking.objects.bulk_create(
        Booking(session=session, client=person, booked_at=now) for session in classes for person in people
    )
    return people


@pytest.mark.parametrize(("clients", "sessions"), [(1, 30), (CLIENTS, SESSIONS)])
def test_many_bookings_are_one_mail_for_each_colleague(
    club: Club,
    manager: StaffMember,
    mail_sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
    clients: int,
    sessions: int,
) -> None:
    """One client with thirty places, and many clients who are erased in several transactions."""
    monkeypatch.setattr(preview_stage, "BATCH", 10)
    monkeypatch.setattr(preview_stage, "BATCH_SQLITE", 10)
    let_all_pass(club.business)
    trainer = make.make_staff(club.business, club=club)
    people = booked(club, clients=clients, sessions=sessions, trainer=trainer)
    done = pipeline.erase(Client, [person.pk for person in people], by="role:test", reason="asked")
    assert done.erased == clients
    batches = (clients + 9) // 10
    assert Effect.objects.filter(kind="staff.mail").count() == batches, "an effect for each transaction"
    assert Notification.objects.count() == batches * sessions * 2
    outbox.drain()
    assert mail_sink.recipients == sorted([manager.user.email, trainer.user.email])
    for message in mail_sink.messages:
        assert message["Subject"] == f"{sessions} changes to your sessions"
        for kind in ("plain", "html"):
            text = message.get_body((kind,)).get_content()
            assert text.count("A booking was cancelled") == sessions
            freed = f"{clients} places became free" if clients > 1 else "1 place became free"
            assert text.count(freed) == sessions


def test_a_long_digest_ends_somewhere(club: Club, manager: StaffMember) -> None:
    rows = [
        Notification(recipient=manager, kind="booking_cancelled", session=make.make_session(club, days=n), places=1)
        for n in range(LISTED + 3, 0, -1)
    ]
    said = say([*rows, Notification(recipient=manager, kind="needs_payer")], own=None)
    assert (len(said.lines), said.more) == (LISTED + 1, 3)
    assert said.lines[0].title == rows[-1].session.title, "the soonest first"
    assert said.lines[-1].what == "A client needs a new payer", "a task is never what is left out"
    assert said.subject == f"{LISTED + 4} things to know"


PAYER, GUARDIAN, OUTSIDE, RESIDUE = "needs_payer", "needs_guardian", "not_done_outside", "residue_found"


@pytest.mark.parametrize(
    ("kinds", "subject", "hints"),
    [
        ([PAYER], "A client needs your help", ["Your inbox says who."]),
        (
            [PAYER, PAYER, GUARDIAN],
            "3 clients need your help",
            ["Your inbox says who.", "2 clients. Your inbox says who."],
        ),
        ([OUTSIDE], "Something outside has not been done for a day", ["The page “Privacy” says what, and why."]),
        ([RESIDUE], "Somebody who was deleted is still named in your records", ["Your inbox says where."]),
        (
            [RESIDUE, RESIDUE],
            "Somebody who was deleted is still named in your records",
            ["2 records. Your inbox says which."],
        ),
        ([OUTSIDE, PAYER], "2 things to know", ["Your inbox says who.", "The page “Privacy” says what, and why."]),
    ],
)
def test_the_subject_is_true_of_all(manager: StaffMember, kinds: list[str], subject: str, hints: list[str]) -> None:
    said = say([Notification(recipient=manager, kind=kind) for kind in kinds], own=None)
    assert said.subject == subject
    assert [line.hint for line in said.lines] == hints


def test_the_subject_of_sessions(club: Club, manager: StaffMember) -> None:
    lesson, appointment = make.make_session(club), make.make_session(club, kind="appointment")

    def subject(*lines: tuple[str, object]) -> str:
        rows = [Notification(recipient=manager, kind=kind, session=session, places=1) for kind, session in lines]
        return say(rows, own=None).subject

    cancelled, whole = ("booking_cancelled", lesson), ("appointment_cancelled", appointment)
    assert subject(cancelled) == subject(cancelled, cancelled) == "A place became free"
    assert subject(whole) == "An appointment was cancelled"
    assert subject(cancelled, whole) == "2 changes to your sessions"
