"""Row F5: the books of somebody who bought, paid in parts, was refunded and was frozen, before and after an erasure."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from clubhouse.billing import refunds, services
from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.once import new_key
from clubhouse.billing.provider import news
from clubhouse.memberships import freezing, sales
from clubhouse.memberships.models import Membership, Package
from clubhouse.reports.periods import Month, Period
from clubhouse.reports.selectors import revenue
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.clubhouse.erasure.evidence import let_all_pass, totals
from tests.clubhouse.reports.test_before_and_after import erase, reports
from tests.support import factories as make
from tests.support.dump import logical_dump
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_was_earned_and_given_back_stays(club: Club, administrator: StaffMember) -> None:
    let_all_pass(club.business)
    # A second club makes "by club" a choice in the reports.
    make.make_club(club.business)
    browser = sign_in(Browser(), administrator)
    client, now = make.make_client(club), timezone.now()
    item, ten = make.make_price_item(club.business), make.make_price_item(club.business, "package", "95.00")
    keys = [new_key() for _ in range(3)]
    past = now - datetime.timedelta(days=65)
    long_ago = sales.sell(client, item, starts_on=past.date(), once_key=keys[0], now=past)
    for amount in ("20.00", "19.00"):
        paid = services.record_payment(long_ago.invoice, Decimal(amount), "cash", now=past)
    refunds.refund_payment(paid, Decimal("7.50"), "cash", now=past + datetime.timedelta(days=1))
    lately = sales.sell(client, ten, starts_on=make.today(), once_key=keys[1], now=now)
    services.record_payment(lately.invoice, Decimal("95.00"), "card", now=now)
    written_off = sales.sell(client, ten, starts_on=make.today(), once_key=keys[2], now=now)
    services.record_payment(written_off.invoice, Decimal("5.00"), "card", now=now)
    freezing.freeze(Membership.objects.get().pk, make.today(), make.today(), today=make.today())
    begins = now + datetime.timedelta(days=1)
    before, sums = reports(browser, without="reports:debt"), totals(begins)
    assert any(b"31.50" in report for report in before.values())
    assert all(key.encode() in logical_dump(connection) for key in keys)
    erase(client)
    assert reports(browser, without="reports:debt") == before
    assert totals(begins) == sums
    states = Invoice.objects.order_by("pk").values_list("status", "written_off_reason", "billing_name", "once_key")
    assert list(states) == [("paid", "", "", None), ("paid", "", "", None), ("written_off", "erasure", "", None)]
    row = Membership.objects.get()
    assert (row.status, row.cancellation_reason, row.frozen_from) == ("cancelled", "erasure", make.today())
    assert {(p.credits_total, p.credits_forfeited, p.sold_on) for p in Package.objects.all()} == {
        (10, 10, make.today())
    }
    assert [key for key in keys if key.encode() in logical_dump(connection)] == []


def test_a_part_that_the_provider_sent_back_is_taken_once_and_refunded_once(club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), "paid", due_on=make.today())
    Payment.objects.update(provider_reference="pi_1")
    said = {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "currency": "gbp", "refunded": False}
    news.take({"id": "e", "type": "charge.refunded", "data": {"object": said | {"amount_refunded": 1550}}})
    month = Month.of(make.today())
    (line,) = revenue([club], Period(month.plus(-1), month), "club").values()
    assert (line.taken, line.refunded, line.revenue) == (Decimal(39), Decimal("15.50"), Decimal("23.50"))
    assert Payment.objects.filter(invoice=invoice).count() == 2
