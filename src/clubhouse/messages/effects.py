"""What messages do after commit, and from time to time."""

from __future__ import annotations

import datetime
from typing import Any

from clubhouse.messages.mail import mail_staff
from clubhouse.messages.outgoing import send_due_client_messages
from lethe.outbox import handler, periodic


@handler("staff.mail")
def staff_mail(payload: dict[str, Any]) -> dict[str, Any]:
    """Mail the staff what is in their inboxes. Payload: ``{"notifications": [keys]}``."""
    return mail_staff(payload["notifications"])


@periodic(seconds=15)
def client_messages(now: datetime.datetime) -> None:
    """Send what is due to clients."""
    send_due_client_messages(now)
