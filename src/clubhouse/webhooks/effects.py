"""Delivering webhooks after commit (row P14)."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from clubhouse.webhooks import services
from lethe.outbox import handler


@handler(services.DELIVER)
def deliver(payload: dict[str, Any]) -> dict[str, Any]:
    """Send one message to one endpoint. Payload: endpoint, business, message, event, receipt and time."""
    return services.deliver(payload, now=timezone.now())
