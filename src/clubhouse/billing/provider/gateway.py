"""What is asked of the payment provider: cancel, freeze, detach, delete (rows F13, H17), charge and refund. All of it
can be asked twice.

The provider's own words never leave here: they name subscriptions, cards and customers.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone

from lethe.outbox import NotYet, Retry

if TYPE_CHECKING:
    import stripe

#: The only provider there is a connection to, as ``StoredCard.provider`` names it.
STRIPE = "stripe"
#: Seconds to connect and to wait for an answer; both tries together are well within an effect's lease.
TIMEOUT = (5.0, 20.0)

#: Redaction jobs are a public preview; this is the version in which they are asked for here.
PREVIEW = "2025-05-28.preview"
#: How long to leave a redaction job alone that is still being looked through or carried out.
PATIENCE = datetime.timedelta(minutes=10)
#: States of a subscription that will bill nothing more.
ENDED = {"canceled", "incomplete_expired"}


@functools.cache
def sdk() -> Any:
    """The provider's package, imported when it is first needed: it takes longer than all else that a start imports."""
    import stripe

    stripe.enable_telemetry = False
    return stripe


def connected(provider: str = STRIPE) -> bool:
    """Whether there is a connection to this provider: a key is set, and it is the one we speak to."""
    return bool(settings.STRIPE_KEY) and provider == STRIPE


def cancel_subscription(token: str, *, prorate: bool) -> str:
    """Cancel a subscription at once; returns "cancelled" or "was gone". ``prorate`` lets the provider work out the
    unused part and bill it now. Raises ``lethe.outbox.Retry``."""
    params: Any = {"prorate": prorate, "invoice_now": prorate}
    return _ask(lambda api: api.v1.subscriptions.cancel(token, params), done="cancelled")


def detach_method(token: str) -> str:
    """Take a payment method from its customer, for good; returns "detached" or "was gone". Raises ``Retry``."""
    # A lost answer is asked for again under the same key, and the deed is done once.
    once: Any = {"idempotency_key": f"detach-{hashlib.sha256(token.encode()).hexdigest()[:40]}"}
    return _ask(lambda api: api.v1.payment_methods.detach(token, options=once), done="detached")


def delete_customer(token: str) -> str:
    """Delete a customer and what is kept under it; returns "deleted" or "was gone". Raises ``Retry``."""
    return _ask(lambda api: api.v1.customers.delete(token), done="deleted")


def customer_of(subscription: str) -> str:
    """The customer that a subscription is under, an ended one too; "" where it is gone. Raises ``Retry``."""
    params: Any = {"expand": ["customer"]}
    try:
        found = _call(lambda api: api.v1.subscriptions.retrieve(subscription, params))
    except sdk().InvalidRequestError as error:
        _refused(error)
        return ""
    customer = getattr(found, "customer", None)
    return "" if customer is None or getattr(customer, "deleted", False) else str(getattr(customer, "id", customer))


def running_under(customer: str) -> list[str]:
    """The subscriptions under a customer that have not ended; none where the customer is gone. Raises ``Retry``."""
    params: Any = {"customer": customer, "limit": 100}
    try:
        found = _call(lambda api: list(api.v1.subscriptions.list(params).auto_paging_iter()))
        return [one.id for one in found if one.status not in ENDED]
    except sdk().InvalidRequestError as error:
        _refused(error)
        return []


def redact_customer(token: str, *, job: str, made: Callable[[str], None]) -> str:
    """Have all that the provider keeps of a customer redacted; returns "redacted" or "was gone".

    ``job`` is the one made before, "" at first; ``made`` is given its id, to be kept for the next time: the key under
    which it is made once is remembered there for a day, and a second job would wait for the first for ever. It is run
    when the provider has looked through it. Raises ``lethe.outbox.NotYet`` while the provider works on it, and
    ``Retry``; one that could not be run is looked through again with each try.
    """
    once = f"redact-{hashlib.sha256(token.encode()).hexdigest()[:40]}"
    jobs = "/v1/privacy/redaction_jobs"
    try:
        if not job:
            new = _raw("post", jobs, objects={"customers": [token]}, validation_behavior="fix", idempotency_key=once)
            job = str(new["id"])
            made(job)
        state = _raw("get", f"{jobs}/{job}").get("status")
        if state == "ready":
            state = _raw("post", f"{jobs}/{job}/run").get("status")
        elif state == "failed":
            _raw("post", f"{jobs}/{job}/validate")
    except sdk().InvalidRequestError as error:
        return _refused(error)
    if state == "succeeded":
        return "redacted"
    if state in {"validating", "ready", "redacting"}:
        raise NotYet(timezone.now() + PATIENCE)
    raise Retry("The payment provider could not redact the customer; its dashboard says what is in the way.")


def _raw(method: str, path: str, **params: Any) -> dict[str, Any]:
    """Ask for what the package has no method for."""
    answer = _call(lambda api: api.raw_request(method, path, stripe_version=PREVIEW, **params))
    return dict(answer.data)


def freeze_subscription(token: str) -> str:
    """Let nothing be collected for a subscription until it is unfrozen; returns "frozen" or "was gone"."""
    params: Any = {"pause_collection": {"behavior": "void"}}
    return _ask(lambda api: api.v1.subscriptions.update(token, params), done="frozen")


