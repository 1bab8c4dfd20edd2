"""What the privacy pages do from time to time."""

from __future__ import annotations

import datetime
from typing import Any

from clubhouse.privacy.overdue import tell_administrators
from clubhouse.privacy.residue import report
from lethe.outbox import handler, periodic


@handler("residue.found")
def residue_found(payload: dict[str, Any]) -> dict[str, Any]:
    """Tell administrators where somebody who was deleted is still named. Payload: ``{"run": whose, "places": rows,
    "total": how many}``."""
    return {"lines": report(payload["places"], payload["run"]), "places": payload["total"]}


@periodic(seconds=600)
def long_failing(now: datetime.datetime) -> None:
    """Tell administrators of what has been failing for long."""
    tell_administrators(now)
