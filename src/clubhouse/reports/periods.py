"""Months, and the time that a report covers."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext as _

WRITTEN = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; ``number`` counts from 1. Written ``2026-03``."""

    year: int
    number: int

    @classmethod
    def of(cls, day: datetime.date) -> Month:
        """The month a day lies in."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Month:
        """The month that ``2026-03`` names. Raises ``ValueError`` that says how a month is written."""
        found = WRITTEN.fullmatch(text)
        if found is None or found[1] == "0000":
            raise ValueError(f"{text!r} is no month. Write the year and the month as in 2026-03.")
        return cls(int(found[1]), int(found[2]))

    def plus(self, months: int) -> Month:
        """So many months later; earlier where the number is negative."""
        year, at = divmod(self.year * 12 + self.number - 1 + months, 12)
        return Month(year, at + 1)

    @property
    def first_day(self) -> datetime.date:
        """The day the month begins."""
        return datetime.date(self.year, self.number, 1)

    @property
    def label(self) -> str:
        """``March 2026``, in the reader's language."""
        return date_format(self.first_day, "F Y")

    @property
    def short(self) -> str:
        """``Mar 2026``, for the foot of a chart."""
        return date_format(self.first_day, "M Y")

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"


@dataclass(frozen=True)
class Period:
    """Whole months, from ``first`` to ``last``, both included."""

    first: Month
    last: Month

    @property
    def months(self) -> list[Month]:
        """Every month of the period in order."""
        count = (self.last.year - self.first.year) * 12 + self.last.number - self.first.number + 1
        return [self.first.plus(n) for n in range(count)]

    @property
    def days(self) -> tuple[datetime.date, datetime.date]:
        """The first day, and the first day after the period."""
        return self.first.first_day, self.last.plus(1).first_day

    def moments(self, zone: str) -> tuple[datetime.datetime, datetime.datetime]:
        """When the period begins and when it is over, by the clocks of a time zone."""
        begin, end = (datetime.datetime.combine(day, datetime.time(), tzinfo=ZoneInfo(zone)) for day in self.days)
        return begin, end

    @property
    def label(self) -> str:
        """``March 2026``, or ``April 2025 to March 2026``."""
        if self.first == self.last:
            return self.first.label
        return _("%(first)s to %(last)s") % {"first": self.first.label, "last": self.last.label}


def last_months(today: datetime.date, count: int) -> Period:
    """The last ``count`` whole months before the one of ``today``."""
    last = Month.of(today).plus(-1)
    return Period(last.plus(1 - count), last)
