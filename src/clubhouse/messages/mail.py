"""Handing mail over: the staff's digests, and what was queued for clients. The only place from which mail leaves.

Nothing here is logged but kinds of failures: an address or a text in a log would be one more copy of a person.
"""

from __future__ import annotations

import datetime
import hashlib
import smtplib
import time
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from clubhouse.localisation.selectors import known_language
from clubhouse.messages.models import Notification
from clubhouse.schedule.models import Session
from clubhouse.sets import Keys
from clubhouse.team.models import StaffMember
from lethe.outbox import Retry

#: One effect is leased for two minutes; what is not mailed within this time is mailed at the next try.
BUDGET_SECONDS = 60
NO_SERVER = "no mail server; in the inbox only"


@dataclass(frozen=True)
class Line:
    """One line of a digest. ``what`` is the kind, ``title`` and ``when`` the session's, empty for a task."""

    what: str
    title: str = ""
    when: str = ""
    club: str = ""
    places: int = 0


def mail_staff(keys: Sequence[int], *, using: str = "default") -> dict[str, Any]:
    """Mail each recipient of these notifications one digest of theirs; returns a receipt of numbers.

    Raises ``lethe.outbox.Retry`` where the mail server could not take all. A recipient's lines are marked right after
    the server took the mail, so a retry goes on with the others; should the process die between the two, the same mail
    is sent again under the same Message-ID. Mail that the server refuses for good counts as refused and is not retried.
    """
    if not settings.EMAIL_HOST:
        return {"mail": NO_SERVER, "mailed": 0}
    rows = (
        Notification.objects.using(using)
        .filter(pk__in=Keys(keys))
        .select_related("recipient__user__reader_choice", "recipient__business__default_language", "session__club")
        .order_by("recipient_id", "session__starts_at", "pk")
    )
    digests: dict[int, list[Notification]] = {}
    for row in rows:
        digests.setdefault(row.recipient_id, []).append(row)
    tally = {"mailed": 0, "refused": 0, "no address": 0, "postponed": 0}
    waiting = [lines for lines in digests.values() if any(line.mailed_at is None for line in lines)]
    ends = time.monotonic() + BUDGET_SECONDS
    try:
        with get_connection() as connection:
            for lines in waiting:
                if time.monotonic() > ends:
                    raise Retry("The mail server is slow; the rest is mailed at the next try.")
                tally[_mail_digest(lines, connection, using)] += 1
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"The mail server did not take the mail ({type(error).__name__}).") from None
    if postponed := tally.pop("postponed"):
        raise Retry(f"The mail server asked to come back later for {postponed} of {len(waiting)} mails.")
    return tally | {"mailed before": len(digests) - len(waiting)}


def _mail_digest(lines: list[Notification], connection: BaseEmailBackend, using: str) -> str:
    """Send one recipient's digest; returns what became of it. Raises where the server takes nothing from anyone."""
    recipient = lines[0].recipient
    outcome = "mailed"
    key = ("staff", *(line.pk for line in lines))
    try:
        if not recipient.user.is_active or not recipient.user.email:
            outcome = "no address"
        elif not send(recipient.user.email, *_in_language(recipient, lines), key=key, over=connection):
            outcome = "refused"
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
        # For now, and this one only: the others must not wait for a full mailbox.
        return "postponed"
    mine = Notification.objects.using(using).filter(pk__in=Keys(line.pk for line in lines))
    mine.update(mailed_at=timezone.now())
    return outcome


def _in_language(recipient: StaffMember, lines: list[Notification]) -> tuple[str, str, str]:
    """The digest in its reader's language."""
    with override(known_language(recipient.user, recipient.business)):
        return _digest(lines)


def _digest(lines: list[Notification]) -> tuple[str, str, str]:
    """Subject, text and HTML of a digest."""
    said = [_line(line) for line in lines]
    count = len(said)
    subject = ngettext("A place became free", "%(count)s changes to your sessions", count) % {"count": count}
    if all(line.session_id is None for line in lines):
        subject = ngettext("A client needs your help", "%(count)s clients need your help", count) % {"count": count}
    elif count == 1 and lines[0].kind == Notification.Kind.APPOINTMENT_CANCELLED:
        subject = _("An appointment was cancelled")
    context = {"lines": said, "inbox": settings.SITE_URL.rstrip("/") + reverse("messages:inbox"), "subject": subject}
    return (
        subject,
        render_to_string("messages/mail/digest.txt", context),
        render_to_string("messages/mail/digest.html", context),
    )


def _line(notification: Notification) -> Line:
    what = notification.get_kind_display()
    if notification.session is None:
        return Line(what)
    session = notification.session
    return Line(what, session.title, when(session), session.club.name, notification.places)


def when(session: Session) -> str:
    """A session's day and time in its club's time zone, named: "Tue 3 Mar 2026, 18:00 GMT"; in the active language."""
    try:
        zone = zoneinfo.ZoneInfo(session.club.timezone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        # An imported club may name a zone that does not exist; UTC is said as what it is.
        zone = zoneinfo.ZoneInfo("UTC")
    local = session.starts_at.astimezone(zone)
    return f"{formats.date_format(local, 'D j M Y, H:i')} {local.tzname()}"


def send(
    address: str, subject: str, text: str, html: str, *, key: Sequence[object], over: BaseEmailBackend | None = None
) -> bool:
    """Hand one mail over. Returns False where the server refuses it for good; raises where it cannot take it now.

    ``key`` decides the Message-ID: the same mail sent twice can be recognised as one.
    """
    digest = hashlib.sha256("/".join(str(part) for part in key).encode()).hexdigest()[:32]
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ") or "localhost"
    mail = EmailMultiAlternatives(
        subject, text, to=[address], connection=over, headers={"Message-ID": f"<{digest}@{domain}>"}
    )
    mail.attach_alternative(html, "text/html")
    try:
        return bool(mail.send())
    except smtplib.SMTPRecipientsRefused as error:
        if all(code >= 500 for code, _ in error.recipients.values()):
            return False
        raise
    except smtplib.SMTPDataError as error:
        if error.smtp_code >= 500:
            return False
        raise


def in_minutes(now: datetime.datetime, attempts: int) -> datetime.datetime:
    """When a message that failed so many times is tried again: after 1, 2, 4 … minutes, at most six hours."""
    return now + datetime.timedelta(minutes=min(2 ** max(attempts - 1, 0), 360))
