"""As many statements for five rows as for five hundred, and for one client as for fifty."""

from __future__ import annotations

import pytest
from django.db import connection
from django.utils import timezone

from bench.cast import make_casts, make_world
from clubhouse.billing.models import Invoice, Payment
from clubhouse.clients.models import Client, ClientNote
from clubhouse.schedule.models import Booking, Session
from lethe import pipeline
from lethe.execute import Outcome
from lethe.plan import plan_for
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.record import Record, make_record

pytestmark = pytest.mark.django_db

#: A ceiling, so that the number does not creep up unseen. What a statement costs, and why SQLite has more of them:
#: docs/discussions/speed.md.
MOST = {"postgresql": 140, "sqlite": 160}[connection.vendor]


def fill(record: Record, rows: int) -> None:
    """So many past bookings, upcoming bookings, invoices with a payment, and notes."""
    client, club = record.client, record.client.home_club
    base = {"club": club, "title": "Many", "trainer": record.trainer}
    past = Session.objects.bulk_create(Session(starts_at=make.in_days(-3), **base) for _ in range(rows))
    ahead = Session.objects.bulk_create(Session(starts_at=make.in_days(3), **base) for _ in range(rows))
    now = timezone.now()
    Booking.objects.bulk_create(Booking(session=s, client=client, status="attended", booked_at=now) for s in past)
    Booking.objects.bulk_create(Booking(session=s, client=client, booked_at=now) for s in ahead)
    invoices = Invoice.objects.bulk_create(
        Invoice(client=client, club=club, number=f"{client.pk}-{n}", amount=1, currency="GBP", due_on=now.date())
        for n in range(rows)
    )
    Payment.objects.bulk_create(Payment(invoice=i, amount=1, status="failed", paid_on=now.date()) for i in invoices)
    ClientNote.objects.bulk_create(ClientNote(client=client, text="said something") for _ in range(rows))


def erase(*records: Record) -> Outcome:
    keys = [record.client.pk for record in records]
    return pipeline.erase(Client, keys, by="role:test", reason="asked")


def test_five_or_five_hundred_rows_take_the_same_statements(client_record: Record) -> None:
    """Row N3: set-based, whatever the number of bookings, invoices and notes."""
    let_all_pass(client_record.client.business)
    other = make_record(client_record.client.home_club, trainer=client_record.trainer)
    fill(client_record, 5)
    fill(other, 500)
    few, many = erase(client_record), erase(other)
    assert few.statements == many.statements <= MOST
    assert many.counts["cancel_bookings: bookings cancelled"] == 502
    assert few.counts["cancel_bookings: bookings cancelled"] == 7


def test_one_or_fifty_clients_take_the_same_statements(db: None) -> None:
    """Row N3: a batch is one transaction with the same statements."""
    casts = make_casts(make_world(), range(51))
    keys = [cast.a.pk for cast in casts]
    one = pipeline.erase(Client, keys[:1], by="role:test", reason="asked")
    fifty = pipeline.erase(Client, keys[1:], by="role:test", reason="asked")
    assert (one.erased, fifty.erased) == (1, 50)
    assert one.statements == fifty.statements <= MOST
    assert len(set(fifty.receipts.values())) == 50


@pytest.mark.parametrize("rows", [1, 60])
def test_a_preview_takes_the_same_queries_for_any_number_of_rows(
    rows: int, client_record: Record, django_assert_num_queries: object
) -> None:
    """Row P8: the engine's own statements, and one that asks which blockers the business has chosen."""
    from lethe.connection import Runner

    fill(client_record, rows)
    counted: list[int] = []
    run = Runner.run

    def counting(self: Runner, batch: list[object]) -> object:
        counted.append(len(batch))
        return run(self, batch)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch, django_assert_num_queries(1):  # type: ignore[operator]
        patch.setattr(Runner, "run", counting)
        pipeline.preview(Client, [client_record.client.pk])
    plan = plan_for(Client)
    assert counted == [2 + len(plan.scan_checks) + len(plan.scan_steps)]
    assert connection.vendor == "sqlite" or counted == [4]
