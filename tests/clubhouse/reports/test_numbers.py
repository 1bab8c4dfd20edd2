"""What is counted, where it lands, and that many rows take no more queries than few."""

from __future__ import annotations

import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.reports import selectors
from clubhouse.reports.periods import Month, Period, last_months
from clubhouse.reports.selectors import Attendance, Debt, Revenue
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
MARCH, APRIL = Month(2026, 3), Month(2026, 4)
SPRING = Period(MARCH, APRIL)
LATER = datetime.datetime(2026, 6, 1, tzinfo=datetime.UTC)
DAY = datetime.date(2026, 3, 20)


def at(*moment: int, zone: str = "UTC") -> datetime.datetime:
    return datetime.datetime(*moment, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type]


def attendance(clubs: list[Club], by: str, **more: int) -> dict[object, Attendance]:
    return selectors.attendance(clubs, SPRING, by, LATER, **more)  # type: ignore[return-value,arg-type]


# --- sessions ---------------------------------------------------------------------------------------------------------
def test_every_state_of_a_place_is_counted_in_its_own_column(club: Club, manager: StaffMember) -> None:
    session = make.make_session(club, starts_at=at(2026, 3, 5, 9), status="conducted", trainer=manager)
    for status, count in {"attended": 4, "no_show": 3, "late_cancelled": 2, "cancelled": 5, "booked": 1}.items():
        for _ in range(count):
            make.make_booking(session, make.make_client(club), status=status)
    expected = Attendance(sessions=1, attended=4, no_shows=3, late=2)
    assert attendance([club], "month") == {MARCH: expected}
    assert attendance([club], "club") == {club.pk: expected}
    assert attendance([club], "trainer") == {manager.pk: expected}
    (row,) = selectors.held([club], SPRING, LATER)
    assert (row.attended, row.no_shows, row.late) == (4, 3, 2)  # type: ignore[attr-defined]


def test_a_session_belongs_to_the_month_on_its_clubs_own_calendar(business: Business) -> None:
    auckland = make.make_club(business, timezone="Pacific/Auckland")
    honolulu = make.make_club(business, timezone="Pacific/Honolulu")
    # The same instant: already April in one club, still March in the other.
    moment = at(2026, 4, 1, 0, 30, zone="Pacific/Auckland")
    for club in (auckland, honolulu):
        session = make.make_session(club, starts_at=moment, status="conducted")
        make.make_booking(session, make.make_client(club), status="attended")
    one = Attendance(sessions=1, attended=1)
    assert attendance([auckland, honolulu], "month") == {MARCH: one, APRIL: one}
    march = Period(MARCH, MARCH)
    assert list(selectors.attendance([auckland, honolulu], march, "club", LATER)) == [honolulu.pk]
    assert [session.club_id for session in selectors.held([auckland, honolulu], march, LATER)] == [honolulu.pk]


@pytest.mark.parametrize(
    ("status", "minutes_ago", "counts"),
    [
        ("conducted", 30, True),
        ("scheduled", 61, True),
        ("scheduled", 59, False),
        ("cancelled", 120, False),
    ],
)
def test_conducted_is_what_was_marked_or_is_over(club: Club, status: str, minutes_ago: int, counts: bool) -> None:
    moment = at(2026, 3, 20, 12)
    make.make_session(club, starts_at=moment - datetime.timedelta(minutes=minutes_ago), minutes=60, status=status)
    assert bool(selectors.attendance([club], SPRING, "club", moment)) is counts
    assert selectors.held([club], SPRING, moment).exists() is counts


def test_a_late_cancellation_counts_though_its_appointment_was_cancelled(club: Club) -> None:
    session = make.make_session(club, starts_at=at(2026, 3, 5, 9), status="cancelled")
    make.make_booking(session, make.make_client(club), status="late_cancelled")
    assert attendance([club], "club") == {club.pk: Attendance(late=1)}


def test_one_trainer_and_none(club: Club, manager: StaffMember) -> None:
    make.make_session(club, starts_at=at(2026, 3, 5, 9), status="conducted", trainer=manager)
    make.make_session(club, starts_at=at(2026, 4, 5, 9), status="conducted")
    assert attendance([club], "trainer") == {manager.pk: Attendance(sessions=1), None: Attendance(sessions=1)}
    assert attendance([club], "month", trainer=manager.pk) == {MARCH: Attendance(sessions=1)}


# --- money ------------------------------------------------------------------------------------------------------------
def test_revenue_is_what_was_taken_less_what_went_back(club: Club) -> None:
    client = make.make_client(club)
    make.make_invoice(client, "paid", "39.10", due_on=DAY)
    make.make_invoice(client, "failed", "41.00", due_on=DAY)
    make.make_invoice(client, "outstanding", "50.00", due_on=DAY)
    assert selectors.revenue([club], SPRING, "club") == {(club.pk, "GBP"): Revenue(1, Decimal("39.10"), Decimal(0))}
    # A part of it went back in April: a line of its own, with the payment's reference.
    paid = make.make_invoice(client, "outstanding", "30.00", due_on=DAY)
    make.make_payment(paid, "succeeded", provider_reference="pi_1")
    make.make_payment(paid, "refunded", amount=Decimal("12.00"), provider_reference="pi_1", paid_on="2026-04-02")
    assert selectors.revenue([club], SPRING, "month") == {
        (MARCH, "GBP"): Revenue(2, Decimal("69.10"), Decimal(0)),
        (APRIL, "GBP"): Revenue(0, Decimal(0), Decimal("12.00")),
    }


