"""One exception per cause. The docstring states the cause and the cure, and is what a person reads."""

from __future__ import annotations


class BillingError(Exception):
    """This could not be booked to the account; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(" ".join((self.__doc__ or "").split()))


class ClientErased(BillingError):
    """This record is deleted and read-only, so nothing is taken or paid for it any more."""


class NothingDue(BillingError):
    """Nothing is open on this invoice: it was paid, refunded or written off."""


class AmountNotDue(BillingError):
    """The amount must be more than nothing and at most what is open on the invoice."""


class NothingLeft(BillingError):
    """Nothing is left of this credit: it was used, refunded or forfeited."""
