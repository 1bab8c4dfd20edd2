"""What accounts do after commit, and from time to time."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timezone

from clubhouse.accounts import addresses, lockout, resets, signing_in
from lethe.outbox import handler, periodic


@handler(resets.MAIL)
def mail_reset(payload: dict[str, Any]) -> dict[str, Any]:
    """Mail a link for a new password. Payload: ``{"reset": key of the request}``."""
    return resets.mail(payload["reset"], now=timezone.now())


@handler(addresses.MAIL)
def mail_new_address(payload: dict[str, Any]) -> dict[str, Any]:
    """Mail a link to a new address. Payload: ``{"change": key of the request}``."""
    return addresses.mail(payload["change"], now=timezone.now())


@handler(addresses.NOTE)
def mail_address_changed(payload: dict[str, Any]) -> dict[str, Any]:
    """Tell the old addresses of a change. Payload: ``{"change": key of the request}``."""
    return addresses.mail_note(payload["change"])


@periodic(seconds=300)
def tidy(now: datetime.datetime) -> None:
    """Forget what the cool-off, the day and the end of a session have made meaningless."""
    lockout.forget_old(now)
    resets.forget_old(now)
    addresses.forget_old(now)
    signing_in.forget_ended(now)
