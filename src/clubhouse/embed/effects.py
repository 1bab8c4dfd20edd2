"""What the embed does from time to time."""

from __future__ import annotations

import datetime

from clubhouse.embed.services import forget_ended
from lethe.outbox import periodic


@periodic(seconds=600)
def forget_sign_ins(now: datetime.datetime) -> None:
    """Forget sign-ins that have run out."""
    forget_ended(now)
