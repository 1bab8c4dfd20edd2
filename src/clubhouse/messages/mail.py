"""Handing mail over. The only place from which the staff's digests and the messages to clients leave.

Nothing here is logged but kinds of failures: an address or a text in a log would be one more copy of a person.
"""

from __future__ import annotations

import datetime
import hashlib
import smtplib
import zoneinfo
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import formats
from django.utils.translation import gettext as _

from clubhouse.localisation.selectors import zone
from clubhouse.schedule.models import Session

#: So that nobody's absence note comes back: RFC 3834's header, and the one that Exchange heeds.
NOBODY_WRITES = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def when(session: Session, own: zoneinfo.ZoneInfo | None = None, *, at: datetime.datetime | None = None) -> str:
    """A session's day and time, with its zone: "Tue 3 Mar 2026, 18:00 GMT"; in the active language.

    ``own`` is the reader's clock: where it shows another time than the club's, both are said, so that whoever reads
    from elsewhere neither misses the class nor works out the hours. ``at`` is another moment than that of its start.
    """
    moment = at or session.starts_at
    # An imported club may name a zone that does not exist; UTC is said as what it is.
    club = _said(moment, zone(session.club.timezone) or zoneinfo.ZoneInfo("UTC"))
    there = _said(moment, own) if own is not None else club
    return club if there == club else _("%(there)s (in the club: %(at)s)") % {"there": there, "at": club}


def _said(moment: datetime.datetime, clock: zoneinfo.ZoneInfo) -> str:
    local = moment.astimezone(clock)
    return f"{formats.date_format(local, 'D j M Y, H:i')} {local.tzname()}"


def send(
    address: str, subject: str, text: str, html: str, *, key: Sequence[object], over: BaseEmailBackend | None = None
) -> bool:
    """Hand one mail over. Returns False where the server refuses it for good, or the address can be nobody's; raises
    ``smtplib.SMTPException`` or ``OSError`` where it cannot be taken now.

    ``key`` decides the Message-ID: the same mail sent twice can be recognised as one.
    """
    digest = hashlib.sha256("/".join(str(part) for part in key).encode()).hexdigest()[:32]
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip("> ") or "localhost"
    mail = EmailMultiAlternatives(
        # A subject is one line, whatever a business is called.
        " ".join(subject.split()),
        text,
        to=[address],
        connection=over,
        headers={"Message-ID": f"<{digest}@{domain}>"} | NOBODY_WRITES,
    )
    mail.attach_alternative(html, "text/html")
    try:
        return bool(mail.send())
    except ValueError:
        # Django's own refusal of an address. Its text quotes it, and nobody else's mail may wait for it.
        return False
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
