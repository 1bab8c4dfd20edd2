"""Taking payments, in part and in whole, and giving them back: exact, once, and as the reports expect it."""

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

from clubhouse.billing import exceptions, refunds, selectors, services
from clubhouse.billing.models import Invoice, Payment
from clubhouse.reports.periods import Month, Period
from clubhouse.reports.selectors import revenue
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(administrator: StaffMember) -> Browser:
    return sign_in(Browser(), administrator)


def said(answer: Any) -> str:
    return str(list(get_messages(answer.wsgi_request))[-1])


def state(invoice: Invoice) -> tuple[str, list[tuple[str, str]]]:
    rows = Payment.objects.filter(invoice=invoice).order_by("pk").values_list("status", "amount")
    return Invoice.objects.get(pk=invoice.pk).status, [(status, f"{amount:.2f}") for status, amount in rows]


def books(club: Club) -> tuple[str, str]:
    """What this month's report says was taken and refunded."""
    month = Month.of(make.today())
    (line,) = revenue([club], Period(month.plus(-1), month), "club").values()
    return f"{line.taken:.2f}", f"{line.refunded:.2f}"


def test_in_parts_and_never_more_than_is_open(browser: Browser, club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="0.30")
    url = reverse("billing:pay-invoice", args=[invoice.pk])
    for amount, due in (("0.10", "0.30"), ("0.10", "0.20"), ("0.10", "0.10")):
        answer = browser.post(url, {"amount": amount, "method": "cash", "shown": due, "back": "invoice"})
        assert said(answer) == "Payment of 0.10 GBP recorded."
        assert answer["Location"] == reverse("billing:invoice", args=[invoice.pk])
    assert state(invoice) == ("paid", [("succeeded", "0.10")] * 3)
    browser.post(url, {"amount": "0.10", "method": "cash"})
    assert len(state(invoice)[1]) == 3


def test_a_second_click_takes_nothing(browser: Browser, club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="39.00")
    url, sent = reverse("billing:pay-invoice", args=[invoice.pk]), {"amount": "10", "method": "cash", "shown": "39.00"}
    browser.post(url, sent)
    assert "since this page was shown" in said(browser.post(url, sent))
    assert state(invoice) == ("outstanding", [("succeeded", "10.00")])


def test_a_refund_bears_the_reference_and_the_books_agree(browser: Browser, club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="39.00", due_on=make.today())
    payment = services.record_payment(invoice, Decimal(39), "card", now=timezone.now())
    Payment.objects.update(provider_reference="terminal-7")
    assert books(club) == ("39.00", "0.00")
    url = reverse("billing:refund-payment", args=[payment.pk])
    sent = {"amount": "14.00", "method": "cash", "shown": "39.00", "back": "invoice"}
    assert said(browser.post(url, sent)) == "14.00 GBP refunded."
    assert "since this page was shown" in said(browser.post(url, sent))
    assert state(invoice) == ("paid", [("succeeded", "39.00"), ("refunded", "14.00")])
    assert Payment.objects.last().provider_reference == "terminal-7"
    assert books(club) == ("39.00", "14.00")
    browser.post(url, {"amount": "25", "method": "bank transfer", "shown": "25.00"})
    assert state(invoice)[0] == "refunded"
    assert books(club) == ("39.00", "39.00")
    assert "all of it went back already" in said(browser.post(url, {"amount": "1", "method": "cash", "shown": "0"}))


def test_two_payments_without_a_reference_give_back_what_came_in_and_no_more(club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="39.00", due_on=make.today())
    now = timezone.now()
    first, second = (services.record_payment(invoice, Decimal(n), "cash", now=now) for n in (20, 19))
    refunds.refund_payment(first, Decimal(20), "cash", now=now)
    assert [line.left for line in selectors.lines_of(invoice.pk)][:2] == [Decimal(19), Decimal(19)]
    refunds.refund_payment(second, Decimal(19), "cash", now=now)
    assert {line.left for line in selectors.lines_of(invoice.pk)} == {Decimal(0)}
    assert state(invoice)[0] == "refunded"
    assert books(club) == ("39.00", "39.00")


@pytest.mark.parametrize("amount", ["39.01", "0", "-1"])
def test_amounts_that_cannot_go_back(club: Club, amount: str) -> None:
    invoice = make.make_invoice(make.make_client(club), "paid")
    with pytest.raises(exceptions.RefundTooLarge):
        refunds.refund_payment(invoice.payments.get(), Decimal(amount), "cash", now=timezone.now())
    assert len(state(invoice)[1]) == 1


def test_what_is_open_is_settled_before_a_refund(browser: Browser, club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="39.00")
    payment = services.record_payment(invoice, Decimal(9), "cash", now=timezone.now())
    url, sent = reverse("billing:refund-payment", args=[payment.pk]), {"amount": "9", "method": "cash"}
    assert "write it off first" in said(browser.post(url, sent))
    browser.post(reverse("billing:write-off-invoice", args=[invoice.pk]), {"reason": "goodwill"})
    assert said(browser.post(url, sent)) == "9.00 GBP refunded."
    assert state(invoice) == ("written_off", [("succeeded", "9.00"), ("refunded", "9.00")])


def test_without_a_provider_no_card_is_charged_and_none_is_refunded_to(browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    card = client.cards.create(provider="stripe", customer_token="cus_1", card_token="pm_1")
    invoice = make.make_invoice(client)
    page = browser.get(reverse("billing:invoice", args=[invoice.pk])).text
    assert "Charge the stored card" not in page
    for sent in ({"card": card.pk}, {"card": "x"}, {}):
        answer = browser.post(reverse("billing:charge-card", args=[invoice.pk]), {"amount": "39", **sent})
        assert "There is no stored card to charge" in said(answer)
    paid = make.make_invoice(client, "paid")
    url = reverse("billing:refund-payment", args=[paid.payments.get().pk])
    assert "Choose another way to refund it" in said(browser.post(url, {"amount": "39", "method": "stored card"}))
    assert state(invoice) == ("outstanding", [])
    assert state(paid) == ("paid", [("succeeded", "39.00")])


def test_the_list_by_state(browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    for status in Invoice.Status.values:
        make.make_invoice(client, status, number=f"the-{status}")
    url = reverse("billing:client-invoices", args=[client.pk])
    assert {row.status for row in browser.get(url).context["page"]} == set(Invoice.Status.values)
    for status in Invoice.Status.values:
        assert [row.number for row in browser.get(url, {"status": status}).context["page"]] == [f"the-{status}"]
    assert len(browser.get(url, {"status": "nonsense"}).context["page"]) == len(Invoice.Status.values)


def test_queries_are_the_same_for_few_rows_and_for_many(browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    invoice = make.make_invoice(client)
    counts = []
    for number in (2, 200):
        day = make.today() - datetime.timedelta(days=1)
        Payment.objects.bulk_create(
            Payment(invoice=invoice, amount=1, status="failed", paid_on=day) for _ in range(number)
        )
        for n in range(number // 4):
            make.make_invoice(client, number=f"{number}-{n}", paid_by=make.make_client(club))
        with CaptureQueriesContext(connection) as queries:
            browser.get(reverse("billing:invoice", args=[invoice.pk]))
            browser.get(reverse("billing:client-invoices", args=[client.pk]))
        counts.append(len(queries))
    assert counts[0] == counts[1]
