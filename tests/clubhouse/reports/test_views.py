"""Who may read reports, what bad input is told, and what a spreadsheet is given."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from decimal import Decimal

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.reports.periods import Month, last_months
from clubhouse.reports.spreadsheet import safe, written
from clubhouse.reports.tables import Column, Table
from clubhouse.schedule.models import Club, Session
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
LISTS = ("reports:sessions", "reports:revenue", "reports:debt", "reports:held")


@pytest.fixture
def browser() -> Browser:
    return Browser()


@pytest.fixture
def session(club: Club, employee: StaffMember) -> Session:
    """A class of last month with a trainer and a client who came."""
    day = last_months(timezone.localdate(), 1).first.first_day
    noon = datetime.datetime.combine(day, datetime.time(12), tzinfo=datetime.UTC)
    made = make.make_session(club, starts_at=noon, status="conducted", title="Morning Spin", trainer=employee)
    make.make_booking(made, make.make_client(club, first_name="Quillabeth", last_name="Marrowby"), status="attended")
    return made


@pytest.fixture
def addresses(session: Session) -> list[str]:
    return [*map(reverse, LISTS), reverse("reports:roster", args=[session.pk])]


def test_an_administrator_reads_every_club(
    browser: Browser, administrator: StaffMember, session: Session, addresses: list[str]
) -> None:
    other = make.make_club(administrator.business, name="The Other Club")
    sign_in(browser, administrator)
    for address in addresses:
        assert browser.get(address).status_code == 200
        assert browser.head(address).status_code == 200
    page = browser.get(addresses[0]).text
    assert "The Other Club" in page
    assert session.club.name in page
    assert "Morning Spin" in browser.get(reverse("reports:held")).text
    assert "Quillabeth Marrowby" in browser.get(addresses[-1]).text
    assert f'href="{reverse("reports:sessions")}"' in browser.get(reverse("messages:inbox")).text
    rows = browser.get(reverse("reports:sessions"), {"club": other.pk}).context["table"].rows
    assert [[cell.value for cell in row.cells] for row in rows] == [["The Other Club", 0, 0, 0, 0]]


def test_a_manager_reads_the_own_club_and_no_other(
    browser: Browser, manager: StaffMember, session: Session, addresses: list[str]
) -> None:
    other = make.make_club(manager.business, name="The Other Club")
    theirs = make.make_session(other, starts_at=session.starts_at, status="conducted", title="Not Theirs")
    make.make_invoice(make.make_client(other), "outstanding", "987.00")
    sign_in(browser, manager)
    for address in addresses:
        response = browser.get(address)
        assert response.status_code == 200
        assert "The Other Club" not in response.text
        assert "987.00" not in response.text
        assert "Not Theirs" not in response.text
    assert browser.get(reverse("reports:roster", args=[theirs.pk])).status_code == 404
    refused = browser.get(reverse("reports:sessions"), {"club": other.pk})
    assert refused.status_code == 400
    assert "There is no such club here" in refused.text
    assert f'href="{reverse("reports:sessions")}"' in browser.get(reverse("messages:inbox")).text


def test_an_employee_and_a_manager_of_no_club_are_told_whom_to_ask(
    browser: Browser, employee: StaffMember, addresses: list[str]
) -> None:
    for colleague in (employee, make.make_staff(employee.business, "manager")):
        sign_in(browser, colleague)
        for address in addresses:
            refused = browser.get(address)
            assert refused.status_code == 403
            assert "Reports are for administrators" in refused.text
        assert f'href="{reverse("reports:sessions")}"' not in browser.get(reverse("messages:inbox")).text


def test_names_are_for_those_who_may_see_clients(browser: Browser, club: Club, session: Session) -> None:
    group = make.make_group(club.business, contacts=False)
    sign_in(browser, make.make_staff(club.business, "manager", club=club, access_group=group))
    assert browser.get(reverse("reports:held")).status_code == 200
    refused = browser.get(reverse("reports:roster", args=[session.pk]))
    assert refused.status_code == 403
    assert "Quillabeth" not in refused.text


def test_a_manager_opens_the_profiles_of_the_own_club_only(
    browser: Browser, manager: StaffMember, session: Session
) -> None:
    visitor = make.make_client(make.make_club(manager.business))
    make.make_booking(session, visitor, status="attended")
    page = sign_in(browser, manager).get(reverse("reports:roster", args=[session.pk])).text
    assert visitor.display_name in page
    assert reverse("clients:profile", args=[visitor.pk]) not in page


def test_a_stranger_reads_nothing_of_this_business(
    browser: Browser, stranger: StaffMember, session: Session, addresses: list[str]
) -> None:
    make.make_club(stranger.business)
    sign_in(browser, stranger)
    for address in addresses[:-1]:
        page = browser.get(address)
        assert page.status_code == 200
        assert session.club.name not in page.text
        assert "Morning Spin" not in page.text
        assert browser.get(address, {"club": session.club_id}).status_code == 400
    assert browser.get(addresses[-1]).status_code == 404


def test_signed_out_and_members_read_none(browser: Browser, member: Client, addresses: list[str]) -> None:
    for address in addresses:
        assert browser.get(address).headers["Location"].startswith(reverse("sign-in"))
    sign_in(browser, member)
    for address in addresses:
        assert browser.get(address).status_code == 403


def test_reports_only_read(browser: Browser, administrator: StaffMember, addresses: list[str]) -> None:
    sign_in(browser, administrator)
    for address in addresses:
        for send in (browser.post, browser.put, browser.delete):
            assert send(address).status_code == 405


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"since": "2026-13"}, "From: There is no such month here. Choose one from the list."),
        ({"since": "<script>"}, "From: There is no such month here"),
        ({"since": "\x00"}, "From: There is no such month here"),
        ({"club": "9" * 40}, "There is no such club here"),
        ({"trainer": "x"}, "Trainer: There is no such trainer here"),
        ({"by": "client"}, "Rows: There is no such kind of row here"),
    ],
)
def test_bad_input_is_named_and_shows_no_numbers(
    browser: Browser, administrator: StaffMember, session: Session, query: dict[str, str], said: str
) -> None:
    make.make_club(administrator.business)
    sign_in(browser, administrator)
    refused = browser.get(reverse("reports:sessions"), query)
    assert refused.status_code == 400
    assert said in refused.text
    assert "<script>" not in refused.text.replace("<script>alert", "")
    assert "<table" not in refused.text
    assert browser.get(reverse("reports:sessions"), query | {"format": "csv"}).status_code == 400


def test_a_period_that_ends_before_it_begins(browser: Browser, administrator: StaffMember, session: Session) -> None:
    this = Month.of(timezone.localdate())
    sign_in(browser, administrator)
    refused = browser.get(reverse("reports:revenue"), {"since": this, "until": this.plus(-3)})
    assert refused.status_code == 400
    assert "It ends before it begins. Choose a later month" in refused.text
    assert browser.get(reverse("reports:revenue"), {"since": this}).status_code == 200


def test_the_chart_says_what_the_table_says_and_no_script_runs_inline(
    browser: Browser, administrator: StaffMember, session: Session
) -> None:
    session.club.name = "</script><b>Club"
    session.club.save()
    make.make_club(administrator.business)
    response = sign_in(browser, administrator).get(reverse("reports:sessions"))
    found = re.search(r'<script id="chart-data" type="application/json">(.*?)</script>', response.text)
    assert found is not None
    chart = json.loads(found[1])
    rows = response.context["table"].rows
    assert [series["values"] for series in chart["series"]] == [
        [row.cells[at].value for row in rows] for at in (2, 3, 4)
    ]
    assert "</script><b>Club" in chart["labels"]
    assert "<b>Club" not in response.text
    for tag in re.findall(r"<script[^>]*>", response.text):
        assert "src=" in tag or 'type="application/json"' in tag
    assert " style=" not in response.text


def test_nothing_to_show_is_said(browser: Browser, administrator: StaffMember, club: Club) -> None:
    sign_in(browser, administrator)
    assert "No session was conducted in this month" in browser.get(reverse("reports:held")).text
    debt = browser.get(reverse("reports:debt"), {"by": "month"}).text
    assert "Nobody owes anything" in debt
    assert 'id="chart-data"' not in debt


# --- files ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_text_that_would_run_gets_an_apostrophe(start: str) -> None:
    assert safe(f"{start}1+1") == f"'{start}1+1"
    assert safe(f"a{start}1") == f"a{start}1"


def test_numbers_stay_numbers_below_zero_too() -> None:
    assert safe(Decimal("-12.50")) == "-12.50"
    assert safe(-3) == "-3"
    table = Table("", [Column("Club"), Column("Revenue", "money")])
    table.add(["-5", Decimal("-12.50")], currency="GBP")
    assert written(table) == "Club,Revenue\r\n'-5,-12.50\r\n"


def test_the_file_holds_the_rows_of_the_table(
    browser: Browser, administrator: StaffMember, session: Session, club: Club
) -> None:
    Session.objects.filter(pk=session.pk).update(title='=HYPERLINK("http://evil.example")')
    make.make_invoice(make.make_client(club), "paid", "1234.50", due_on=session.starts_at.date())
    sign_in(browser, administrator)
    file = browser.get(reverse("reports:held"), {"format": "csv"})
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert rows[1][0] == '\'=HYPERLINK("http://evil.example")'
    assert rows[1][-3:] == ["1", "0", "0"]
    assert "Quillabeth" not in file.content.decode()
    month = Month.of(session.starts_at)
    assert file.headers["Content-Disposition"] == f'attachment; filename="sessions-of-{month}.csv"'
    money = browser.get(reverse("reports:revenue"), {"format": "csv"}).content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(money)))[1] == [month.label, "1", "1234.50", "0", "1234.50", "GBP"]
