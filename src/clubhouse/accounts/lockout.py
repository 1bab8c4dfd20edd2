"""Lockout at sign-in: counted by django-axes, by keys that say nothing of a person (row H14).

At the sign-in of a business, tries are counted for the account. An address without an account, and the sign-in that
names no business, are counted under a keyed hash of the day: whether there is an account can be told neither from the
answer nor from what locks what, and bad tries in one business never lock anybody of another.

axes is handed a request without an address, a browser or a form, so it has nothing to store but the key.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from clubhouse.accounts.models import Business, User

#: axes wants an IP address that is never NULL, or its unique constraint does not hold; this one is nobody's.
NOWHERE = "0.0.0.0"  # noqa: S104 - never listened on


def account_key(user: User) -> str:
    """What tries for an account are counted under: its own key, by which the erasure finds them too."""
    return str(user.pk)


def address_key(audience: str, slug: str, email: str, *, now: datetime.datetime | None = None) -> str:
    """What tries are counted under where no account is known: it changes every day and leads back to no address.

    ``slug`` is the business's, as it was given; "" at the sign-in that names none.
    """
    day = (now or timezone.now()).astimezone(datetime.UTC).date()
    said = f"{day} {audience} {slug.lower()} {email.strip().lower()}"
    return "day:" + salted_hmac("clubhouse.accounts.lockout", said, algorithm="sha256").hexdigest()


def key_for(audience: str, slug: str, email: str) -> str:
    """The key of a try: the account's, where a business was named and has one with this address. One query."""
    if slug:
        rows = User.objects.filter(business__slug=slug.lower(), audience=audience, email__iexact=email.strip())
        if (user := rows.only("pk").first()) is not None:
            return account_key(user)
    return address_key(audience, slug, email)


@dataclass
class Attempt:
    """One try at a door. Counted before the password is checked, so that many at once are no way around the limit."""

    key: str
    allowed: bool = field(init=False)

    def __post_init__(self) -> None:
        self.allowed = not is_locked(self.key) and count(self.key) <= settings.AXES_FAILURE_LIMIT

    def succeeded(self) -> None:
        """Forget the tries under this key."""
        clear(self.key)


def is_locked(key: str) -> bool:
    """Whether there were too many tries under a key, the last of them less than the cool-off ago."""
    return bool(AxesProxyHandler.is_locked(_nobody(), _credentials(key)))


def count(key: str) -> int:
    """Count a try under a key; returns how many there are."""
    AxesProxyHandler.user_login_failed("clubhouse", _credentials(key), _nobody())
    return int(AxesProxyHandler.get_failures(_nobody(), _credentials(key)))


def clear(*keys: str) -> int:
    """Forget the tries under some keys; returns how many keys had any."""
    return int(AccessAttempt.objects.filter(username__in=keys).delete()[1].get("axes.AccessAttempt", 0))


def unlock(user: User) -> bool:
    """Let an account try again at both doors; returns whether there was anything to forget."""
    return bool(clear(account_key(user), address_key(user.audience, "", user.email)))


def locked_until(user: User) -> datetime.datetime | None:
    """Until when an account cannot be signed in to at its business's door, for the administrator's page."""
    row = AccessAttempt.objects.filter(
        username=account_key(user), failures_since_start__gte=settings.AXES_FAILURE_LIMIT
    ).first()
    until = row.attempt_time + settings.AXES_COOLOFF_TIME if row else None
    return until if until and until > timezone.now() else None


def forget_old(now: datetime.datetime) -> int:
    """Delete what the cool-off has made meaningless; returns how many rows. Called from time to time."""
    return int(AccessAttempt.objects.filter(attempt_time__lte=now - settings.AXES_COOLOFF_TIME).delete()[0])


class Handler(AxesDatabaseHandler):
    """axes' own counting, with nothing of the request in it, whoever calls."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        """Count a failure. Django's own signal says which account was tried, and hands over the whole request."""
        key = credentials.get(User.USERNAME_FIELD)
        if key is None and credentials.get("email"):
            business = credentials.get("business")
            slug = business.slug if isinstance(business, Business) else ""
            key = key_for(credentials.get("audience", User.Audience.TEAM), slug, credentials["email"])
        if key is not None:
            nobody = _nobody()
            AxesProxyHandler.update_request(nobody)
            super().user_login_failed(sender, _credentials(key), nobody, **kwargs)

    def user_logged_in(self, sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        """A sign-in forgets the account's bad tries."""
        clear(account_key(user))

    def user_logged_out(self, sender: Any, request: HttpRequest, user: User | None, **kwargs: Any) -> None:
        """Nothing is kept of it."""


def _credentials(key: str) -> dict[str, str]:
    return {User.USERNAME_FIELD: key}


def _nobody() -> HttpRequest:
    request = HttpRequest()
    request.method, request.META = "POST", {"REMOTE_ADDR": NOWHERE}
    return request
