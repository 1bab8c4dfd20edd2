"""Who becomes a task for the desk when a payer or a guardian is erased."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.clients.models import ClientLinking
from clubhouse.messages.models import Notification
from clubhouse.messages.services import mark_read, tell_needs_payer
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe.models import Effect
from tests.support import factories as make

pytestmark = pytest.mark.django_db


def tasks() -> list[tuple[int, str, int]]:
    return sorted(Notification.objects.values_list("recipient", "kind", "client"))


@pytest.mark.parametrize("tie", ["linking", "membership", "frozen membership", "package", "invoice"])
def test_whoever_was_paid_for_needs_a_payer(club: Club, manager: StaffMember, tie: str) -> None:
    payer, dependant = make.make_client(club), make.make_client(club)
    {
        "linking": lambda: make.make_linking("paid_by", dependant, payer),
        "membership": lambda: make.make_membership(dependant, paid_by=payer),
        "frozen membership": lambda: make.make_membership(dependant, paid_by=payer, status="frozen"),
        "package": lambda: make.make_package(dependant, paid_by=payer),
        "invoice": lambda: make.make_invoice(dependant, paid_by=payer),
    }[tie]()
    counts = tell_needs_payer([payer.pk], "default", now=timezone.now())
    assert tasks() == [(manager.pk, "needs_payer", dependant.pk)]
    assert counts == {"clients who need a new payer": 1, "clients who need a guardian": 0}
    line = Notification.objects.get()
    assert Effect.objects.get().payload == {"notifications": [line.pk], "business": line.recipient.business_id}


def test_what_is_over_needs_no_payer(club: Club, manager: StaffMember) -> None:
    payer, dependant = make.make_client(club), make.make_client(club)
    make.make_membership(dependant, paid_by=payer, status="cancelled")
    make.make_package(dependant, paid_by=payer, credits_used=10)
    make.make_invoice(dependant, "paid", paid_by=payer)
    make.make_linking("paid_by", payer, dependant)
    make.make_linking("buddy", dependant, payer)
    tell_needs_payer([payer.pk], "default")
    assert tasks() == []
    assert not Effect.objects.exists()


def test_several_ties_are_one_task_and_who_is_erased_along_is_none(club: Club, manager: StaffMember) -> None:
    payer, dependant, along = (make.make_client(club) for _ in range(3))
    gone = make.make_client(club, status="deleted")
    for client in (dependant, along, gone):
        make.make_linking("paid_by", client, payer)
        make.make_membership(client, paid_by=payer)
    emitted: list[tuple[str, dict]] = []
    tell_needs_payer([payer.pk, along.pk], "default", emit=lambda *effect: emitted.append(effect))
    assert tasks() == [(manager.pk, "needs_payer", dependant.pk)]
    assert [kind for kind, _ in emitted] == ["staff.mail"]


def test_a_child_without_another_guardian_needs_one(club: Club, manager: StaffMember) -> None:
    guardian, other, alone, kept = (make.make_client(club) for _ in range(4))
    erased = make.make_client(club, status="deleted")
    for child in (alone, kept):
        make.make_linking("guardian", child, guardian)
    make.make_linking("guardian", kept, other)
    make.make_linking("guardian", alone, erased)
    counts = tell_needs_payer([guardian.pk], "default")
    assert tasks() == [(manager.pk, "needs_guardian", alone.pk)]
    assert counts["clients who need a guardian"] == 1
    ClientLinking.objects.filter(other=other).delete()
    Notification.objects.all().delete()
    tell_needs_payer([guardian.pk], "default")
    assert tasks() == sorted((manager.pk, "needs_guardian", child.pk) for child in (alone, kept))


def test_the_home_clubs_managers_have_the_task_and_else_the_administrators(club: Club, manager: StaffMember) -> None:
    administrator = make.make_staff(club.business, "administrator")
    payer = make.make_client(club)
    here, there = make.make_client(club), make.make_client(make.make_club(club.business))
    for client in (here, there):
        make.make_linking("paid_by", client, payer)
    tell_needs_payer([payer.pk], "default")
    assert {(r, c) for r, _, c in tasks()} == {(manager.pk, here.pk), (administrator.pk, there.pk)}


def test_one_and_fifty_take_the_same_statements(club: Club, manager: StaffMember) -> None:
    taken = []
    for count in (1, 50):
        payers = [make.make_client(club) for _ in range(count)]
        for payer in payers:
            make.make_linking("paid_by", make.make_client(club), payer)
            make.make_linking("guardian", make.make_client(club), payer)
        with CaptureQueriesContext(connection) as seen:
            counts = tell_needs_payer([payer.pk for payer in payers], "default")
        assert set(counts.values()) == {count}
        taken.append(len(seen))
    assert taken[0] == taken[1]


def test_only_ones_own_lines_are_marked_read(club: Club, manager: StaffMember, employee: StaffMember) -> None:
    session = make.make_session(club)
    mine = [Notification.objects.create(recipient=manager, kind="booking_cancelled", session=session) for _ in range(3)]
    theirs = Notification.objects.create(recipient=employee, kind="booking_cancelled", session=session)
    now = timezone.now()
    assert mark_read(manager, now=now, keys=[mine[0].pk, theirs.pk]) == 1
    assert mark_read(manager, now=now) == 2
    theirs.refresh_from_db()
    assert theirs.read_at is None
