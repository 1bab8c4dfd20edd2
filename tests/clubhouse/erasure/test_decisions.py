"""Where the two documents meet, decided: each line of the table of decisions that concerns an erasure."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.audits.models import LogEntry
from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.selectors import DEBT
from clubhouse.clients.models import Client
from clubhouse.messages.models import Notification
from clubhouse.schedule.models import Booking, Series, Session
from clubhouse.schedule.services import mark_attendance
from lethe import outbox, pipeline
from lethe.exceptions import Blocked, Changed
from tests.clubhouse.erasure import evidence
from tests.clubhouse.erasure.conftest import Erase
from tests.support import factories as make
from tests.support.record import Record, make_record

pytestmark = pytest.mark.django_db

EVERY = {
    *("debts", "future_sessions", "account_credits", "paid_by", "unused_credits", "active_membership"),
    "guardian",
}
#: In both ways a person settles these, unless the business says otherwise.
TIES = {"paid_by", "guardian"}


def blocking(client: Client) -> set[str]:
    """The names of what blocks, by the preview; and the engine refuses just that, changing nothing."""
    found = pipeline.preview(Client, [client.pk])
    names = {finding.name for finding in found.findings if finding.blocks}
    if names:
        before = evidence.snapshot()
        with pytest.raises(Blocked) as refused:
            pipeline.erase(Client, [client.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
        assert {finding.name for finding in refused.value.findings} == names
        assert evidence.changes(before, evidence.snapshot()) == []
    return names


# --- settle first, cancel and erase, and each blocker by itself -----------------------------------------------------
def test_settle_first_wants_everything_settled(client_record: Record) -> None:
    """Rows H3-H8: every blocker, and the friend's tie to the client counts as the client's own."""
    assert blocking(client_record.client) == EVERY


def test_cancel_and_erase_leaves_only_the_ties_to_others(client_record: Record) -> None:
    """The Fisikal document's way: bookings and subscriptions are cancelled by the erasure."""
    evidence.let_all_pass(client_record.client.business, paid_by=True, guardian=True)
    assert blocking(client_record.client) == TIES


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_business_sets_each_blocker_one_by_one(name: str, client_record: Record) -> None:
    """Row N7: over the way it has chosen, in both directions."""
    business = client_record.client.business
    evidence.let_all_pass(business, **{name: True})
    assert blocking(client_record.client) == {name}
    evidence.let_all_pass(business, mode="settle_first", **dict.fromkeys(EVERY, True))
    business.blocker_overrides = {name: False}
    business.save()
    assert blocking(client_record.client) == EVERY - {name}


def test_a_settled_client_is_erased_in_the_default_way(settled_record: Record, erase: Erase) -> None:
    """Row H11: once all are false, nothing stands in the way."""
    assert blocking(settled_record.client) == set()
    assert erase(settled_record.client).erased == 1


def test_what_blocks_since_the_preview_is_found_under_the_lock(settled_record: Record) -> None:
    """Row N7: a debt that came after the preview stops the erasure."""
    found = pipeline.preview(Client, [settled_record.client.pk])
    make.make_invoice(settled_record.client, "outstanding")
    with pytest.raises((Blocked, Changed)):
        pipeline.erase(
            Client, [settled_record.client.pk], by="role:test", reason="asked", fingerprint=found.fingerprint
        )
    with pytest.raises(Blocked):
        pipeline.erase(Client, [settled_record.client.pk], by="role:test", reason="asked")
    assert Client.objects.get(pk=settled_record.client.pk).status == "active"


