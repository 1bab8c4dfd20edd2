"""Days and times as they are on the clock of a club's wall."""

from __future__ import annotations

import datetime
import zoneinfo

from clubhouse.schedule.models import Club

DAY = datetime.timedelta(days=1)
#: The days a schedule may be asked for; beyond them no clock is sure, and the first and the last one have no neighbour.
FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2099, 12, 31)


def zone_of(club: Club) -> zoneinfo.ZoneInfo:
    """A club's time zone; UTC for an imported club that names one which does not exist."""
    try:
        return zoneinfo.ZoneInfo(club.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return zoneinfo.ZoneInfo("UTC")


def wall(moment: datetime.datetime, club: Club) -> datetime.datetime:
    """A moment on the club's own clock, without a time zone, so that a template shows it as it is."""
    return moment.astimezone(zone_of(club)).replace(tzinfo=None)


def moment(club: Club, day: datetime.date, time: datetime.time) -> datetime.datetime:
    """The moment at which the club's clock shows this day and time, in UTC."""
    return datetime.datetime.combine(day, time, zone_of(club)).astimezone(datetime.UTC)


def lasting(club: Club, begins: datetime.datetime, start: datetime.time, end: datetime.time) -> int:
    """How many minutes pass from a moment, at which the club's clock shows ``start``, until it shows ``end``.

    An end that is not later on the clock is on the next day. Where the clocks change in between, these are the minutes
    that pass and not those that the clock says; where it skips ``start``, so that none would pass, those it says.
    """
    day = begins.astimezone(zone_of(club)).date()
    there = datetime.datetime.combine(day if end > start else day + DAY, end)
    passing = moment(club, there.date(), end) - begins.replace(second=0, microsecond=0)
    if passing <= datetime.timedelta(0):
        passing = there - datetime.datetime.combine(day, start)
    return int(passing.total_seconds()) // 60


def bounds(club: Club, day: datetime.date) -> tuple[datetime.datetime, datetime.datetime]:
    """When a day of the club begins, and when the next one does, in UTC."""
    return moment(club, day, datetime.time()), moment(club, day + DAY, datetime.time())


def today(club: Club, now: datetime.datetime) -> datetime.date:
    """The club's date at ``now``."""
    return now.astimezone(zone_of(club)).date()
