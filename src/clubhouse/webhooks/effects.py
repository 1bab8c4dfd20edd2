"""Delivering webhooks after commit (row P14)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from clubhouse.webhooks import services, telling
from lethe.outbox import handler


@handler(telling.DELIVER)
def deliver(payload: dict[str, Any]) -> dict[str, Any]:
    """Send one message to one endpoint. Payload: endpoint, business, message, event, receipt, details and time."""
    return services.deliver(payload, now=timezone.now())


@handler(telling.COMPLETE)
def complete(payload: dict[str, Any]) -> dict[str, Any]:
    """Tell that all of an erasure is done. Payload: business, receipts, run and time."""
    return telling.complete(payload, now=timezone.now())
