"""What messages do after commit, and from time to time."""

from __future__ import annotations

import datetime
from typing import Any

from clubhouse.messages.digests import mail_staff, wait_for_more
from clubhouse.messages.handing_over import forget_dead
from clubhouse.messages.outgoing import send_due_client_messages
from clubhouse.messages.services import write_tasks
from lethe.outbox import handler, periodic


@handler("staff.mail")
def staff_mail(payload: dict[str, Any]) -> dict[str, Any]:
    """Mail the staff what is in their inboxes. Payload: ``{"notifications": [keys], "business": key}``."""
    wait_for_more(payload["notifications"])
    return mail_staff(payload["notifications"])


@handler("staff.tasks")
def staff_tasks(payload: dict[str, Any]) -> dict[str, Any]:
    """Make tasks that had to wait for a client's lock. Payload: ``{"tasks": [[kind, client key]]}``."""
    return {"lines": write_tasks((kind, client) for kind, client in payload["tasks"])}


@periodic(seconds=15)
def client_messages(now: datetime.datetime) -> None:
    """Send what is due to clients."""
    send_due_client_messages(now)
    forget_dead(now)
