"""What the member app does from time to time."""

from __future__ import annotations

import datetime

from clubhouse.member.accounts import forget_old_links
from lethe.outbox import periodic


@periodic(seconds=600)
def forget_links(now: datetime.datetime) -> None:
    """Forget the sign-up links that have run out."""
    forget_old_links(now)
