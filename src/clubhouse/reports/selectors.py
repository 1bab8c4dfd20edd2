"""What is counted, by the database and in a fixed number of queries, however many rows there are (row F5).

Nothing here reads who a client is, but for the roster of one session: that is why a report of a closed period is the
same before and after an erasure.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Case, Count, DateField, Exists, ExpressionWrapper, F, OuterRef, Q, Sum, When
from django.db.models.functions import Cast, Lower, TruncMonth
from django.db.models.lookups import LessThanOrEqual
from django.http import Http404

from clubhouse.accounts.permissions import is_administrator, may
from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.selectors import DEBT
from clubhouse.clients.models import Client
from clubhouse.clients.selectors import visible
from clubhouse.memberships.services import ERASURE
from clubhouse.reports.periods import Month, Period
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.team.models import StaffMember

#: What a row of a report stands for: a month, or the key of a club or a trainer (None: without a trainer).
Key = Month | int | None
#: Days since the due day: name, and how many days at least. What is due later stands apart.
AGES = (("current", 0), ("over_30", 31), ("over_60", 61), ("over_90", 91))
#: Invoices by which money on account is paid out: it goes back without having come in for that invoice.
PAID_OUT = "CREDIT-"


# --- reach ------------------------------------------------------------------------------------------------------------
def clubs_of(staff: StaffMember) -> list[Club]:
    """The clubs a colleague reads reports of: every one for administrators, their own for managers. One query."""
    clubs = Club.objects.filter(business_id=staff.business_id)
    if not is_administrator(staff):
        clubs = clubs.none() if staff.club_id is None else clubs.filter(pk=staff.club_id)
    return list(clubs.order_by(Lower("name"), "pk"))


def trainers_of(clubs: Sequence[Club]) -> list[StaffMember]:
    """Who has ever had a session in these clubs. One query."""
    theirs = Session.objects.filter(trainer=OuterRef("pk"), club__in=[club.pk for club in clubs])
    return list(StaffMember.objects.filter(Exists(theirs)).order_by(Lower("name"), "pk"))


# --- sessions and attendance ------------------------------------------------------------------------------------------
@dataclass
class Attendance:
    """What happened in sessions: how many were conducted, and how many places were attended, missed, cancelled late."""

    sessions: int = 0
    attended: int = 0
    no_shows: int = 0
    late: int = 0


def conducted(now: datetime.datetime) -> Q:
    """Sessions that took place: marked so, or over and never cancelled."""
    lasts = ExpressionWrapper(
        Cast("minutes", models.IntegerField()) * datetime.timedelta(minutes=1), output_field=models.DurationField()
    )
    ends = ExpressionWrapper(F("starts_at") + lasts, output_field=models.DateTimeField())
    return Q(status=Session.Status.CONDUCTED) | Q(LessThanOrEqual(ends, now), status=Session.Status.SCHEDULED)


def attendance(
    clubs: Sequence[Club], period: Period, by: str, now: datetime.datetime, trainer: int | None = None
) -> dict[Key, Attendance]:
    """Sessions and places of a period, ``by`` month, club or trainer; months by each club's own clocks. Two queries."""
    sessions = Session.objects.filter(_within(clubs, period), **_trainer(trainer))
    bookings = Booking.objects.filter(_within(clubs, period, "session__"), **_trainer(trainer, "session__"))
    found: dict[Key, Attendance] = {}
    for row in _grouped(sessions.filter(conducted(now)), clubs, by, n=Count("pk")):
        found.setdefault(_key(row["key"]), Attendance()).sessions = row["n"]
    status = Booking.Status
    counts = {
        "attended": Count("pk", filter=Q(status=status.ATTENDED)),
        "no_shows": Count("pk", filter=Q(status=status.NO_SHOW)),
        "late": Count("pk", filter=Q(status=status.LATE_CANCELLED)),
    }
    marked = bookings.filter(status__in=[status.ATTENDED, status.NO_SHOW, status.LATE_CANCELLED])
    for row in _grouped(marked, clubs, by, "session__", **counts):
        line = found.setdefault(_key(row["key"]), Attendance())
        line.attended, line.no_shows, line.late = row["attended"], row["no_shows"], row["late"]
    return found


