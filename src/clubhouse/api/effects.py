"""What the API does from time to time."""

from __future__ import annotations

import datetime

from clubhouse.api.tokens import forget_old
from lethe.outbox import periodic


@periodic(seconds=3600)
def forget(now: datetime.datetime) -> None:
    """Forget answers and tokens that are over."""
    forget_old(now)
