"""What memberships do from time to time."""

from __future__ import annotations

import datetime

from clubhouse.memberships.freezing import keep_dates
from clubhouse.memberships.renewal import bill_next_periods
from lethe.outbox import periodic


@periodic(seconds=600)
def keep_memberships(now: datetime.datetime) -> None:
    """Freeze, unfreeze and end memberships on their days, then bill the next periods."""
    keep_dates(now)
    bill_next_periods(now)
