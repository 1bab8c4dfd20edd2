"""Delivering messages to other systems after commit; endpoints and their secrets."""

from __future__ import annotations

import datetime
import json
import time
from typing import Any, NoReturn

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.webhooks.addresses import NotAllowed
from clubhouse.webhooks.models import OVERLAP, Delivery, Endpoint, new_secret
from clubhouse.webhooks.sending import NotReached, post
from clubhouse.webhooks.telling import DELIVER, payload_for
from lethe import outbox
from lethe.models import Effect
from lethe.outbox import Retry

#: The longest that an endpoint is left alone after a failure, in seconds.
LONGEST_PAUSE = 600
#: Seconds after which an answer is slow. What is slow is left alone for some times as long, so that a worker is the
#: others' for most of the time.
SLOW, SHARE = 5.0, 9


# --- delivering -------------------------------------------------------------------------------------------------------
def deliver(payload: dict[str, Any], *, now: datetime.datetime) -> dict[str, Any]:
    """Send one message; returns a receipt. Raises ``lethe.outbox.Retry`` where the endpoint did not take it.

    An endpoint that failed is left alone for a while, so that the messages to it do not hold up those to others.
    """
    endpoint = Endpoint.objects.select_related("business").filter(pk=payload["endpoint"]).first()
    if endpoint is None:
        return {"outcome": "the endpoint was removed"}
    if not endpoint.is_on:
        return {"outcome": "the endpoint is switched off"}
    if endpoint.paused_until is not None and endpoint.paused_until > now:
        raise Retry(endpoint_said("failed or was slow a moment ago and is left alone for a while"))
    delivery, _ = Delivery.objects.get_or_create(
        endpoint=endpoint,
        message=payload["message"],
        defaults={
            "event": payload["event"],
            "receipt": payload["receipt"],
            "details": payload.get("details", {}),
            "occurred_at": datetime.datetime.fromisoformat(payload["at"]),
        },
    )
    began = time.monotonic()
    try:
        status = post(
            endpoint.url, delivery.message, _body(endpoint, delivery), secrets=endpoint.secrets_at(now), now=now
        )
    except NotAllowed as error:
        return _failed(endpoint, delivery, now, began, None, str(error))
    except NotReached as error:
        return _failed(endpoint, delivery, now, began, None, endpoint_said(f"was not reached: {error}"))
    if 200 <= status < 300:
        _noted(delivery, now, answer=status, error="", delivered_at=now)
        rest = _rest(began)
        paused_until = now + rest if rest else None
        Endpoint.objects.filter(pk=endpoint.pk).update(failures=0, paused_until=paused_until)
        return {"outcome": "delivered", "status": status}
    if status == 410:
        # By the rules of Standard Webhooks the other side wants no more.
        _noted(delivery, now, answer=status, error=endpoint_said("answered 410 and was switched off"))
        Endpoint.objects.filter(pk=endpoint.pk).update(is_on=False)
        return {"outcome": "the endpoint is gone and was switched off", "status": status}
    more = "; redirects are not followed" if 300 <= status < 400 else ""
    return _failed(endpoint, delivery, now, began, status, endpoint_said(f"answered {status}{more}"))


def endpoint_said(what: str) -> str:
    """A cause in words. It never holds the address, which may hold a key of the other system."""
    return f"The endpoint {what}."


def _body(endpoint: Endpoint, delivery: Delivery) -> str:
    """The message: opaque numbers, the business, and when. Built again for each try, from what is kept."""
    data = {"business": endpoint.business.slug} | delivery.details
    if delivery.receipt:
        data["receipt"] = delivery.receipt
    said = {"type": delivery.event, "timestamp": delivery.occurred_at.isoformat(), "data": data}
    return json.dumps(said, separators=(",", ":"))


def _rest(began: float) -> datetime.timedelta:
    """How long an endpoint is left alone for what it took since ``began`` (of ``time.monotonic``)."""
    took = time.monotonic() - began
    return datetime.timedelta(seconds=took * SHARE if took > SLOW else 0)


def _failed(
    endpoint: Endpoint, delivery: Delivery, now: datetime.datetime, began: float, answer: int | None, cause: str
) -> NoReturn:
    _noted(delivery, now, answer=answer, error=cause)
    pause = datetime.timedelta(seconds=min(2 ** min(endpoint.failures + 1, 20), LONGEST_PAUSE))
    until = now + max(pause, _rest(began))
    Endpoint.objects.filter(pk=endpoint.pk).update(failures=F("failures") + 1, paused_until=until)
    raise Retry(cause)


def _noted(delivery: Delivery, now: datetime.datetime, **changes: Any) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(attempts=F("attempts") + 1, tried_at=now, **changes)


# --- endpoints --------------------------------------------------------------------------------------------------------
def add(business: Business, *, url: str, description: str, hears_all: bool = False) -> Endpoint:
    """Register an address, with a secret of its own; one that is there already is given back as it is. The form has
    checked the address."""
    given = {"description": description, "hears_all": hears_all}
    made, _ = Endpoint.objects.get_or_create(business=business, url=url, defaults=given)
    return made


@transaction.atomic
def change(endpoint: Endpoint, *, url: str, description: str, is_on: bool, hears_all: bool = False) -> None:
    """Change an endpoint. What waits for it goes to the new address, at once."""
    locked = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    locked.url, locked.description, locked.is_on, locked.hears_all = url, description, is_on, hears_all
    locked.failures, locked.paused_until = 0, None
    locked.save(update_fields=["url", "description", "is_on", "hears_all", "failures", "paused_until"])
    if is_on:
        _waiting(locked).update(next_try_at=timezone.now())


@transaction.atomic
def rotate(endpoint: Endpoint, *, now: datetime.datetime) -> None:
    """Draw a new secret. For :data:`OVERLAP` each message carries both signatures, then the old one ends."""
    locked = Endpoint.objects.select_for_update().get(pk=endpoint.pk)
    locked.previous_secret, locked.previous_secret_until = locked.secret, now + OVERLAP
    locked.secret = new_secret()
    locked.save(update_fields=["secret", "previous_secret", "previous_secret_until"])


def remove(endpoint: Endpoint) -> None:
    """Remove an endpoint with its log. What still waits for it is then done."""
    with transaction.atomic():
        _waiting(endpoint).update(next_try_at=timezone.now())
        endpoint.delete()


def send_test(endpoint: Endpoint) -> None:
    """Send a message that says nothing, to see whether it arrives."""
    outbox.record(DELIVER, payload_for(endpoint, Delivery.Event.TEST, timezone.now()))


@transaction.atomic
def send_again(delivery: Delivery) -> None:
    """Send a message once more, now, under the same id: a receiver that has it already knows it by that.

    One that is still waiting for its next try is not doubled, it is tried now.
    """
    endpoint = delivery.endpoint
    Endpoint.objects.filter(pk=endpoint.pk).update(paused_until=None)
    if not _waiting(endpoint).filter(payload__message=delivery.message).update(next_try_at=timezone.now()):
        given = {"receipt": delivery.receipt, "message": delivery.message, "details": delivery.details}
        outbox.record(DELIVER, payload_for(endpoint, delivery.event, delivery.occurred_at, **given))


def _waiting(endpoint: Endpoint) -> Any:
    return Effect.objects.filter(kind=DELIVER, done_at=None, payload__endpoint=endpoint.pk)
