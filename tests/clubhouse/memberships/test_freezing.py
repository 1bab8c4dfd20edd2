"""Freezing, ending with the period, renewing: on the right day, once, and never for somebody who is erased."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.billing.models import Invoice
from clubhouse.memberships import freezing, renewal
from clubhouse.memberships.models import Membership
from clubhouse.memberships.periods import current_period, last_day
from clubhouse.memberships.sales import NotLive
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe.models import Effect
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
Day = datetime.date


def days(number: int) -> datetime.date:
    return make.today() + datetime.timedelta(days=number)


def frozen(client: Any, **fields: Any) -> Membership:
    return make.make_membership(client, status="frozen", frozen_from=days(-3), frozen_until=days(3), **fields)


def test_periods_are_counted_from_the_first_day() -> None:
    start = Day(2024, 1, 31)
    assert [last_day(start, 1, n) for n in (1, 2, 3)] == [Day(2024, 2, 28), Day(2024, 3, 30), Day(2024, 4, 29)]
    assert last_day(start, 12, 1) == Day(2025, 1, 30)
    days_in = (Day(2024, 2, 28), Day(2024, 2, 29), Day(2024, 3, 31))
    assert [current_period(start, 1, day) for day in days_in] == [1, 2, 3]


def test_from_the_desk(club: Club, administrator: StaffMember) -> None:
    row = make.make_membership(make.make_client(club))
    browser = sign_in(Browser(), administrator)

    def post(name: str, **sent: Any) -> str:
        answer = browser.post(reverse(f"memberships:{name}", args=[row.pk]), sent)
        row.refresh_from_db()
        return str(list(get_messages(answer.wsgi_request))[-1]) if answer.status_code == 302 else answer.text

    post("freeze", frozen_from=days(0), frozen_until=days(10))
    assert (row.status, row.frozen_from, row.frozen_until) == ("frozen", days(0), days(10))
    assert "Unfreeze it first" in post("freeze", frozen_from=days(20), frozen_until=days(30))
    post("unfreeze")
    assert (row.status, row.frozen_from, row.frozen_until) == ("active", None, None)
    assert "not frozen" in post("unfreeze")
    post("freeze", frozen_from=days(5), frozen_until=days(10))
    assert (row.status, row.frozen_from) == ("active", days(5))
    post("unfreeze")
    assert row.frozen_from is None
    assert "and is not billed again" in post("end-with-period")
    assert row.ends_on is not None
    assert row.ends_on >= make.today()
    assert "ends at that day already" in post("end-with-period")
    Membership.objects.update(status="cancelled")
    assert "cancelled before" in post("freeze", frozen_from=days(0), frozen_until=days(1))


@pytest.mark.parametrize(
    ("first", "last", "said"), [(-1, 3, "in the past"), (3, 2, "lies before the first"), (0, 400, "a year at most")]
)
def test_days_that_cannot_be(club: Club, administrator: StaffMember, first: int, last: int, said: str) -> None:
    row = make.make_membership(make.make_client(club))
    url, sent = reverse("memberships:freeze", args=[row.pk]), {"frozen_from": days(first), "frozen_until": days(last)}
    answer = sign_in(Browser(), administrator).post(url, sent)
    assert answer.status_code == 422
    assert said in answer.text
    row.refresh_from_db()
    assert row.frozen_from is None


def test_the_service_refuses_what_the_form_does(club: Club) -> None:
    row = make.make_membership(make.make_client(club))
    for first, last in ((days(-1), days(3)), (days(3), days(2))):
        with pytest.raises(freezing.BadFreeze):
            freezing.freeze(row.pk, first, last, today=make.today())
    Membership.objects.update(status="cancelled")
    for act in (freezing.unfreeze, freezing.end_with_period):
        with pytest.raises(NotLive):
            act(row.pk, today=make.today())


def test_dates_are_kept(club: Club) -> None:
    client, now = make.make_client(club), timezone.now()
    begins = make.make_membership(client, frozen_from=days(0), frozen_until=days(3), provider_reference="sub_1")
    later = make.make_membership(client, frozen_from=days(1), frozen_until=days(3))
    ends = make.make_membership(
        client, status="frozen", frozen_from=days(-9), frozen_until=days(-1), billed_until=days(-5)
    )
    runs = frozen(client)
    over = make.make_membership(client, ends_on=days(-1), provider_reference="sub_2")
    last = make.make_membership(client, ends_on=days(0))
    assert freezing.keep_dates(now) == {"frozen": 1, "unfrozen": 1, "ended": 1}
    states = [Membership.objects.get(pk=row.pk) for row in (begins, later, ends, runs, over, last)]
    assert [row.status for row in states] == ["frozen", "active", "active", "frozen", "cancelled", "active"]
    assert (states[2].frozen_from, states[2].billed_until) == (None, days(-1))
    assert (states[4].cancelled_on, states[4].cancellation_reason) == (days(-1), "end of the period")
    kinds = sorted(Effect.objects.values_list("kind", flat=True))
    assert kinds == ["payment.cancel_subscription", "payment.freeze_subscription"]
    assert freezing.keep_dates(now) == {"frozen": 0, "unfrozen": 0, "ended": 0}


def test_the_next_period_is_billed_once(club: Club) -> None:
    payer = make.make_client(club)
    client, now = make.make_client(club), timezone.now()
    due = make.make_membership(
        client, paid_by=payer, starts_on=Day(2024, 1, 31), billed_until=Day(2024, 2, 28), price=Decimal("39.50")
    )
    for leave in ({"billed_until": None}, {"billed_until": days(0)}, {"status": "cancelled", "billed_until": days(-9)}):
        make.make_membership(client, **leave)
    frozen(client, billed_until=days(-1))
    make.make_membership(client, billed_until=days(-1), ends_on=days(-1))
    make.make_membership(client, billed_until=days(-1), provider_reference="sub_1")
    assert renewal.bill_next_periods(now) == 1
    invoice = Invoice.objects.get()
    assert (invoice.client, invoice.paid_by, invoice.amount, invoice.due_on, invoice.number, invoice.billing_name) == (
        client,
        payer,
        Decimal("39.50"),
        Day(2024, 2, 29),
        "D-00001",
        payer.display_name,
    )
    due.refresh_from_db()
    assert due.billed_until == Day(2024, 3, 30)
    Membership.objects.filter(pk=due.pk).update(billed_until=days(0))
    assert renewal.bill_next_periods(now) == 0


def test_after_a_freeze_periods_begin_anew(club: Club) -> None:
    row = make.make_membership(make.make_client(club), starts_on=Day(2024, 1, 31), billed_until=Day(2024, 3, 9))
    assert renewal.next_end(row) == Day(2024, 4, 9)


def test_nobody_who_is_erased_is_billed(club: Club) -> None:
    client = make.make_client(club)
    make.make_membership(client, billed_until=days(-1))
    type(client).objects.filter(pk=client.pk).update(status="deleted")
    assert renewal.bill_next_periods(timezone.now()) == 0
    assert not Invoice.objects.exists()


def test_as_many_statements_for_one_as_for_sixty(club: Club) -> None:
    counts = []
    for number in (1, 60):
        for n in range(number):
            make.make_membership(make.make_client(club), billed_until=days(-1))
            make.make_membership(make.make_client(club), frozen_from=days(0), frozen_until=days(n))
        with CaptureQueriesContext(connection) as queries:
            assert freezing.keep_dates(timezone.now())["frozen"] == number
            assert renewal.bill_next_periods(timezone.now()) == number
        counts.append(len(queries))
    assert counts[0] == counts[1]
