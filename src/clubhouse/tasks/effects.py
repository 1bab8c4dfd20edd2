"""What tasks do from time to time."""

from __future__ import annotations

import datetime

from clubhouse.tasks.services import tick_settled
from lethe.outbox import periodic


@periodic(seconds=60)
def tick(now: datetime.datetime) -> None:
    """Tick off what has settled itself. The list leaves it out at once; this notes when."""
    tick_settled(now)
