"""What is owed to the payment provider after commit (rows F13, H17)."""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings

from clubhouse.billing import charges, refunds
from clubhouse.billing.models import StoredCard
from clubhouse.billing.provider import gateway
from clubhouse.billing.provider.news import forget_old_events
from clubhouse.memberships.freezing import LIVE
from clubhouse.memberships.models import Membership
from lethe.models import Effect
from lethe.outbox import handler, keep, performing, periodic, record

DELETE_CUSTOMER = "payment.delete_customer"

#: The receipt's words where there is nobody to ask.
NO_PROVIDER = {"outcome": "no payment provider"}


@handler("payment.cancel_subscription")
def cancel_subscription(payload: dict[str, Any]) -> dict[str, Any]:
    """Cancel a subscription. Payload: ``{"subscription": token, "membership": key}``.

    Where its client is erased, the customer it was under goes too: not every customer has a card that is kept here.
    """
    if not gateway.connected():
        return NO_PROVIDER
    wants = Membership.objects.filter(pk=payload["membership"]).values_list("client__business__prorate_cancelled")
    prorate = bool(wants.first() == (True,))
    said = {"outcome": gateway.cancel_subscription(payload["subscription"], prorate=prorate), "prorated": prorate}
    effect = performing()
    if effect is not None and effect.run_id is not None:
        _owe_customer(gateway.customer_of(payload["subscription"]), effect)
    return said


def _owe_customer(customer: str, effect: Effect) -> None:
    """Record, in the run that cancels a subscription, that its customer is deleted, unless a card's is waiting there to
    do it."""
    same = Effect.objects.filter(run=effect.run_id, kind=DELETE_CUSTOMER, payload__customer=customer)
    if customer and not same.exists():
        record(DELETE_CUSTOMER, {"customer": customer, "provider": gateway.STRIPE}, run=effect.run_id)


@handler("payment.freeze_subscription")
def freeze_subscription(payload: dict[str, Any]) -> dict[str, Any]:
    """Freeze or unfreeze at the provider what is so here by now. Payload: ``{"membership": key}``."""
    row = Membership.objects.filter(pk=payload["membership"]).values_list("status", "provider_reference").first()
    status, token = row or ("", "")
    if not token or status not in {Membership.Status.ACTIVE, Membership.Status.FROZEN}:
        return {"outcome": "nothing to freeze any more"}
    if not gateway.connected():
        return NO_PROVIDER
    frozen = status == Membership.Status.FROZEN
    return {"outcome": (gateway.freeze_subscription if frozen else gateway.unfreeze_subscription)(token)}


@handler("payment.charge_card")
def charge_card(payload: dict[str, Any]) -> dict[str, Any]:
    """Take a payment from a stored card. Payload: ``{"payment": key, "card": key, "once": random}``."""
    return {"outcome": charges.take(payload["payment"], payload["card"], payload["once"])}


@handler("payment.refund")
def refund(payload: dict[str, Any]) -> dict[str, Any]:
    """Send money back to a card. Payload: ``{"payment": key of the refund, "once": random}``."""
    return {"outcome": refunds.send(payload["payment"], payload["once"])}


@handler("payment.detach_method")
def detach_method(payload: dict[str, Any]) -> dict[str, Any]:
    """Detach a payment method. Payload: ``{"method": token, "provider": name}``.

    The same person may be a client of two businesses that share an account at the provider: the other keeps it.
    """
    if not gateway.connected(payload["provider"]):
        return NO_PROVIDER
    if StoredCard.objects.filter(provider=payload["provider"], card_token=payload["method"]).exists():
        return {"outcome": "kept: another client's card has it"}
    return {"outcome": gateway.detach_method(payload["method"])}


@handler(DELETE_CUSTOMER)
def delete_customer(payload: dict[str, Any]) -> dict[str, Any]:
    """Delete a customer. Payload: ``{"customer": token, "provider": name}``.

    A family may share one customer. It stays while another client's card is kept under it or another's membership is
    billed under it (the provider ends what runs under a customer with it), and goes with the last of them. Where the
    account has redaction jobs and the deployment wants them, what is left of the customer is redacted then.
    """
    provider, customer = payload["provider"], payload["customer"]
    if not gateway.connected(provider):
        return NO_PROVIDER
    if StoredCard.objects.filter(provider=provider, customer_token=customer).exists():
        return {"outcome": "kept: another client's card is under it"}
    running = gateway.running_under(customer)
    if Membership.objects.filter(provider_reference__in=running, status__in=LIVE).exists():
        return {"outcome": "kept: another client's subscription is under it"}
    said = {"outcome": gateway.delete_customer(customer)}
    if settings.STRIPE_REDACT:
        job = payload.get("redaction", "")
        said["redaction"] = gateway.redact_customer(customer, job=job, made=lambda made: keep(redaction=made))
    return said


@periodic(seconds=3600)
def tidy(now: datetime.datetime) -> None:
    """Forget which news has come, once it can come no more."""
    forget_old_events(now)