def unfreeze_subscription(token: str) -> str:
    """Collect for a subscription again; returns "unfrozen" or "was gone"."""
    params: Any = {"pause_collection": ""}
    return _ask(lambda api: api.v1.subscriptions.update(token, params), done="unfrozen")


def prepare_charge(units: int, currency: str, *, customer: str, method: str, once: str) -> str:
    """Make a payment that still takes no money and return its reference; "" where the card or customer is gone.

    ``units`` are the currency's smallest. The same ``once`` makes it once. Raises ``Retry``.
    """
    params: Any = {"amount": units, "currency": currency.lower(), "customer": customer, "payment_method": method}
    options: Any = {"idempotency_key": f"charge-{once}"}
    try:
        return str(_call(lambda api: api.v1.payment_intents.create(params, options=options)).id)
    except sdk().InvalidRequestError as error:
        _refused(error)
        return ""


def confirm_charge(reference: str) -> str:
    """Take the money of a payment that was prepared; returns "succeeded", "processing" or "declined". Raises ``Retry``.

    The state is asked first, so that a payment whose answer was lost is not taken twice.
    """
    params: Any = {"off_session": True}
    try:
        intent = _call(lambda api: api.v1.payment_intents.retrieve(reference))
        if intent.status == "requires_confirmation":
            intent = _call(lambda api: api.v1.payment_intents.confirm(reference, params))
        if intent.status == "requires_action":
            # The bank wants to see the client, who is not at the provider's page. It is not left open.
            intent = _call(lambda api: api.v1.payment_intents.cancel(reference))
    except sdk().CardError:
        return "declined"
    except sdk().InvalidRequestError as error:
        _refused(error)
        return "declined"
    return str(intent.status) if intent.status in {"succeeded", "processing"} else "declined"


def end_charge(reference: str) -> str:
    """Give up a payment that was prepared; returns as :func:`confirm_charge`, what became of it if it was too late.

    Left open it would keep the customer and the card's token there, and keep a redaction waiting. Raises ``Retry``.
    """
    try:
        intent = _call(lambda api: api.v1.payment_intents.retrieve(reference))
        if str(intent.status).startswith("requires_"):
            intent = _call(lambda api: api.v1.payment_intents.cancel(reference))
    except sdk().InvalidRequestError as error:
        _refused(error)
        return "declined"
    return str(intent.status) if intent.status in {"succeeded", "processing"} else "declined"


def refund(reference: str, units: int, *, once: str) -> str:
    """Send a part of a payment back to the card; returns "refunded" or "refused". Raises ``Retry``.

    What went back before is asked first: a key is remembered there for a day only.
    """
    of: Any = {"charge" if reference.startswith("ch_") else "payment_intent": reference}
    params: Any = of | {"amount": units, "metadata": {"once": once}}
    options: Any = {"idempotency_key": f"refund-{once}"}
    try:
        gone = _call(lambda api: api.v1.refunds.list(of | {"limit": 100}))
        if any(getattr(one.metadata, "once", "") == once for one in gone.data):
            return "refunded"
        _call(lambda api: api.v1.refunds.create(params, options=options))
    except sdk().InvalidRequestError:
        return "refused"
    return "refunded"


def _ask(deed: Callable[[stripe.StripeClient], object], *, done: str) -> str:
    try:
        _call(deed)
    except sdk().InvalidRequestError as error:
        return _refused(error)
    return done


def _call(deed: Callable[[stripe.StripeClient], Any]) -> Any:
    """What the provider answers. Raises ``Retry``, and lets through what it says of a card or a request."""
    try:
        return deed(_client(settings.STRIPE_KEY, settings.STRIPE_API))
    except (sdk().InvalidRequestError, sdk().CardError):
        raise
    except (sdk().AuthenticationError, sdk().PermissionError):
        raise Retry("The payment provider refused the key; check CLUBHOUSE_STRIPE_KEY.") from None
    except sdk().RateLimitError:
        raise Retry("The payment provider asked to come back later.") from None
    except sdk().APIConnectionError:
        raise Retry("The payment provider did not answer.") from None
    except sdk().StripeError as error:
        raise Retry(f"The payment provider failed (status {error.http_status}).") from None


def _refused(error: stripe.InvalidRequestError) -> str:
    """What is gone already is done; anything else is tried again."""
    said = str(error.user_message or "")
    if "similar object exists in" in said:
        # Not gone at all: a test key asks for what is live, or the other way round.
        raise Retry("The payment provider knows this under the other mode; CLUBHOUSE_STRIPE_KEY is a test or live key.")
    if error.http_status == 404 or error.code == "resource_missing" or "not attached to a customer" in said:
        return "was gone"
    raise Retry(f"The payment provider refused (status {error.http_status}).")


@functools.lru_cache(maxsize=4)
def _client(key: str, address: str) -> stripe.StripeClient:
    addresses: Any = {"api": address} if address else {}
    client: stripe.StripeClient = sdk().StripeClient(
        key,
        base_addresses=addresses,
        # One repetition at once; whatever lasts longer is the outbox's.
        max_network_retries=1,
        http_client=sdk().RequestsClient(timeout=TIMEOUT),
    )
    return client
