"""What other systems are told: an erasure, what led to it, and its end; recorded in the transaction that did it."""

from __future__ import annotations

import datetime
import hashlib
import secrets
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.privacy.orders import ordered_by
from clubhouse.sets import Keys
from clubhouse.webhooks.models import Delivery, Endpoint
from lethe import outbox
from lethe.exceptions import Blocked
from lethe.models import Effect

DELIVER, COMPLETE = "webhook.deliver", "webhook.complete"
#: How soon, and how late at most, it is looked again whether all of an erasure is done.
SOONEST, LATEST = datetime.timedelta(seconds=5), datetime.timedelta(hours=1)
Emit = Callable[[str, dict[str, Any]], None]


def payload_for(
    endpoint: Endpoint,
    event: str,
    at: datetime.datetime,
    *,
    receipt: str = "",
    message: str = "",
    details: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The payload of one message to one endpoint; a message's id is drawn where none is given."""
    return {
        "endpoint": endpoint.pk,
        "business": endpoint.business_id,
        "message": message or f"msg_{secrets.token_hex(16)}",
        "event": event,
        "receipt": receipt,
        "details": dict(details or {}),
        "at": at.isoformat(),
    }


# --- an erasure -------------------------------------------------------------------------------------------------------
def tell_erased(
    receipts: Mapping[int, str],
    now: datetime.datetime,
    *,
    using: str,
    emit: Emit,
    reason: str = "",
    run: uuid.UUID | None = None,
) -> dict[str, int]:
    """Row P14: record one message for each erasure and each endpoint of its business. Two queries, and a third where
    somebody is to be told of the end too.

    ``receipts`` maps each client's key to the number of its receipt. What is recorded holds the number and never the
    key, and is recorded in order of the numbers, which are random. ``reason`` and ``run`` are the batch's.
    """
    businesses = dict(
        Client.objects.using(using).filter(pk__in=Keys(receipts)).values_list("pk", "business_id").iterator()
    )
    endpoints: dict[int, list[Endpoint]] = {}
    for endpoint in Endpoint.objects.using(using).filter(is_on=True, business__in=Keys(businesses.values())):
        endpoints.setdefault(endpoint.business_id, []).append(endpoint)
    messages = 0
    given: dict[int, list[str]] = {}
    details = {"ordered_by": ordered_by(reason)}
    for number, business in sorted((receipts[client], business) for client, business in businesses.items()):
        for endpoint in endpoints.get(business, ()):
            emit(DELIVER, payload_for(endpoint, Delivery.Event.ERASED, now, receipt=number, details=details))
            messages += 1
        if any(endpoint.hears_all for endpoint in endpoints.get(business, ())):
            given.setdefault(business, []).append(number)
    # No effect of the run, which would wait for itself.
    if run is not None and given:
        ends = [
            {"business": key, "receipts": numbers, "run": run.hex, "at": now.isoformat()}
            for key, numbers in given.items()
        ]
        outbox.record_all(COMPLETE, ends, using=using)
    return {"messages to other systems": messages}


def complete(payload: dict[str, Any], *, now: datetime.datetime) -> dict[str, Any]:
    """Tell that all of an erasure is done, outside the records too, once it is; returns a receipt.

    Raises ``lethe.outbox.NotYet`` until then: soon at first, later each hour. Messages to other systems are not waited
    for, so that one which is never reached keeps nothing from the others. Asked again it records none a second time.
    """
    if Effect.objects.filter(run=payload["run"], done_at=None).exclude(kind=DELIVER).exists():
        waited = now - datetime.datetime.fromisoformat(payload["at"])
        raise outbox.NotYet(now + min(max(waited / 10, SOONEST), LATEST))
    endpoints = Endpoint.objects.filter(business=payload["business"], is_on=True, hears_all=True).order_by("pk")
    messages = [
        payload_for(endpoint, Delivery.Event.COMPLETED, now, receipt=number, message=_end_of(number, endpoint))
        for number in payload["receipts"]
        for endpoint in endpoints
    ]
    # A worker that died before its receipt has recorded them: they wait in the run, or their deliveries have begun.
    before = set(
        Delivery.objects.filter(endpoint__in=endpoints, receipt__in=payload["receipts"]).values_list("message")
    )
    waiting = Effect.objects.filter(run=payload["run"], kind=DELIVER, done_at=None)
    known = {message for (message,) in before} | set(waiting.values_list("payload__message", flat=True))
    new = [message for message in messages if message["message"] not in known]
    Effect.objects.bulk_create([Effect(kind=DELIVER, payload=message, run_id=payload["run"]) for message in new])
    return {"messages": len(messages)}


def _end_of(number: str, endpoint: Endpoint) -> str:
    """The id of the message of an erasure's end: always the same, and of nobody else's making."""
    return f"msg_{hashlib.sha256(f'{number} {endpoint.pk} completed'.encode()).hexdigest()[:32]}"


# --- what leads to one ------------------------------------------------------------------------------------------------
def tell_blocked(business: int, error: Blocked, *, reason: str) -> None:
    """An erasure was ordered and refused. Which kinds of things stand in the way is told, and not of whom."""
    standing = sorted(finding.name for finding in error.findings)
    details = {"ordered_by": ordered_by(reason), "to_settle": standing}
    tell([(business, details)], Delivery.Event.BLOCKED, timezone.now())


def tell(
    about: Sequence[tuple[int, Mapping[str, Any]]],
    event: str,
    now: datetime.datetime,
    *,
    using: str = "default",
) -> None:
    """Record a message for each business and its details, to each of its endpoints that hears all. Two statements.

    ``details`` holds opaque numbers and words out of our own lists, nothing else.
    """
    endpoints = _hearing({business for business, _ in about}, using)
    messages = [
        payload_for(endpoint, event, now, details=details)
        for business, details in about
        for endpoint in endpoints.get(business, ())
    ]
    outbox.record_all(DELIVER, messages, using=using)


def _hearing(businesses: Iterable[int], using: str) -> dict[int, list[Endpoint]]:
    found: dict[int, list[Endpoint]] = {}
    rows = Endpoint.objects.using(using).filter(is_on=True, hears_all=True, business__in=Keys(businesses))
    for endpoint in rows.order_by("pk"):
        found.setdefault(endpoint.business_id, []).append(endpoint)
    return found
