"""Every settle action: works, a colleague without the area, a stranger, a manager of another club, signed out, GET; a
deleted client; and what cannot be understood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.messages.models import ClientMessage
from clubhouse.schedule.models import Booking, Club, Series, Session, WaitingListEntry
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Action:
    """A settle action: what it needs, where it is, and what is true once it is done."""

    name: str
    area: str
    section: str
    make: Callable[[Client], Any]
    done: Callable[[Any], bool]
    said: str
    data: dict[str, str] = field(default_factory=dict)
    of_client: bool = False

    def url(self, row: Any) -> str:
        return reverse(self.name, args=[row.client_id if self.of_client else row.pk])


def has(row: Any, **values: Any) -> bool:
    return type(row).objects.filter(pk=row.pk, **values).exists()


def a_booking(client: Client) -> Booking:
    return make.make_booking(make.make_session(client.home_club), client)


ALL = {"all": "yes"}
ACTIONS = [
    Action(
        "schedule:cancel-booking",
        "schedule",
        "bookings",
        a_booking,
        lambda row: has(row, status="cancelled") and ClientMessage.objects.filter(client=row.client_id).exists(),
        "1 booking cancelled.",
    ),
    Action(
        "schedule:cancel-bookings",
        "schedule",
        "bookings",
        a_booking,
        lambda row: has(row, status="cancelled"),
        "1 booking cancelled.",
        ALL,
        of_client=True,
    ),
    Action(
        "schedule:leave-waiting-list",
        "schedule",
        "bookings",
        lambda client: make.make_waiting(make.make_session(client.home_club), client),
        lambda row: not has(row),
        "Taken off the waiting list.",
    ),
    Action(
        "memberships:cancel",
        "retail",
        "memberships",
        make.make_membership,
        lambda row: has(row, status="cancelled", cancellation_reason="desk"),
        "1 membership cancelled as of today.",
    ),
    Action(
        "memberships:cancel-several",
        "retail",
        "memberships",
        make.make_membership,
        lambda row: has(row, status="cancelled"),
        "1 membership cancelled as of today.",
        ALL,
        of_client=True,
    ),
    Action(
        "memberships:remove-payer",
        "retail",
        "memberships",
        lambda client: make.make_membership(client, paid_by=make.make_client(client.home_club)),
        lambda row: has(row, paid_by=None, status="active"),
        "The payer was removed: the client pays for this membership from now on.",
    ),
    Action(
        "memberships:forfeit-package",
        "retail",
        "packages",
        make.make_package,
        lambda row: has(row, credits_forfeited=10, forfeited_reason="desk"),
        "10 credits of 1 package forfeited.",
    ),
    Action(
        "memberships:forfeit-packages",
        "retail",
        "packages",
        make.make_package,
        lambda row: has(row, credits_forfeited=10),
        "10 credits of 1 package forfeited.",
        ALL,
        of_client=True,
    ),
    Action(
        "billing:pay-invoice",
        "retail",
        "invoices",
        make.make_invoice,
        lambda row: has(row, status="paid", payments__amount=Decimal("39.00"), payments__method="cash"),
        "Payment of 39.00 GBP recorded.",
        {"amount": "39,00", "method": "cash"},
    ),
    Action(
        "billing:write-off-invoice",
        "retail",
        "invoices",
        make.make_invoice,
        lambda row: has(row, status="written_off", written_off_reason="goodwill"),
        "1 invoice written off.",
        {"reason": "goodwill"},
    ),
    Action(
        "billing:write-off-invoices",
        "retail",
        "invoices",
        make.make_invoice,
        lambda row: has(row, status="written_off"),
        "1 invoice written off.",
        ALL,
        of_client=True,
    ),
    Action(
        "billing:refund-credit",
        "retail",
        "credits",
        make.make_credit,
        lambda row: has(row, used=Decimal("25.00")),
        "25.00 GBP paid out.",
        {"method": "bank transfer"},
    ),
    Action(
        "billing:forfeit-credit",
        "retail",
        "credits",
        make.make_credit,
        lambda row: has(row, forfeited=Decimal("25.00")),
        "1 account credit forfeited.",
    ),
    Action(
        "billing:forfeit-credits",
        "retail",
        "credits",
        make.make_credit,
        lambda row: has(row, forfeited=Decimal("25.00")),
        "1 account credit forfeited.",
        ALL,
        of_client=True,
    ),
]
every_action = pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.name)


@pytest.fixture
def browser() -> Browser:
    return Browser()


def said(response: Any) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def rows_of_everything() -> list[Any]:
    models = (Booking, WaitingListEntry, Membership, Package, Invoice, AccountCredit, Session)
    return [list(model.objects.order_by("pk").values()) for model in models]


@every_action
def test_it_works_and_leads_back_to_the_section(
    action: Action, browser: Browser, club: Club, administrator: StaffMember
) -> None:
    row = action.make(make.make_client(club))
    assert not action.done(row)
    response = sign_in(browser, administrator).post(action.url(row), action.data)
    assert action.done(row)
    assert said(response) == action.said
    assert response.headers["Location"] == reverse("clients:profile", args=[row.client_id]) + f"#{action.section}"


@every_action
def test_it_takes_the_area(action: Action, browser: Browser, club: Club, business: Any) -> None:
    row = action.make(make.make_client(club))
    group = make.make_group(business, **{"schedule": True, "retail": True, action.area: False})
    before = rows_of_everything()
    response = sign_in(browser, make.make_staff(business, access_group=group)).post(action.url(row), action.data)
    assert response.status_code == 403
    assert rows_of_everything() == before


@every_action
def test_others_find_nothing(
    action: Action, browser: Browser, club: Club, stranger: StaffMember, business: Any
) -> None:
    row = action.make(make.make_client(club))
    before = rows_of_everything()
    group = make.make_group(business, retail=True)
    elsewhere = make.make_staff(business, "manager", club=make.make_club(business), access_group=group)
    for who in (stranger, elsewhere):
        assert sign_in(browser, who).post(action.url(row), action.data).status_code == 404
    assert rows_of_everything() == before


@every_action
def test_members_and_the_signed_out_are_sent_away(action: Action, browser: Browser, club: Club, member: Client) -> None:
    row = action.make(member)
    before = rows_of_everything()
    response = browser.post(action.url(row), action.data)
    assert (response.status_code, response.headers["Location"].split("?")[0]) == (302, reverse("sign-in"))
    assert sign_in(browser, member).post(action.url(row), action.data).status_code == 403
    assert rows_of_everything() == before


@every_action
def test_it_is_never_done_by_a_link(action: Action, browser: Browser, club: Club, administrator: StaffMember) -> None:
    row = action.make(make.make_client(club))
    assert sign_in(browser, administrator).get(action.url(row)).status_code == 405
    assert not action.done(row)


@every_action
def test_a_deleted_record_is_read_only(
    action: Action, browser: Browser, club: Club, administrator: StaffMember, employee: StaffMember
) -> None:
    row = action.make(make.make_client(club))
    Client.objects.filter(pk=row.client_id).update(status="deleted")
    before = rows_of_everything()
    response = sign_in(browser, administrator).post(action.url(row), action.data)
    assert "read-only" in said(response)
    group = make.make_group(club.business, retail=True)
    colleague = make.make_staff(club.business, access_group=group)
    assert sign_in(browser, colleague).post(action.url(row), action.data).status_code == 404
    assert rows_of_everything() == before


@every_action
def test_a_second_press_changes_nothing_and_says_so(
    action: Action, browser: Browser, club: Club, administrator: StaffMember
) -> None:
    row = action.make(make.make_client(club))
    sign_in(browser, administrator).post(action.url(row), action.data)
    before = rows_of_everything()
    response = browser.post(action.url(row), action.data)
    assert response.status_code == (404 if action.name == "schedule:leave-waiting-list" else 302)
    assert rows_of_everything() == before


@pytest.mark.parametrize("action", [a for a in ACTIONS if a.of_client], ids=lambda action: action.name)
def test_only_what_is_ticked_and_only_the_clients_own(
    action: Action, browser: Browser, club: Club, administrator: StaffMember
) -> None:
    client = make.make_client(club)
    ticked, left = action.make(client), action.make(client)
    theirs = action.make(make.make_client(club))
    field_name = {"bookings": "booking", "memberships": "membership", "packages": "package"}.get(
        action.section, action.section[:-1]
    )
    sign_in(browser, administrator)
    assert "Nothing was chosen" in said(browser.post(action.url(ticked), {field_name: ["", "x", "9" * 40]}))
    browser.post(action.url(ticked), {field_name: [ticked.pk, theirs.pk]})
    assert [action.done(row) for row in (ticked, left, theirs)] == [True, False, False]
    browser.post(action.url(ticked), ALL)
    assert [action.done(row) for row in (left, theirs)] == [True, False]


@pytest.mark.parametrize("amount", ["", "twelve", "NaN", "Infinity", "1e5", "12.345", "-3", "0", "39.01", "9" * 50])
def test_an_amount_that_is_none_is_said_and_refused(
    amount: str, browser: Browser, club: Club, administrator: StaffMember
) -> None:
    invoice = make.make_invoice(make.make_client(club))
    url = reverse("billing:pay-invoice", args=[invoice.pk])
    words = said(sign_in(browser, administrator).post(url, {"amount": amount, "method": "cash"}))
    assert words.startswith(("Enter the amount as a number", "The amount must be more than nothing"))
    assert has(invoice, status="outstanding", payments=None)


def test_a_way_that_is_not_on_the_list_is_refused(browser: Browser, club: Club, administrator: StaffMember) -> None:
    invoice = make.make_invoice(make.make_client(club))
    url = reverse("billing:write-off-invoice", args=[invoice.pk])
    words = said(sign_in(browser, administrator).post(url, {"reason": "moved in with the neighbours"}))
    assert words.startswith("Choose the reason from the list: not collectable")
    assert has(invoice, status="outstanding")


def test_a_late_cancellation_and_a_series_from_the_desk(
    browser: Browser, club: Club, administrator: StaffMember
) -> None:
    client = make.make_client(club)
    package = make.make_package(client, credits_used=3)
    series = Series.objects.create(club=club, title="Training")
    sessions = [make.make_session(club, days=day, kind="appointment", capacity=1, series=series) for day in (2, 9, 16)]
    bookings = [make.make_booking(session, client, package=package) for session in sessions]
    sign_in(browser, administrator)
    url = [reverse("schedule:cancel-booking", args=[booking.pk]) for booking in bookings]
    assert said(browser.post(url[0], {"late": "yes"})) == "1 booking cancelled."
    assert has(bookings[0], status="late_cancelled")
    assert said(browser.post(url[1], {"series": "yes"})).endswith(" 2 bookings cancelled, 2 credits given back.")
    assert set(Session.objects.values_list("status", flat=True)) == {"cancelled"}
    assert has(package, credits_used=1)


def test_back_to_users_for_who_came_from_there(browser: Browser, club: Club, administrator: StaffMember) -> None:
    booking = a_booking(make.make_client(club))
    response = sign_in(browser, administrator).post(
        reverse("schedule:cancel-booking", args=[booking.pk]), {"door": "users"}
    )
    assert response.headers["Location"] == reverse("users:profile", args=[booking.client_id]) + "#bookings"


def test_the_profile_has_the_forms_for_all_of_it(browser: Browser, club: Club, administrator: StaffMember) -> None:
    client = make.make_client(club)
    rows = [(action, action.make(client)) for action in ACTIONS]
    page = sign_in(browser, administrator).get(reverse("clients:profile", args=[client.pk])).content.decode()
    missing = [action.name for action, row in rows if f'action="{action.url(row)}"' not in page]
    assert missing == []
