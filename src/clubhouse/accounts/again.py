"""The own password once more, right before something that cannot be undone."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts import lockout
from clubhouse.accounts.models import User

#: The field's name in whichever form asks.
FIELD = "own_password"
EMPTY = _("Enter your own password. Nothing was deleted.")
WRONG = _("This is not the password you sign in with. Capitals matter. Nothing was deleted.")
TOO_OFTEN = _(
    "There were too many tries. Wait 15 minutes, or ask another administrator to unlock your sign-in. "
    "Nothing was deleted."
)


@dataclass(frozen=True)
class Refusal:
    """Why the password does not confirm it, and the HTTP status that goes with it."""

    message: str | Promise
    status: int = 422


def refusal(request: HttpRequest) -> Refusal | None:
    """What is wrong with the password that a form sent; None where it is right. A wrong one counts as a bad try."""
    return wrong_with(request.user, request.POST.get(FIELD, ""))  # type: ignore[arg-type]


def wrong_with(user: User, entered: str) -> Refusal | None:
    """The same, of a password that came by another way than a form."""
    if not entered:
        return Refusal(EMPTY)
    attempt = lockout.Attempt(lockout.account_key(user))
    if not attempt.allowed:
        return Refusal(TOO_OFTEN, 429)
    if not user.check_password(entered):
        return Refusal(WRONG)
    attempt.succeeded()
    return None
