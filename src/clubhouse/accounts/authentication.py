"""Finding whose sign-in it is, without telling who exists."""

from __future__ import annotations

from dataclasses import dataclass

from clubhouse.accounts.models import Business, User

#: Password checks made for every attempt without a business: time does not tell how many accounts an address has.
CHECKS = 2


@dataclass(frozen=True)
class Found:
    """The account of an attempt; ``ambiguous`` where the right password fits accounts of several businesses."""

    user: User | None = None
    ambiguous: bool = False


def find(*, audience: str, email: str, password: str, business: Business | None = None, named: bool = False) -> Found:
    """The one active account that this address and password open.

    ``named`` says that the person named a business; with ``business`` None then, it is one that does not exist, and the
    attempt fails as any other, in the same time.
    """
    accounts = User.objects.filter(audience=audience, email__iexact=email.strip()).select_related("business")
    if named:
        accounts = accounts.filter(business=business) if business else accounts.none()
    else:
        accounts = accounts.filter(business__isnull=False)
    candidates = list(accounts)
    fits = [user for user in candidates if user.check_password(password) and user.is_active]
    for _ in range((1 if named else CHECKS) - len(candidates)):
        User().set_password(password)
    if len(fits) > 1:
        return Found(ambiguous=True)
    return Found(user=fits[0] if fits else None)