def held(
    clubs: Sequence[Club], period: Period, now: datetime.datetime, trainer: int | None = None
) -> models.QuerySet[Session]:
    """Each session that was conducted, in order of time, with how many came. One query."""
    status = Booking.Status
    return (
        Session.objects.filter(_within(clubs, period), conducted(now), **_trainer(trainer))
        .select_related("club", "trainer")
        .annotate(
            attended=Count("bookings", filter=Q(bookings__status=status.ATTENDED)),
            no_shows=Count("bookings", filter=Q(bookings__status=status.NO_SHOW)),
            late=Count("bookings", filter=Q(bookings__status=status.LATE_CANCELLED)),
        )
        .order_by("starts_at", "pk")
    )


# --- one session ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Place:
    """A line of a roster; ``may_open`` says whether the reader finds this client's profile."""

    booking: Booking
    may_open: bool


def find_session(clubs: Sequence[Club], pk: int) -> Session:
    """A session of the reader's clubs. Raises ``Http404`` for any other."""
    rows = Session.objects.select_related("club", "trainer").filter(club__in=[club.pk for club in clubs])
    session = rows.filter(pk=pk).first()
    if session is None:
        raise Http404
    return session


def roster(staff: StaffMember, session: Session) -> list[Place]:
    """Who had a place, erased clients last and without a name (row F6). Two queries."""
    places = session.bookings.exclude(status=Booking.Status.CANCELLED).select_related("client")
    mine = visible(staff) if may(staff, "contacts") else Client.objects.none()
    known = set(mine.filter(bookings__session=session).values_list("pk", flat=True))
    erased_last = places.order_by(
        Case(When(client__status=Client.Status.DELETED, then=1), default=0),
        Lower("client__last_name"),
        Lower("client__first_name"),
        "pk",
    )
    return [Place(booking, booking.client_id in known) for booking in erased_last]


# --- money ------------------------------------------------------------------------------------------------------------
@dataclass
class Revenue:
    """Money of a period, in whole units of one currency. ``taken`` and ``refunded`` are both positive."""

    payments: int = 0
    taken: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)

    @property
    def revenue(self) -> Decimal:
        """What stayed."""
        return self.taken - self.refunded


def revenue(clubs: Sequence[Club], period: Period, by: str) -> dict[tuple[Key, str], Revenue]:
    """Payments less refunds, ``by`` month or club, and by currency; on the day of the payment. Two queries.

    A payment that was refunded as a whole came in and went back: it makes no revenue, and no loss either.
    """
    begin, end = period.days
    rows = Payment.objects.filter(
        invoice__club__in=[club.pk for club in clubs], paid_on__gte=begin, paid_on__lt=end
    ).annotate(key=_money_key("paid_on", "invoice__club_id", by))
    back = Q(status=Payment.Status.REFUNDED)
    # A part that went back is a line of its own, beside the payment whose reference it bears.
    beside = Payment.objects.filter(
        invoice=OuterRef("invoice"),
        provider_reference=OuterRef("provider_reference"),
        status=Payment.Status.SUCCEEDED,
    )
    came_in = Q(status=Payment.Status.SUCCEEDED) | (back & ~Exists(beside) & ~Q(invoice__number__startswith=PAID_OUT))
    found: dict[tuple[Key, str], Revenue] = {}

    def line(row: dict[str, Any]) -> Revenue:
        return found.setdefault((_key(row["key"]), row["invoice__currency"]), Revenue())

    groups = ("key", "invoice__currency")
    for row in rows.filter(came_in).order_by().values(*groups).annotate(n=Count("pk"), total=Sum("amount")):
        line(row).payments, line(row).taken = row["n"], cents(row["total"])
    for row in rows.filter(back).order_by().values(*groups).annotate(total=Sum("amount")):
        line(row).refunded = cents(row["total"])
    return found


@dataclass
class Debt:
    """What is owed on one day, by its age, in whole units of one currency; and what was given up."""

    invoices: int = 0
    later: Decimal = Decimal(0)
    current: Decimal = Decimal(0)
    over_30: Decimal = Decimal(0)
    over_60: Decimal = Decimal(0)
    over_90: Decimal = Decimal(0)
    written_off: Decimal = Decimal(0)
    by_erasure: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """All that is owed, whatever its age."""
        return self.later + self.current + self.over_30 + self.over_60 + self.over_90


