"""One exception per cause. The docstring states the cause and the cure, and is what a person reads."""

from __future__ import annotations

from django.utils.translation import gettext


class BillingError(Exception):
    """This could not be booked to the account; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(gettext(" ".join((self.__doc__ or "").split())))


class ClientErased(BillingError):
    """This record is deleted and read-only, so nothing is taken or paid for it any more."""


class NothingDue(BillingError):
    """Nothing is open on this invoice: it was paid, refunded or written off."""


class AmountNotDue(BillingError):
    """The amount must be more than nothing and at most what is open on the invoice."""


class PaidMeanwhile(BillingError):
    """Something was paid or refunded since this page was shown, so nothing was done. Look at what is open now."""


class NotRefundable(BillingError):
    """Nothing of this payment can go back: it did not come in, or all of it went back already."""


class RefundTooLarge(BillingError):
    """The amount must be more than nothing and at most what is left of the payment."""


class StillOpen(BillingError):
    """Something is open on this invoice. Take the rest or write it off first, then refund what was paid."""


class UnderWay(BillingError):
    """A card payment of this invoice is under way. Wait until it has come through or failed."""


class NoCard(BillingError):
    """There is no stored card to charge, or no payment provider is connected. Take the payment in another way."""


class NotByProvider(BillingError):
    """The payment provider did not take this payment, or none is connected. Choose another way to refund it."""


class NothingLeft(BillingError):
    """Nothing is left of this credit: it was used, refunded or forfeited."""
