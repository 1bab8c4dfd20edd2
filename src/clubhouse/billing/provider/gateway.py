"""What is asked of the payment provider: cancel, detach, delete (rows F13, H17). All of it can be asked twice.

The provider's own words never leave here: they name subscriptions, cards and customers.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import Any

import stripe
from django.conf import settings

from lethe.outbox import Retry

#: The only provider there is a connection to, as ``StoredCard.provider`` names it.
STRIPE = "stripe"
#: Seconds to connect and to wait for an answer; both tries together are well within an effect's lease.
TIMEOUT = (5.0, 20.0)

stripe.enable_telemetry = False


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


def _ask(deed: Callable[[stripe.StripeClient], object], *, done: str) -> str:
    try:
        deed(_client(settings.STRIPE_KEY, settings.STRIPE_API))
    except stripe.InvalidRequestError as error:
        return _refused(error)
    except (stripe.AuthenticationError, stripe.PermissionError):
        raise Retry("The payment provider refused the key; check CLUBHOUSE_STRIPE_KEY.") from None
    except stripe.RateLimitError:
        raise Retry("The payment provider asked to come back later.") from None
    except stripe.APIConnectionError:
        raise Retry("The payment provider did not answer.") from None
    except stripe.StripeError as error:
        raise Retry(f"The payment provider failed (status {error.http_status}).") from None
    return done


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
    return stripe.StripeClient(
        key,
        base_addresses=addresses,
        # One repetition at once; whatever lasts longer is the outbox's.
        max_network_retries=1,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )
