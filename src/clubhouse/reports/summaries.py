"""Counts → the tables that people read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.reports.periods import Month, Period
from clubhouse.reports.selectors import Attendance, Debt, Key, Revenue
from clubhouse.reports.tables import Column, Table
from clubhouse.schedule.models import Club, Session
from clubhouse.team.models import StaffMember

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

HEADS = {"month": _("Month"), "club": _("Club"), "trainer": _("Trainer")}
ATTENDANCE = ("sessions", "attended", "no_shows", "late")
MONEY = {"payments": _("Payments"), "taken": _("Taken"), "refunded": _("Refunded"), "revenue": _("Revenue")}
DEBTS = {
    "invoices": _("Invoices"),
    "later": _("Not yet due"),
    "current": _("0–30 days"),
    "over_30": _("31–60 days"),
    "over_60": _("61–90 days"),
    "over_90": _("90+ days"),
    "total": _("Owed"),
    "written_off": _("Written off"),
    "by_erasure": _("Of that by deletions"),
}
Line = TypeVar("Line", bound=Revenue | Debt)


def names(by: str, clubs: Sequence[Club], trainers: Sequence[StaffMember], period: Period | None) -> dict[Key, str]:
    """What the rows of a report are called, in their order."""
    if by == "club":
        return {club.pk: club.name for club in clubs}
    if by == "trainer":
        return {trainer.pk: trainer.name for trainer in trainers} | {None: gettext("No trainer")}
    return {month: month.label for month in period.months} if period else {}


def attendance_table(found: Mapping[Key, Attendance], by: str, called: Mapping[Key, str], caption: str) -> Table:
    """Sessions conducted, attendance, no-shows and late cancellations; trainers who had nothing are left out."""
    labels = (gettext("Sessions conducted"), gettext("Attended"), gettext("No-shows"), gettext("Late cancellations"))
    table = Table(caption, [Column(HEADS[by]), *(Column(label, "count") for label in labels)])
    for key, name in called.items():
        if by != "trainer" or key in found:
            line = found.get(key, Attendance())
            table.add([name, *(getattr(line, part) for part in ATTENDANCE)])
    table.add_total([gettext("Total"), *(sum(getattr(line, part) for line in found.values()) for part in ATTENDANCE)])
    return table


def revenue_table(
    found: Mapping[tuple[Key, str], Revenue], by: str, called: Mapping[Key, str], caption: str, currency: str
) -> Table:
    """Payments, what was taken and refunded, and what stayed."""
    table = Table(caption, [Column(HEADS[by]), *(_column(MONEY, part, "payments") for part in MONEY)])
    table.columns.append(Column(gettext("Currency")))
    _fill(table, found, called, MONEY, Revenue, currency)
    return table


def debt_table(
    found: Mapping[tuple[Key, str], Debt], by: str, called: Mapping[Key, str], caption: str, currency: str
) -> Table:
    """What is owed by its age, and what was written off."""
    head: StrOrPromise = gettext("Due in") if by == "month" else HEADS[by]
    table = Table(caption, [Column(head), *(_column(DEBTS, part, "invoices") for part in DEBTS)])
    table.columns.append(Column(gettext("Currency")))
    if by == "month":
        months = sorted({key for key, _ in found if isinstance(key, Month)})
        called = {month: month.label for month in months}
    _fill(table, found, called, DEBTS, Debt, currency)
    return table


def sessions_table(sessions: Iterable[Session], caption: str, *, linked: bool) -> Table:
    """Each session with how many came; times are those on the club's wall."""
    counts = (gettext("Attended"), gettext("No-shows"), gettext("Late cancellations"))
    heads = (gettext("Session"), gettext("Date"), gettext("Time"), gettext("Club"), gettext("Trainer"))
    table = Table(caption, [*map(Column, heads), *(Column(label, "count") for label in counts)])
    for session in sessions:
        started = begins(session)
        trainer = session.trainer.name if session.trainer else ""
        words = [session.title, date_format(started, "Y-m-d"), date_format(started, "H:i"), session.club.name, trainer]
        came = [session.attended, session.no_shows, session.late]  # type: ignore[attr-defined]
        table.add([*words, *came], url=reverse("reports:roster", args=[session.pk]) if linked else "")
    return table


def begins(session: Session) -> datetime.datetime:
    """When a session began, by the clock of its club."""
    return session.starts_at.astimezone(ZoneInfo(session.club.timezone))


def moment(when: datetime.datetime) -> str:
    """``Saturday 21 March 2026, 18:30``, by the clock that the moment was given in."""
    return date_format(when, "l j F Y, H:i")


def day(date: datetime.date) -> str:
    """``21 March 2026``, in the reader's language."""
    return date_format(date, "j F Y")


def _column(labels: Mapping[str, StrOrPromise], part: str, counted: str) -> Column:
    return Column(labels[part], "count" if part == counted else "money")


def _fill(
    table: Table,
    found: Mapping[tuple[Key, str], Line],
    called: Mapping[Key, str],
    parts: Iterable[str],
    empty: Callable[[], Line],
    currency: str,
) -> None:
    """A row for each name and currency, the business's own first, and a sum for each currency."""
    others = sorted({unit for _, unit in found} - {currency})
    for key, name in called.items():
        for unit in (currency, *others):
            if unit == currency or (key, unit) in found:
                line = found.get((key, unit)) or empty()
                table.add([name, *(getattr(line, part) for part in parts), unit], currency=unit)
    for unit in (currency, *others):
        lines = [line for (_, its), line in found.items() if its == unit]
        sums = [sum((getattr(line, part) for line in lines), _nothing(empty(), part)) for part in parts]
        table.add_total([gettext("Total"), *sums, unit], currency=unit)


def _nothing(line: Line, part: str) -> int | Decimal:
    value: int | Decimal = getattr(line, part)
    return value