def test_a_payment_refunded_as_a_whole_leaves_nothing(club: Club) -> None:
    make.make_invoice(make.make_client(club), "refunded", "12.00", due_on=DAY)
    (line,) = selectors.revenue([club], SPRING, "club").values()
    assert (line.taken, line.refunded, line.revenue) == (Decimal(12), Decimal(12), Decimal(0))


def test_money_on_account_that_is_paid_out_goes_back(club: Club) -> None:
    from clubhouse.billing.services import refund_credit

    credit = make.make_credit(make.make_client(club), "25.00")
    refund_credit(credit, now=at(2026, 3, 20, 12))
    (line,) = selectors.revenue([club], SPRING, "club").values()
    assert line == Revenue(0, Decimal(0), Decimal("25.00"))


def test_currencies_are_never_added_up(club: Club) -> None:
    client = make.make_client(club)
    make.make_invoice(client, "paid", "10.00", due_on=DAY)
    make.make_invoice(client, "paid", "20.00", due_on=DAY, currency="EUR")
    found = selectors.revenue([club], SPRING, "club")
    assert {unit: line.taken for (_, unit), line in found.items()} == {"GBP": Decimal(10), "EUR": Decimal(20)}


@pytest.mark.parametrize(
    ("days", "column"),
    [
        (-1, "later"),
        (0, "current"),
        (30, "current"),
        (31, "over_30"),
        (60, "over_30"),
        (61, "over_60"),
        (90, "over_60"),
        (91, "over_90"),
        (4000, "over_90"),
    ],
)
@pytest.mark.parametrize("status", ["outstanding", "failed", "disputed"])
def test_debt_by_its_age(club: Club, days: int, column: str, status: str) -> None:
    invoice = make.make_invoice(make.make_client(club), status, "40.00", due_on=DAY - datetime.timedelta(days=days))
    make.make_payment(invoice, "succeeded", amount=Decimal("15.50"))
    (line,) = selectors.aged_debt([club], DAY, "club").values()
    assert line == Debt(invoices=1, **{column: Decimal("24.50")})
    assert line.total == Decimal("24.50")


def test_settled_invoices_are_no_debt_and_written_off_ones_stand_apart(club: Club) -> None:
    client = make.make_client(club)
    for status in ("paid", "refunded"):
        make.make_invoice(client, status)
    make.make_invoice(client, "written_off", "7.00", written_off_reason="goodwill")
    make.make_invoice(client, "written_off", "8.00", written_off_reason="erasure")
    (line,) = selectors.aged_debt([club], make.today(), "club").values()
    assert line == Debt(written_off=Decimal(15), by_erasure=Decimal(8))


# --- periods ----------------------------------------------------------------------------------------------------------
def test_months_over_the_turn_of_a_year() -> None:
    period = last_months(datetime.date(2026, 2, 28), 3)
    assert [str(month) for month in period.months] == ["2025-11", "2025-12", "2026-01"]
    assert period.label == "November 2025 to January 2026"
    assert last_months(datetime.date(2026, 1, 1), 1).label == "December 2025"


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "2026-00", "0000-01", "26-01", "2026-1", "2026-01-01", "x"])
def test_what_is_no_month_is_refused_with_the_way_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="Write the year and the month as in 2026-03"):
        Month.read(text)


# --- queries ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["sessions", "revenue", "debt", "held", "roster"])
@pytest.mark.parametrize("form", ["", "csv"])
def test_ten_thousand_rows_take_no_more_queries(administrator: StaffMember, club: Club, name: str, form: str) -> None:
    session = make.make_session(club, starts_at=_last_month(), status="conducted", trainer=administrator)
    args = [session.pk] if name == "roster" else []
    browser = sign_in(Browser(), administrator)
    taken = []
    for count in (1, 400):
        _fill(club, session, count)
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(reverse(f"reports:{name}", args=args), {"format": form}).status_code == 200
        taken.append(len(seen))
    assert taken[0] == taken[1] <= 14


def _last_month() -> datetime.datetime:
    day = last_months(timezone.localdate(), 1).first.first_day
    return datetime.datetime.combine(day, datetime.time(12), tzinfo=datetime.UTC)


def _fill(club: Club, session: Session, count: int) -> None:
    from clubhouse.billing.models import Invoice, Payment
    from clubhouse.clients.models import Client

    moment = _last_month()
    start = Client.objects.count()
    clients = Client.objects.bulk_create(
        Client(
            business=club.business,
            home_club=club,
            number=f"many{start + n}",
            first_name="F",
            email=f"many{start + n}@example.com",
            joined_on=moment.date(),
        )
        for n in range(count)
    )
    sessions = Session.objects.bulk_create(
        Session(
            club=club,
            title="Many",
            starts_at=moment,
            status="conducted",
            reference=f"many{start + n}",
            trainer=session.trainer,
        )
        for n in range(count)
    )
    Booking.objects.bulk_create(
        Booking(session=its, client=client, status="attended", booked_at=moment)
        for client, own in zip(clients, sessions, strict=True)
        for its in (session, own)
    )
    invoices = Invoice.objects.bulk_create(
        Invoice(
            client=client,
            club=club,
            number=f"many{client.pk}{status}",
            amount=9,
            currency="GBP",
            status=status,
            due_on=moment.date(),
        )
        for client in clients
        for status in ("paid", "outstanding")
    )
    Payment.objects.bulk_create(
        Payment(invoice=invoice, amount=9, status="succeeded", paid_on=moment.date())
        for invoice in invoices
        if invoice.status == "paid"
    )