def aged_debt(clubs: Sequence[Club], today: datetime.date, by: str) -> dict[tuple[Key, str], Debt]:
    """What is outstanding, failed or disputed, ``by`` month due or club, and by currency; less what came in for it.

    Days are counted from the due day to ``today``. Written-off invoices are no debt and stand beside it. Two queries.
    """
    states = [*DEBT, Invoice.Status.WRITTEN_OFF]
    mine = Q(club__in=[club.pk for club in clubs], status__in=states)
    invoices = Invoice.objects.filter(mine).annotate(key=_money_key("due_on", "club_id", by))
    came_in = Payment.objects.filter(
        invoice__in=Invoice.objects.filter(mine).values("pk"), status=Payment.Status.SUCCEEDED
    ).annotate(key=_money_key("invoice__due_on", "invoice__club_id", by))
    found: dict[tuple[Key, str], Debt] = {}
    owed = _aged(today, "")
    rows = invoices.order_by().values("key", "currency").annotate(n=Count("pk", filter=Q(status__in=DEBT)), **owed)
    for row in rows:
        line = found.setdefault((_key(row["key"]), row["currency"]), Debt())
        line.invoices = row["n"]
        _add(line, row, owed, 1)
    groups = ("key", "invoice__currency")
    for row in came_in.order_by().values(*groups).annotate(**_aged(today, "invoice__")):
        _add(found[_key(row["key"]), row["invoice__currency"]], row, owed, -1)
    return found


def _aged(today: datetime.date, to_invoice: str) -> dict[str, Sum]:
    """Sums of ``amount`` under the names of :class:`Debt`."""

    def total(**lookups: Any) -> Sum:
        return Sum("amount", filter=Q(**{f"{to_invoice}{name}": value for name, value in lookups.items()}))

    def before(days: int) -> datetime.date:
        return today - datetime.timedelta(days=days)

    sums = {"later": total(status__in=DEBT, due_on__gt=today)}
    for (name, least), (_, above) in zip(AGES, (*AGES[1:], ("", None)), strict=True):
        ends = {"due_on__gt": before(above)} if above is not None else {}
        sums[name] = total(status__in=DEBT, due_on__lte=before(least), **ends)
    given_up = Invoice.Status.WRITTEN_OFF
    return {f"{name}_sum": value for name, value in sums.items()} | {
        "written_off_sum": total(status=given_up),
        "by_erasure_sum": total(status=given_up, written_off_reason=ERASURE),
    }


def _add(line: Debt, row: Mapping[str, object], names: dict[str, Sum], sign: int) -> None:
    for name in names:
        field = name.removesuffix("_sum")
        setattr(line, field, getattr(line, field) + sign * cents(row[name]))


def cents(amount: Any) -> Decimal:
    """A sum with two decimals: SQLite adds up in floating point, with hairs."""
    return Decimal(amount or 0).quantize(Decimal("0.01"))


# --- small parts ------------------------------------------------------------------------------------------------------
def _zones(clubs: Sequence[Club]) -> dict[str, list[int]]:
    """Time zone to the clubs that live by it."""
    zones: dict[str, list[int]] = {}
    for club in clubs:
        zones.setdefault(club.timezone, []).append(club.pk)
    return zones


def _within(clubs: Sequence[Club], period: Period, prefix: str = "") -> Q:
    """Sessions of a period, by each club's own clocks."""
    found = Q(pk__in=[])
    for zone, keys in _zones(clubs).items():
        begin, end = period.moments(zone)
        lookups = {"club__in": keys, "starts_at__gte": begin, "starts_at__lt": end}
        found |= Q(**{f"{prefix}{name}": value for name, value in lookups.items()})
    return found


def _trainer(trainer: int | None, prefix: str = "") -> dict[str, int]:
    return {} if trainer is None else {f"{prefix}trainer_id": trainer}


def _grouped(
    rows: models.QuerySet[Any], clubs: Sequence[Club], by: str, prefix: str = "", **counts: Any
) -> models.QuerySet[Any, dict[str, Any]]:
    """Counts of sessions, or of what hangs on them, under ``key``."""
    if by == "month":
        zones = _zones(clubs).items()
        key: Any = Case(
            *(
                When(
                    **{f"{prefix}club__in": keys},
                    then=TruncMonth(f"{prefix}starts_at", tzinfo=ZoneInfo(zone), output_field=DateField()),
                )
                for zone, keys in zones
            ),
            output_field=DateField(),
        )
    else:
        key = F(f"{prefix}{by}_id")
    found: models.QuerySet[Any, dict[str, Any]] = rows.order_by().annotate(key=key).values("key").annotate(**counts)
    return found


def _money_key(day: str, club: str, by: str) -> Any:
    return TruncMonth(day, output_field=DateField()) if by == "month" else F(club)


def _key(value: Any) -> Key:
    return Month.of(value) if isinstance(value, datetime.date) else value
