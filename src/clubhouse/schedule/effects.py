"""What the schedule does outside the transaction that asked for it, and from time to time."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timezone

from clubhouse.schedule.promotion import expire_offers, offer_freed_places
from lethe.outbox import handler, periodic


@handler("schedule.offer_places")
def offer_places(payload: dict[str, Any]) -> dict[str, Any]:
    """Offer places again that stayed free because whoever was next was under erasure at that moment."""
    passed = offer_freed_places(payload["sessions"], now=timezone.now())
    return {"given": passed.given, "offered": passed.offered}


@periodic(seconds=30)
def pass_on_offers(now: datetime.datetime) -> None:
    """Pass on the offers that have run out."""
    expire_offers(now)
