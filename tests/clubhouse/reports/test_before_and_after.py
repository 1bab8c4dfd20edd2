"""Row F5: the same report before and after an erasure, side by side; only the roster no longer says for whom."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import pytest
from django.db.models import QuerySet
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client
from clubhouse.reports.periods import Month
from clubhouse.schedule.models import Session
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)

GROUPS = {
    "reports:sessions": ("club", "trainer", "month"),
    "reports:revenue": ("club", "month"),
    "reports:debt": ("club", "month"),
    "reports:held": ("",),
}


@pytest.fixture
def browser(administrator: StaffMember) -> Browser:
    """The administrator's browser. A second club makes "by club" a choice."""
    make.make_club(administrator.business)
    return sign_in(Browser(), administrator)


def erase(client: Client) -> None:
    """Erase as the product does: what was previewed, and the effects after it."""
    found = pipeline.preview(Client, [client.pk])
    pipeline.erase(Client, [client.pk], by="role:test", reason="asked", fingerprint=found.fingerprint)
    outbox.drain()
    client.refresh_from_db()
    assert client.is_erased


def months_of(rows: QuerySet) -> set[Month]:  # type: ignore[type-arg]
    return {Month.of(moment) for moment in rows.values_list("starts_at", flat=True)}


def table_of(page: str) -> str:
    (table,) = re.findall(r"<table.*?</table>", page, re.DOTALL)
    return table


def reports(browser: Browser, *, without: str = "") -> dict[str, bytes]:
    """Every report of the last twelve months and of each of the last three: its table as shown, and its file."""
    today = make.today()
    spans = [(Month.of(today).plus(-12), Month.of(today).plus(-1))]
    spans += [(Month.of(today).plus(-back),) * 2 for back in range(1, 4)]
    found = {}
    for name, groups in GROUPS.items():
        if name == without:
            continue
        for since, until in spans if name != "reports:debt" else spans[:1]:
            for by in groups:
                query = {"since": str(since), "until": str(until), "by": by}
                address = reverse(name, query=query)
                page = browser.get(address)
                assert page.status_code == 200
                if "<table" in page.text:
                    found[address] = table_of(page.text).encode()
                file = browser.get(address, {**query, "format": "csv"})
                assert file.headers["Content-Type"].startswith("text/csv")
                found[f"{address} as a file"] = file.content
    return found


def test_closed_periods_are_byte_for_byte_what_they_were(browser: Browser, settled_record: Record) -> None:
    client = settled_record.client
    # Whatever the day of the month is, some of what they did lies in a closed one.
    make.make_booking(make.make_session(client.home_club, days=-60, trainer=settled_record.trainer), client)
    make.make_invoice(client, "paid", "77.00", due_on=make.today() - datetime.timedelta(days=60))
    before = reports(browser)
    assert any(b"77.00" in report for report in before.values())
    assert any(settled_record.trainer.name.encode() in report for report in before.values())
    erase(client)
    assert reports(browser) == before


def test_the_roster_shows_deleted_instead_of_the_name(browser: Browser, settled_record: Record) -> None:
    client = settled_record.client
    address = reverse("reports:roster", args=[settled_record.past.pk])
    before = browser.get(address).text
    name = client.display_name
    assert "<tr>" in before
    assert client.first_name in before
    assert reverse("clients:profile", args=[client.pk]) in before
    erase(client)
    after = browser.get(address).text
    assert f"[deleted] #{client.number}" in after
    assert client.display_name == f"[deleted] #{client.number}"
    for former in (name, settled_record.canaries.client_fields()["first_name"]):
        assert former not in after
    assert reverse("clients:profile", args=[client.pk]) not in after
    assert settled_record.friend.display_name in after
    assert after.count('class="chip chip--good">Attended') == before.count('class="chip chip--good">Attended') == 2


def test_two_deleted_clients_of_a_roster_can_be_told_apart(browser: Browser, settled_record: Record) -> None:
    erase(settled_record.client)
    erase(settled_record.friend)
    page = browser.get(reverse("reports:roster", args=[settled_record.past.pk])).text
    numbers = re.findall(r"\[deleted\] #(\d+)", page)
    assert len(numbers) == len(set(numbers)) == 2


def test_cancel_and_erase_writes_debts_off_and_leaves_revenue(browser: Browser, club, business: Business) -> None:
    Business.objects.filter(pk=business.pk).update(deletion_mode=Business.DeletionMode.CANCEL_AND_ERASE)
    client = make.make_client(club)
    past = make.make_session(club, days=-40)
    make.make_booking(past, client)
    make.make_booking(make.make_session(club, days=3), client)
    old = make.today() - datetime.timedelta(days=70)
    make.make_invoice(client, "paid", "77.00", due_on=old)
    make.make_invoice(client, "outstanding", "39.00", due_on=old)
    make.make_invoice(client, "failed", "41.00", due_on=make.today() - datetime.timedelta(days=100))
    make.make_invoice(make.make_client(club), "outstanding", "5.00", due_on=make.today())
    assert Month.of(past.starts_at) in months_of(Session.objects.filter(status="conducted"))
    before = reports(browser, without="reports:debt")
    debt = browser.get(reverse("reports:debt")).context["table"].totals[0]
    assert [cell.value for cell in debt.cells[1:]] == [3, *amounts(0, 5, 0, 39, 41, 85, 0, 0), "GBP"]
    assert any(b"77.00" in report for report in before.values())
    erase(client)
    assert Invoice.objects.filter(client=client, status="written_off").count() == 2
    assert reports(browser, without="reports:debt") == before
    debt = browser.get(reverse("reports:debt")).context["table"].totals[0]
    assert [cell.value for cell in debt.cells[1:]] == [1, *amounts(0, 5, 0, 0, 0, 5, 80, 80), "GBP"]


def amounts(*values: int) -> list[Decimal]:
    return [Decimal(value) for value in values]
