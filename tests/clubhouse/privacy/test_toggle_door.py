"""The first door: Clients > profile > "i" > "Delete this client" (rows H2-H12), without a script."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.privacy.models import ErasureReceipt
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import StaffMember
from lethe.models import Receipt, Run
from tests.support import factories as make
from tests.support.record import Record
from tests.support.sign_in import sign_in

CHECKLIST = "Account deletion checklist"
BLOCKED = "Can not delete this account until the following list of items has been resolved"


def information(browser: Browser, record: Client, **query: str) -> str:
    answer = browser.get(reverse("clients:information", args=[record.pk]), query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def fingerprint(page: str) -> str:
    found = re.search(r'name="fingerprint" value="([^"]+)"', page)
    assert found, "the page carries the preview's fingerprint"
    return found.group(1)


def confirm(browser: Browser, record: Client, value: str) -> Any:
    return browser.post(reverse("clients:delete", args=[record.pk]), {"fingerprint": value})


@pytest.fixture
def signed_in(client: Browser, administrator: StaffMember) -> Browser:
    return sign_in(client, administrator)


def test_the_i_leads_to_a_page_with_the_toggle_off(signed_in: Browser, settled_record: Record) -> None:
    record = settled_record.client
    profile = signed_in.get(reverse("clients:profile", args=[record.pk])).content.decode()
    assert f'href="{reverse("clients:information", args=[record.pk])}" aria-label="Client Information"' in profile
    page = information(signed_in, record)
    assert 'role="switch"' in page
    assert "Delete this client" in page
    assert "Delete the client" not in page
    assert CHECKLIST not in page
    assert not re.search(r"<input[^>]*role=\"switch\"[^>]*checked", page)


def test_blockers_open_the_checklist_and_each_says_where_it_is_settled(
    signed_in: Browser, client_record: Record
) -> None:
    record = client_record.client
    page = information(signed_in, record, delete="on")
    assert CHECKLIST in page
    assert BLOCKED in page
    assert "Delete the client" not in page
    profile = reverse("clients:profile", args=[record.pk])
    for label, anchor in (
        ("Outstanding and failed payments and debts", "invoices"),
        ("Future scheduled sessions", "bookings"),
        ("Account credits", "credits"),
        ("Paid By, for or by another client", "linkings"),
        ("Unused packages", "packages"),
        ("Active membership", "memberships"),
    ):
        assert label in page
        assert f'href="{profile}#{anchor}"' in page
    assert "£80.00" in page, "39 and 41 are owed"
    assert "£25.00" in page, "and 25 is on account"
    assert Client.objects.get(pk=record.pk).first_name == client_record.canaries.first_name, "a scan changes nothing"


def test_the_x_of_the_checklist_leads_back_to_the_toggle_off(signed_in: Browser, client_record: Record) -> None:
    page = information(signed_in, client_record.client, delete="on")
    closing = re.search(r'<form action="([^"]+)"><button[^>]*aria-label="Close"', page)
    assert closing
    after = signed_in.get(closing.group(1).split("#")[0]).content.decode()
    assert CHECKLIST not in after
    assert not re.search(r"<input[^>]*role=\"switch\"[^>]*checked", after)


def test_with_nothing_in_the_way_the_button_and_then_the_box_appear(signed_in: Browser, settled_record: Record) -> None:
    record = settled_record.client
    page = information(signed_in, record, delete="on")
    assert CHECKLIST not in page
    assert "Delete the client" in page
    assert "Stored payment cards" in page
    assert "Kept, and why" in page
    box = information(signed_in, record, delete="on", confirm="yes")
    assert f"{record.display_name} account deletion confirmation" in box
    assert re.search(r'<dialog[^>]*id="confirm-dialog"[^>]* open', box)
    assert re.search(r">Confirm</button>", box)


def test_confirm_deletes_and_the_result_names_nobody(signed_in: Browser, settled_record: Record) -> None:
    record, canaries = settled_record.client, settled_record.canaries
    page = information(signed_in, record, delete="on", confirm="yes")
    answer = confirm(signed_in, record, fingerprint(page))
    receipt = Receipt.objects.get()
    assert answer["Location"] == reverse("privacy:receipt", args=[receipt.number])
    assert ErasureReceipt.objects.get().number == receipt.number
    result = signed_in.get(answer["Location"])
    assert result.status_code == 200
    assert receipt.number in result.content.decode()
    assert "Kept, and why" in result.content.decode()
    assert not canaries.found_in(result.content)
    record.refresh_from_db()
    assert (record.first_name, record.last_name, record.status) == ("[deleted]", "", "deleted")
    assert Run.objects.get().by.startswith("account:")


def test_a_second_confirm_is_a_success_that_changes_nothing(signed_in: Browser, settled_record: Record) -> None:
    record = settled_record.client
    value = fingerprint(information(signed_in, record, delete="on", confirm="yes"))
    confirm(signed_in, record, value)
    number = Client.objects.get(pk=record.pk).number
    answer = confirm(signed_in, record, value)
    assert answer["Location"] == reverse("privacy:already-deleted")
    assert "already deleted" in signed_in.get(answer["Location"]).content.decode()
    assert Receipt.objects.count() == 1
    assert Client.objects.get(pk=record.pk).number == number


def test_what_changed_since_the_preview_is_refused_by_name(
    signed_in: Browser, settled_record: Record, club: Club
) -> None:
    record = settled_record.client
    value = fingerprint(information(signed_in, record, delete="on", confirm="yes"))
    make.make_booking(make.make_session(club, days=-2), record)
    answer = confirm(signed_in, record, value)
    page = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "Changed since the preview, so nothing was deleted" in page
    assert "Bookings: 3 then, 4 now" in page
    assert fingerprint(page) != value
    assert not Receipt.objects.exists()
    assert confirm(signed_in, record, fingerprint(page)).status_code == 302


def test_a_blocker_that_came_up_since_shows_the_checklist(
    signed_in: Browser, settled_record: Record, club: Club
) -> None:
    record = settled_record.client
    value = fingerprint(information(signed_in, record, delete="on", confirm="yes"))
    make.make_booking(make.make_session(club, days=2), record)
    answer = confirm(signed_in, record, value)
    assert answer.status_code == 409
    assert CHECKLIST in answer.content.decode()
    assert not Receipt.objects.exists()


@pytest.mark.parametrize("value", ["", "x", "!!!", "a.b", "é" * 9])
def test_nothing_is_deleted_without_the_preview(signed_in: Browser, settled_record: Record, value: str) -> None:
    answer = confirm(signed_in, settled_record.client, value)
    assert answer.status_code in {200, 409}
    assert "account deletion confirmation" in answer.content.decode()
    assert not Receipt.objects.exists()


def test_the_preview_of_one_client_confirms_no_other(signed_in: Browser, settled_record: Record, club: Club) -> None:
    other = make.make_client(club)
    value = fingerprint(information(signed_in, other, delete="on", confirm="yes"))
    assert confirm(signed_in, settled_record.client, value).status_code == 409
    assert not Receipt.objects.exists()


def test_cancel_and_erase_says_what_it_settles_before_the_last_step(
    signed_in: Browser, client_record: Record, business: Business
) -> None:
    business.deletion_mode = Business.DeletionMode.CANCEL_AND_ERASE
    business.blocker_overrides = {"paid_by": False, "guardian": False}
    business.save()
    record = client_record.client
    page = information(signed_in, record, delete="on", confirm="yes")
    assert CHECKLIST not in page
    for said in ("Upcoming bookings are cancelled", "Active memberships are cancelled", "Debts are written off"):
        assert said in page
    assert "£25.00" in page
    answer = confirm(signed_in, record, fingerprint(page))
    result = signed_in.get(answer["Location"]).content.decode()
    assert "Settled" in result
    assert "Memberships cancelled" in result
    assert not Booking.objects.filter(client=record, status="booked", session__starts_at__gt=make.in_days(0)).exists()


def test_paid_by_blocks_in_both_ways(signed_in: Browser, client_record: Record, business: Business) -> None:
    business.deletion_mode = Business.DeletionMode.CANCEL_AND_ERASE
    business.save()
    page = information(signed_in, client_record.client, delete="on")
    assert CHECKLIST in page
    assert "Paid By, for or by another client" in page
    assert "Active membership<" not in page


def test_without_the_permission_the_toggle_is_not_there(
    client: Browser, administrator_without_delete: StaffMember, settled_record: Record
) -> None:
    sign_in(client, administrator_without_delete)
    page = information(client, settled_record.client, delete="on")
    assert 'role="switch"' not in page
    assert "Delete Accounts" in page, "it says who can"


def test_the_scan_takes_the_same_queries_for_few_and_many_rows(signed_in: Browser, club: Club) -> None:
    record = make.make_client(club)
    counts = []
    for number in (10, 990):
        sessions = Session.objects.bulk_create(
            Session(club=club, title="Spin", starts_at=make.in_days(2), capacity=5) for _ in range(number)
        )
        Booking.objects.bulk_create(Booking(session=one, client=record, booked_at=make.in_days(-2)) for one in sessions)
        with CaptureQueriesContext(connection) as queries:
            page = information(signed_in, record, delete="on")
        assert CHECKLIST in page
        counts.append(len(queries))
    assert counts[0] == counts[1]
