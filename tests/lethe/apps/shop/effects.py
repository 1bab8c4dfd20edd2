"""What the shop owes the world outside when somebody is erased."""

from __future__ import annotations

from typing import Any

from lethe.outbox import handler


@handler("card.detach")
def detach(payload: dict[str, Any]) -> dict[str, Any]:
    """The bank forgets a card."""
    return {"provider": payload["provider"], "answer": "detached"}


@handler("shop.cancelled")
def cancelled(payload: dict[str, Any]) -> None:
    """The shop hears how many orders were cancelled."""
