"""What is queued for clients leaves, and never for a client who is erased (row F12).

At least once, not at most once: a client who is never told "You have a place" does not come and loses the credit, while
a mail that comes twice (only where the process dies between the server's answer and the mark) has the same Message-ID.
"""

from __future__ import annotations

import datetime
import logging
import smtplib
import zoneinfo
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import override

from clubhouse.localisation.selectors import known_language, zone
from clubhouse.messages.handing_over import handing_over
from clubhouse.messages.mail import in_minutes, send, when
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.moves import began, changes, no_longer_concerned
from clubhouse.sets import Keys

log = logging.getLogger("clubhouse.messages")

#: How many messages a worker takes at once, how long they are its own, and after how many failures it stops trying.
TAKE = 50
LEASE = datetime.timedelta(minutes=20)
MOST_ATTEMPTS = 12
#: Read along with a message: whom it is for, in which language they read, and where the class is.
READ_WITH = (
    "client__user__reader_choice",
    "client__business__default_language",
    "session__club",
    "session__trainer",
)
#: Worth nothing once the session has begun.
ABOUT_A_PLACE = (
    ClientMessage.Kind.PLACE_GIVEN,
    ClientMessage.Kind.PLACE_OFFERED,
    ClientMessage.Kind.REMINDER,
    ClientMessage.Kind.MOVED,
    ClientMessage.Kind.WAITING_ENDED,
)


def send_due_client_messages(now: datetime.datetime, *, using: str = "default") -> int:
    """Send what is due by mail; returns how many the mail server took. Does nothing where there is no mail server."""
    if not settings.EMAIL_HOST:
        return 0
    return sum(_send(key, using) for key in _take(now, using))


def _take(now: datetime.datetime, using: str) -> list[int]:
    """Lease messages that are due. No two workers have the same one while the lease lasts."""
    rows = ClientMessage.objects.using(using)
    free = Q(leased_until=None) | Q(leased_until__lte=now)
    due = rows.filter(free, sent_at=None, send_after__lte=now, channel=ClientMessage.Channel.MAIL)
    with transaction.atomic(using=using):
        # Too late to be of use; to send it would only confuse.
        due.filter(kind__in=ABOUT_A_PLACE, session__starts_at__lte=now).delete()
        no_longer_concerned(due).delete()
        wanted = due.filter(attempts__lt=MOST_ATTEMPTS).order_by("send_after", "pk")
        if connections[using].features.has_select_for_update_skip_locked:
            wanted = wanted.select_for_update(skip_locked=True)
        keys = list(wanted.values_list("pk", flat=True)[:TAKE])
        rows.filter(pk__in=Keys(keys)).update(leased_until=now + LEASE)
    return keys


def _send(key: int, using: str) -> bool:
    """Send one leased message, unless its client has been erased in the meantime: then the row is gone."""
    rows = ClientMessage.objects.using(using).filter(pk=key, sent_at=None)
    client = rows.values_list("client_id", flat=True).first()
    if client is None:
        return False
    with handing_over(client, using=using) as may:
        message = rows.select_related(*READ_WITH).first() if may else None
        if message is None:
            return False
        if message.kind == ClientMessage.Kind.MOVED and not changes(message):
            # Changed back while it was in hand: there is nothing to tell.
            rows.delete()
            return False
        rows.update(attempts=F("attempts") + 1)
        if not message.client.email:
            rows.update(attempts=MOST_ATTEMPTS)
            return False
        try:
            taken = send(message.client.email, *_in_language(message), key=("client", message.pk))
        except (smtplib.SMTPException, OSError) as error:
            rows.update(leased_until=in_minutes(timezone.now(), message.attempts + 1))
            log.warning("Message %s was not taken by the mail server: %s", message.pk, type(error).__name__)
            return False
        if taken:
            rows.update(sent_at=timezone.now(), leased_until=None)
        else:
            rows.update(attempts=MOST_ATTEMPTS)
        return taken


def _in_language(message: ClientMessage) -> tuple[str, str, str]:
    """The message in its reader's language."""
    choice = getattr(message.client.user, "reader_choice", None)
    own = zone(choice.timezone) if choice is not None and choice.timezone else None
    with override(known_language(message.client.user, message.client.business)):
        return _text(message, own)


def _text(message: ClientMessage, own: zoneinfo.ZoneInfo | None) -> tuple[str, str, str]:
    """Subject, text and HTML, on the reader's own clock as well. The subject names no session: it shows on a locked
    telephone."""
    subject = message.get_kind_display()
    session = message.session
    context: dict[str, Any] = {"subject": subject, "kind": message.kind, "session": session}
    if session is not None:
        context["when"] = when(session, own)
    if message.kind == ClientMessage.Kind.MOVED and session is not None:
        context["changed"] = changes(message)
        context["before"] = when(session, own, at=began(message))
    return (
        subject,
        render_to_string("messages/mail/client.txt", context),
        render_to_string("messages/mail/client.html", context),
    )
