"""Payments, write-offs and refunds: what is owed changes, what was earned does not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import connection
from django.db.models import Sum
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.billing import exceptions
from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.selectors import credits_of, debts, invoices_of
from clubhouse.billing.services import (
    forfeit_credits,
    forfeit_credits_for_erasure,
    record_payment,
    refund_credit,
    write_off,
    write_off_for_erasure,
)
from clubhouse.memberships.models import AccountCredit
from clubhouse.schedule.models import Club
from tests.support import factories as make

pytestmark = pytest.mark.django_db


def revenue() -> Decimal:
    return Payment.objects.filter(status="succeeded").aggregate(total=Sum("amount"))["total"] or Decimal(0)


def owed() -> Decimal:
    return debts(timezone.now()).aggregate(total=Sum("due"))["total"] or Decimal(0)


def test_a_debt_is_what_is_outstanding_failed_or_disputed(club: Club) -> None:
    client = make.make_client(club)
    open_ones = [make.make_invoice(client, status).pk for status in ("outstanding", "failed", "disputed")]
    for status in ("paid", "refunded", "written_off"):
        make.make_invoice(client, status)
    assert sorted(debts(timezone.now()).values_list("pk", flat=True)) == open_ones


def test_a_part_payment_leaves_the_rest_due_and_the_last_one_settles(club: Club) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="39.00")
    record_payment(invoice, Decimal("10.10"), "cash", now=timezone.now())
    assert debts(timezone.now()).get().due == Decimal("28.90")
    with pytest.raises(exceptions.AmountNotDue):
        record_payment(invoice, Decimal("28.91"), "cash", now=timezone.now())
    payment = record_payment(invoice, Decimal("28.90"), "card", now=timezone.now())
    invoice.refresh_from_db()
    assert (invoice.status, payment.method, payment.status) == ("paid", "card", "succeeded")
    assert revenue() == Decimal("39.00")
    with pytest.raises(exceptions.NothingDue):
        record_payment(invoice, Decimal(1), "cash", now=timezone.now())


@pytest.mark.parametrize("amount", ["0", "-1", "39.01"])
def test_an_amount_that_is_not_due_is_refused(club: Club, amount: str) -> None:
    invoice = make.make_invoice(make.make_client(club), amount="39.00")
    with pytest.raises(exceptions.AmountNotDue):
        record_payment(invoice, Decimal(amount), "cash", now=timezone.now())
    assert not Payment.objects.exists()


def test_nothing_is_taken_from_or_paid_to_a_deleted_client(club: Club) -> None:
    client = make.make_client(club, status="deleted")
    with pytest.raises(exceptions.ClientErased):
        record_payment(make.make_invoice(client), Decimal(1), "cash", now=timezone.now())
    with pytest.raises(exceptions.ClientErased):
        refund_credit(make.make_credit(client), now=timezone.now())
    assert not Payment.objects.exists()


def test_an_erasure_writes_debts_off_and_leaves_revenue_as_it_was(club: Club) -> None:
    client, other = make.make_client(club), make.make_client(club)
    for status in ("outstanding", "failed", "disputed", "paid"):
        make.make_invoice(client, status, "40.00")
    part = make.make_invoice(client, "outstanding", "50.00")
    make.make_payment(part, amount=Decimal("20.00"))
    theirs = make.make_invoice(other, "outstanding", "30.00", paid_by=client)
    before = revenue()
    assert owed() == Decimal("180.00")
    assert write_off_for_erasure([client.pk], timezone.now()) == {"debts written off": 4}
    assert (revenue(), owed()) == (before, Decimal("30.00"))
    assert set(client.invoices.exclude(status="paid").values_list("status", "written_off_reason")) == {
        ("written_off", "erasure")
    }
    theirs.refresh_from_db()
    assert theirs.status == "outstanding"
    assert write_off(Invoice.objects.filter(client=client), reason="goodwill") == 0


def test_what_is_left_on_account_is_forfeited_to_the_penny(club: Club) -> None:
    client = make.make_client(club)
    # Each of these is a sum that floating point, which SQLite counts in, gets wrong by a hair.
    amounts = [("0.30", "0.10"), ("25.00", "10.10"), ("8.10", "2.03"), ("4.35", "1.15"), ("19.99", "0.00")]
    for amount, used in amounts:
        make.make_credit(client, amount, used=Decimal(used))
    make.make_credit(client, "5.00", used=Decimal("5.00"))
    assert forfeit_credits_for_erasure([client.pk], timezone.now()) == {"account credits forfeited": len(amounts)}
    rows = AccountCredit.objects.order_by("pk").values_list("amount", "used", "forfeited", "forfeited_reason")
    assert [row[2] for row in rows] == [Decimal(a) - Decimal(u) for a, u in amounts] + [Decimal(0)]
    assert {row[3] for row in rows} == {"erasure", ""}
    assert forfeit_credits(AccountCredit.objects.all(), reason="desk") == 0


def test_every_two_decimal_split_of_a_credit_can_be_forfeited(club: Club) -> None:
    client = make.make_client(club)
    for pence in range(1, 1000, 7):
        used = Decimal(pence * 3 % (pence + 1)) / 100
        make.make_credit(client, str(Decimal(pence) / 100), used=used)
    forfeit_credits(AccountCredit.objects.all(), reason="desk")
    assert {row.balance for row in credits_of(client.pk)} == {Decimal("0.00")}


def test_a_refund_pays_out_what_is_left_and_says_so_in_the_books(club: Club) -> None:
    client = make.make_client(club)
    credit = make.make_credit(client, "25.00", used=Decimal("10.00"))
    before = revenue()
    payment = refund_credit(credit, now=timezone.now(), method="cash")
    assert (payment.amount, payment.status, payment.method) == (Decimal("15.00"), "refunded", "cash")
    assert (payment.invoice.status, payment.invoice.client_id, payment.invoice.club_id) == (
        "refunded",
        client.pk,
        club.pk,
    )
    assert credits_of(client.pk).get().balance == 0
    assert (revenue(), owed()) == (before, 0)
    with pytest.raises(exceptions.NothingLeft):
        refund_credit(credit, now=timezone.now())


def test_one_and_two_hundred_take_the_same_statements(club: Club) -> None:
    taken = []
    for count in (1, 200):
        clients = [make.make_client(club).pk for _ in range(count)]
        Invoice.objects.bulk_create(
            Invoice(client_id=pk, club=club, number=f"N{pk}", amount=1, currency="GBP", due_on=make.today())
            for pk in clients
        )
        AccountCredit.objects.bulk_create(
            AccountCredit(client_id=pk, amount=5, granted_on=make.today()) for pk in clients
        )
        with CaptureQueriesContext(connection) as seen:
            assert write_off_for_erasure(clients, timezone.now())["debts written off"] == count
            assert forfeit_credits_for_erasure(clients, timezone.now())["account credits forfeited"] == count
        taken.append(len(seen))
    assert taken[0] == taken[1] == 2


def test_a_profile_lists_invoices_with_what_is_due(club: Club) -> None:
    client = make.make_client(club)
    invoice = make.make_invoice(client, amount="39.00")
    make.make_payment(invoice, amount=Decimal("9.00"))
    make.make_payment(invoice, "failed", amount=Decimal("30.00"))
    assert invoices_of(client.pk).get().due == Decimal("30.00")
