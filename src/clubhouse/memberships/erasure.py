"""What was sold stays counted; the subscriptions are cancelled first (row F13)."""

from __future__ import annotations

from clubhouse.memberships.models import AccountCredit, Membership, Package
from lethe import Policy, emit, keep_rows, register

SALES = "sales are counted by plan, price and month"


@register(Membership)
class MembershipPolicy(Policy):
    """A sale of the past, for nobody. What the provider may still bill is cancelled there, whatever its state here."""

    path = "client"
    rows = keep_rows(SALES)
    emits = (
        emit(
            "payment.cancel_subscription",
            skip_empty="provider_reference",
            subscription="provider_reference",
            membership="id",
        ),
    )
    clear = ("provider_reference", "reference", "paid_by")
    keep = {
        (
            "plan",
            "status",
            "starts_on",
            "cancelled_on",
            "cancellation_reason",
            "ends_on",
            "frozen_from",
            "frozen_until",
            "period_months",
            "billed_until",
            "price",
            "currency",
        ): SALES,
    }
    unlink = {"paid_by": ()}


@register(Package)
class PackagePolicy(Policy):
    """Credits sold, used and forfeited stay counted."""

    path = "client"
    rows = keep_rows(SALES)
    clear = ("reference", "paid_by")
    keep = {
        (
            "name",
            "sold_on",
            "credits_total",
            "credits_used",
            "credits_forfeited",
            "forfeited_reason",
            "expires_on",
        ): SALES
    }
    unlink = {"paid_by": ()}


@register(AccountCredit)
class AccountCreditPolicy(Policy):
    """What the club owed stays in the books; why, in free text, does not."""

    path = "client"
    rows = keep_rows("liabilities are counted by month")
    clear = ("reason", "reference")
    keep = {
        (
            "amount",
            "used",
            "forfeited",
            "forfeited_reason",
            "currency",
            "granted_on",
        ): "liabilities are counted by month"
    }
