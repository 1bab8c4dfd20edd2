"""Periods of a membership: so many months from the day it started, whatever the length of the months."""

from __future__ import annotations

import calendar
import datetime


def later(day: datetime.date, months: int) -> datetime.date:
    """The same day so many months later; the last day of a month that is too short for it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def last_day(start: datetime.date, months: int, period: int) -> datetime.date:
    """The last day of a period, of which the first has the number 1 and every one so many ``months``."""
    return later(start, months * period) - datetime.timedelta(days=1)


def current_period(start: datetime.date, months: int, day: datetime.date) -> int:
    """The number of the period in which ``day`` lies; 1 for a day before the start."""
    passed = (day.year - start.year) * 12 + day.month - start.month
    number = max(passed // months, 1)
    while last_day(start, months, number) < day:
        number += 1
    return number