def test_what_changed_since_the_preview_is_refused_by_name(settled_record: Record) -> None:
    """Row P8: also where as many rows are there, but others."""
    client = settled_record.client
    found = pipeline.preview(Client, [client.pk])
    note = client.client_notes.get()
    note.delete()
    client.client_notes.create(text="another one")
    with pytest.raises(Changed) as refused:
        pipeline.erase(Client, [client.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
    assert refused.value.differences["client notes"] == (1, 1)
    assert Client.objects.get(pk=client.pk).status == "active"


# --- money ----------------------------------------------------------------------------------------------------------
def test_debts_are_written_off_and_revenue_stays(record: Record, erase: Erase) -> None:
    """Aged debt changes visibly, revenue does not; the reason is "erasure"."""
    dispute = make.make_invoice(record.client, "disputed", "7.00")
    make.make_invoice(record.friend, "outstanding", "11.00")
    owed = Invoice.objects.filter(client=record.client, status__in=DEBT)
    assert set(owed.values_list("status", flat=True)) == {"outstanding", "failed", "disputed"}
    aged, revenue = _aged_debt(), _revenue()
    erase(record.client)
    assert _aged_debt() == aged - Decimal("87.00")
    assert _revenue() == revenue
    dispute.refresh_from_db()
    assert (dispute.status, dispute.written_off_reason, dispute.amount) == ("written_off", "erasure", Decimal("7.00"))
    assert set(Invoice.objects.filter(client=record.client).values_list("status", flat=True)) == {
        *("written_off", "paid", "refunded"),
    }


def _aged_debt() -> Decimal:
    return Invoice.objects.filter(status__in=DEBT).aggregate(total=Sum("amount"))["total"]


def _revenue() -> dict[str, Decimal]:
    return dict(Payment.objects.values_list("status").annotate(total=Sum("amount")))


def test_an_open_dispute_counts_as_debt(settled_record: Record) -> None:
    """An open dispute or chargeback blocks like a debt."""
    make.make_invoice(settled_record.client, "disputed")
    assert blocking(settled_record.client) == {"debts"}


def test_credits_are_shown_in_money_and_forfeited(record: Record, erase: Erase) -> None:
    """Credits and balances: shown before the last step, then forfeited."""
    credit = make.make_credit(record.client, "60.50", used=Decimal("10.25"), currency="AUD")
    shown = pipeline.preview(Client, [record.client.pk]).actions
    money = {item.unit: item.amount for item in shown if item.name == "forfeit_credits"}
    assert money == {"GBP": Decimal("25.00"), "AUD": Decimal("50.25")}
    erase(record.client)
    credit.refresh_from_db()
    assert (credit.forfeited, credit.forfeited_reason, credit.reason) == (Decimal("50.25"), "erasure", "")
    for package in record.client.packages.exclude(expires_on__lt=make.today()):
        assert package.credits_total == package.credits_used + package.credits_forfeited


def test_expired_packages_do_not_block(settled_record: Record) -> None:
    """A package is good through its last day, and not a day longer."""
    make.make_package(settled_record.client, expires_on=make.today() - datetime.timedelta(days=1))
    assert blocking(settled_record.client) == set()
    make.make_package(settled_record.client, expires_on=make.today())
    assert blocking(settled_record.client) == {"unused_credits"}


@pytest.mark.parametrize(("membership", "blocks"), [("active", True), ("frozen", True), ("cancelled", False)])
@pytest.mark.parametrize("status", ["lead", "active"])
def test_the_membership_counts_not_the_status(
    membership: str, blocks: bool, status: str, settled_record: Record
) -> None:
    """Row H8: a frozen membership blocks, and so does a lead's."""
    Client.objects.filter(pk=settled_record.client.pk).update(status=status)
    make.make_membership(settled_record.client, status=membership)
    assert blocking(settled_record.client) == ({"active_membership"} if blocks else set())


# --- ties to others -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("as_payer", [True, False])
def test_paid_by_blocks_in_both_ways(as_payer: bool, settled_record: Record) -> None:
    """Row H6: for or by another client."""
    client, friend = settled_record.client, settled_record.friend
    make.make_linking("paid_by", *((friend, client) if as_payer else (client, friend)))
    assert blocking(client) == {"paid_by"}


def test_who_loses_a_payer_becomes_a_task_for_the_desk(record: Record, erase: Erase) -> None:
    """Told once to each manager, about the friend and not about the erased client."""
    erase(record.client)
    tasks = Notification.objects.filter(kind__in=["needs_payer", "needs_guardian"])
    assert {(task.kind, task.client) for task in tasks} == {
        ("needs_payer", record.friend),
        ("needs_guardian", record.friend),
    }
    assert {task.recipient.role for task in tasks} == {"manager"}


def test_a_guardian_blocks_until_there_is_another(settled_record: Record) -> None:
    """The child is never erased along, and never left without a guardian."""
    guardian, child = settled_record.client, make.make_client(settled_record.client.home_club)
    make.make_linking("guardian", child, guardian)
    assert blocking(guardian) == {"guardian"}
    make.make_linking("guardian", child, settled_record.friend)
    assert blocking(guardian) == set()


def test_a_child_is_not_erased_along_and_does_not_block_itself(settled_record: Record, erase: Erase) -> None:
    """A guardian goes, the child stays whole; a child's own erasure needs nobody else."""
    guardian, child = settled_record.client, make.make_client(settled_record.client.home_club)
    make.make_linking("guardian", child, guardian)
    make.make_linking("guardian", child, settled_record.friend)
    whole = Client.objects.filter(pk=child.pk).values().get()
    erase(guardian)
    assert Client.objects.filter(pk=child.pk).values().get() == whole
    assert blocking(child) == set()


def test_book_a_buddy_does_not_block_and_the_buddys_place_stays(settled_record: Record, erase: Erase) -> None:
    """A booking made for a buddy stays the buddy's, "booked by" is cleared."""
    client, friend = settled_record.client, settled_record.friend
    assert client.linkings.filter(kind="buddy").exists()
    place = make.make_booking(make.make_session(client.home_club), friend, booked_by=client)
    assert blocking(client) == set()
    erase(client)
    place.refresh_from_db()
    assert (place.status, place.client, place.booked_by) == ("booked", friend, None)


def test_of_staff_who_are_clients_only_the_client_goes(settled_record: Record, erase: Erase) -> None:
    """Staff sign-in, roster and what they did stay, even under the same address."""
    club, email = settled_record.client.home_club, settled_record.canaries.member_email
    user = make.make_user(club.business, User.Audience.TEAM, email)
    colleague = make.make_staff(club.business, club=club, user=user, is_instructor=True)
    given = make.make_session(club, days=-3, trainer=colleague)
    note = settled_record.friend.client_notes.create(author=colleague, text="said hello")
    erase(settled_record.client)
    colleague.refresh_from_db()
    note.refresh_from_db()
    given.refresh_from_db()
    assert colleague.user.email == email
    assert colleague.user.is_active
    assert (given.trainer, note.author) == (colleague, colleague)


# --- the schedule ---------------------------------------------------------------------------------------------------
def test_an_appointment_is_cancelled_whole_and_every_later_one_of_the_series(record: Record, erase: Erase) -> None:
    """A one-to-one appointment's slot is freed; a class goes on for the others."""
    club = record.client.home_club
    series = Series.objects.create(club=club, title="Weekly")
    dates = [make.make_session(club, days=day, kind="appointment", capacity=1, series=series) for day in (-7, 7, 14)]
    make.make_booking(dates[1], record.client)
    erase(record.client)
    assert [Session.objects.get(pk=session.pk).status for session in dates] == ["conducted", "cancelled", "cancelled"]
    assert Session.objects.get(pk=record.appointment.pk).status == "cancelled"
    assert Session.objects.get(pk=record.upcoming.pk).status == "scheduled"


def test_within_the_late_window_it_is_a_plain_cancellation(record: Record, erase: Erase) -> None:
    """No fee, no strike: half an hour before the class the place is cancelled, not late cancelled."""
    soon = make.make_session(record.client.home_club, days=0.02)
    place = make.make_booking(soon, record.client)
    invoices = Invoice.objects.filter(client=record.client).count()
    erase(record.client)
    place.refresh_from_db()
    assert place.status == "cancelled"
    assert Invoice.objects.filter(client=record.client).count() == invoices


def test_a_class_in_progress_is_not_upcoming(settled_record: Record, erase: Erase) -> None:
    """It does not block and is not cancelled; attendance can still be marked, for "[deleted]"."""
    session = make.make_session(
        settled_record.client.home_club, days=-0.01, status="scheduled", trainer=settled_record.trainer
    )
    place = make.make_booking(session, settled_record.client, status="booked")
    assert blocking(settled_record.client) == set()
    erase(settled_record.client)
    place.refresh_from_db()
    assert place.status == "booked"
    mark_attendance(place, Booking.Status.ATTENDED, now=timezone.now())
    place.refresh_from_db()
    assert place.status == "attended"
    assert place.client.display_name.startswith("[deleted] #")


# --- names and audits -----------------------------------------------------------------------------------------------
def test_two_erased_rows_are_told_apart_by_a_number_that_means_nothing(record: Record, erase: Erase) -> None:
    """One "[deleted]" and nine random digits, different from the club's own id."""
    other = make_record(record.client.home_club)
    numbers = {record.client.number, other.client.number}
    erase(record.client, other.client)
    rows = Client.objects.filter(status="deleted")
    assert len({row.display_name for row in rows}) == 2
    assert all(row.number.isdecimal() and len(row.number) == 9 and row.number not in numbers for row in rows)


def test_audits_on_others_rows_lose_their_actor(record: Record, erase: Erase) -> None:
    """Audits about the client go; where the client was the actor on others' rows, the actor is cleared."""
    entry = LogEntry.objects.get(actor=record.client.user)
    assert entry.client == record.friend
    colleagues = LogEntry.objects.create(
        content_type=entry.content_type,
        object_pk="1",
        object_repr="x",
        action=1,
        actor=record.trainer.user,
        actor_email="colleague@example.com",
        client=record.friend,
    )
    erase(record.client)
    entry.refresh_from_db()
    colleagues.refresh_from_db()
    assert (entry.actor, entry.actor_email, entry.remote_addr) == (None, None, None)
    assert entry.changes == {"status": ["booked", "attended"]}
    assert colleagues.actor == record.trainer.user
    assert outbox.drain() == 0
