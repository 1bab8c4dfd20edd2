"""A client's timeline: everything once, newest first, in pages that lose nothing, and only what one may see."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.billing.models import Payment
from clubhouse.clients.models import Client, ClientNote
from clubhouse.clients.timeline import PAGE, Cursor, timeline
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def test_what_happened_and_who_did_it(administrator: StaffMember, club: Club) -> None:
    client = make.make_client(club)
    browser = sign_in(Browser(), administrator)
    browser.post(
        reverse("clients:edit", args=[client.pk]),
        {"first_name": "Ann", "home_club": club.pk, "status": "active", "medical_notes": "a secret allergy"},
    )
    item = make.make_price_item(club.business, "package", name="Ten classes")
    page = browser.get(reverse("memberships:sell", args=[client.pk])).text
    (key,) = re.findall(r'name="once_key" value="(\w+)"', page)
    sent = {"item": item.pk, "quantity": 1, "starts_on": make.today(), "once_key": key}
    assert browser.post(reverse("memberships:sell", args=[client.pk]), sent).status_code == 302
    make.make_booking(make.make_session(club, title="Morning yoga", days=-3), client)
    entries, older = timeline(administrator, client)
    assert older is None
    by_title = {entry.title: entry for entry in entries}
    assert by_title["Sold: Ten classes"].who == administrator.name
    assert by_title["Attended: Morning yoga"].who == ""
    assert "Medical information" in by_title["Changed: client"].detail
    assert by_title["Changed: client"].who == administrator.name
    moments = [entry.at.moment for entry in entries]
    assert moments == sorted(moments, reverse=True)
    shown = browser.get(reverse("clients:timeline", args=[client.pk])).text
    assert "Sold: Ten classes" in shown
    assert "a secret allergy" not in shown


def test_pages_lose_nothing_and_repeat_nothing(administrator: StaffMember, club: Club) -> None:
    client, day = make.make_client(club), make.today() - datetime.timedelta(days=4)
    invoice = make.make_invoice(client, due_on=day)
    moment = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    # Many on one day, and notes at its first moment: only kind and key tell them apart.
    Payment.objects.bulk_create(Payment(invoice=invoice, amount=1, status="failed", paid_on=day) for _ in range(70))
    notes = ClientNote.objects.bulk_create(ClientNote(client=client, text=f"note {n}") for n in range(70))
    ClientNote.objects.filter(pk__in=[note.pk for note in notes[:40]]).update(created_at=moment)
    seen, after, pages = [], None, 0
    while pages == 0 or after is not None:
        entries, after = timeline(administrator, client, Cursor.parse(str(after)) if after else None)
        seen += [entry.at for entry in entries]
        pages += 1
    assert pages == -(-len(seen) // PAGE)
    assert len(seen) == len(set(seen))
    assert sum(at.rank == 5 for at in seen) == 70
    assert sum(at.rank == 6 for at in seen) == 70
    assert seen == sorted(seen, key=lambda at: (-at.moment.timestamp(), at.rank, -at.pk))


def test_only_what_the_group_includes(employee: StaffMember, client_record: Record) -> None:
    def kinds(staff: StaffMember) -> set[int]:
        entries, _ = timeline(staff, client_record.client)
        return {entry.at.rank for entry in entries}

    retail = make.make_staff(employee.business, access_group=make.make_group(employee.business, retail=True))
    assert {0, 1, 2, 4, 5, 6, 7} <= kinds(retail)
    assert kinds(employee) == {0, 1, 6, 7}
    employee.access_group.schedule = False
    assert kinds(employee) == {6, 7}
    entries, _ = timeline(employee, client_record.client)
    assert not [entry for entry in entries if "invoice" in entry.title or "membership" in entry.title]


@pytest.mark.parametrize("before", ["", "x", "2024-01-01_1", "2024-01-01T00:00_99999_1", "9999-99-99_1_1", "_" * 50])
def test_a_cursor_that_is_none_begins_at_the_top(before: str, administrator: StaffMember, club: Club) -> None:
    client = make.make_client(club)
    answer = sign_in(Browser(), administrator).get(reverse("clients:timeline", args=[client.pk]), {"before": before})
    assert answer.status_code == 200
    assert answer.context["entries"]


def test_of_an_erased_client_only_figures_are_left(administrator: StaffMember, settled_record: Record) -> None:
    from tests.clubhouse.reports.test_before_and_after import erase

    erase(settled_record.client)
    page = sign_in(Browser(), administrator).get(reverse("clients:timeline", args=[settled_record.client.pk]))
    assert page.status_code == 200
    assert settled_record.canaries.found_in(page.content) == []


def test_queries_are_the_same_for_few_rows_and_for_a_thousand(administrator: StaffMember, club: Club) -> None:
    client = make.make_client(club)
    timeline(administrator, client)
    counts = []
    for number in (10, 500):
        sessions = Session.objects.bulk_create(
            Session(club=club, title="Spin", starts_at=make.in_days(-1)) for _ in range(number)
        )
        Booking.objects.bulk_create(
            Booking(session=one, client=client, booked_at=make.in_days(-2), status="attended") for one in sessions
        )
        invoice = make.make_invoice(client, number=f"I-{number}")
        Payment.objects.bulk_create(
            Payment(invoice=invoice, amount=Decimal(1), status="failed", paid_on=timezone.now().date())
            for _ in sessions
        )
        ClientNote.objects.bulk_create(ClientNote(client=client, author=administrator, text="x") for _ in sessions)
        with CaptureQueriesContext(connection) as queries:
            timeline(administrator, Client.objects.get(pk=client.pk))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 13
