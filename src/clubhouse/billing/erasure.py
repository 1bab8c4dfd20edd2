"""Money stays in the books, without a name on it; stored payment methods go (rows F8, H17)."""

from __future__ import annotations

from clubhouse.billing.models import Invoice, Payment, StoredCard
from lethe import Policy, delete_rows, emit, keep_rows, register

BOOKS = "revenue and aged debt are counted by club, day and state"


@register(Invoice)
class InvoicePolicy(Policy):
    """The sale stays, the billing name and address go. News of it may still arrive, without personal data."""

    path = "client"
    rows = keep_rows(BOOKS)
    clear = ("billing_name", "billing_address", "reference", "once_key", "paid_by")
    keep = {
        ("club", "description", "amount", "currency", "status", "due_on", "written_off_reason"): BOOKS,
        "number": "invoices are numbered without gaps, as the tax office requires",
    }
    # An invoice that somebody else pays is addressed to whoever pays it.
    unlink = {"paid_by": ("billing_name", "billing_address")}


@register(Payment)
class PaymentPolicy(Policy):
    """A refund or a chargeback can come after the erasure: such a row is history."""

    path = "invoice__client"
    rows = keep_rows(BOOKS, until="refunds and chargebacks can no longer come, 13 months after the payment")
    history = True
    keep = {
        ("amount", "status", "paid_on", "method"): BOOKS,
        "provider_reference": "a refund or a chargeback that the provider reports is found by it; it names no one",
    }


@register(StoredCard)
class StoredCardPolicy(Policy):
    """Tokens go at once; at the provider the method, and the customer it is kept under, go after commit."""

    path = "client"
    rows = delete_rows()
    secrets = ("customer_token", "card_token")
    not_sought = ("provider", "brand")
    emits = (
        emit("payment.detach_method", skip_empty="card_token", method="card_token", provider="provider"),
        emit(
            "payment.delete_customer",
            skip_empty="customer_token",
            once=True,
            customer="customer_token",
            provider="provider",
        ),
    )
