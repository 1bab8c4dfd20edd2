"""What support does from time to time."""

from __future__ import annotations

import datetime

from clubhouse.support.services import close_old
from lethe.outbox import periodic


@periodic(seconds=3600)
def close_old_cases(now: datetime.datetime) -> None:
    """Close the requests that nobody has gone on with."""
    close_old(now)
