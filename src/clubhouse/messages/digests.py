"""The staff's mail: one digest for each recipient of all that happened in a short while (row F11). It names no client.

A digest's lines are fixed before its first try, and it has a key of its own. So a try whose answer was lost, or whose
worker died, is followed by the same mail under the same Message-ID, and what came in since is in the next one.
"""

from __future__ import annotations

import datetime
import secrets
import smtplib
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connections, transaction
from django.db.models import Min, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from clubhouse.localisation.selectors import known_language, zone
from clubhouse.messages.mail import send
from clubhouse.messages.models import Notification
from clubhouse.messages.telling import say
from clubhouse.sets import Keys, update_each
from clubhouse.team.models import StaffMember
from lethe.outbox import LEASE, NotYet, Retry
from lethe.points import reached

#: One effect is leased for two minutes; what is not mailed within this time is mailed at the next try.
BUDGET_SECONDS = 60
#: Lines of other effects go along only while they are news. Without a mail server lines stay unmailed for good, and
#: the first digest after one was connected must not bring a year of them.
NEWS = datetime.timedelta(days=1)
NO_SERVER = "no mail server; in the inbox only"


def wait_for_more(keys: Sequence[int], *, using: str = "default") -> None:
    """Raise ``lethe.outbox.NotYet`` while the first of these lines is so new that more may follow it."""
    rows = Notification.objects.using(using).filter(pk__in=Keys(keys), mailed_at=None)
    first = rows.aggregate(first=Min("created_at"))["first"]
    if first is None or not settings.EMAIL_HOST:
        return
    until = first + datetime.timedelta(seconds=settings.STAFF_MAIL_SECONDS)
    if until > timezone.now():
        raise NotYet(until)


def mail_staff(keys: Sequence[int], *, using: str = "default") -> dict[str, Any]:
    """Mail each recipient of these notifications all that is new for them, in one digest; returns a receipt of numbers.

    Raises ``lethe.outbox.Retry`` where the mail server could not take all. A recipient's lines are marked right after
    the server took the mail, so a retry goes on with the others. Mail that the server refuses for good counts as
    refused and is not retried. A fixed number of queries, and one for each mail that was handed over.
    """
    if not settings.EMAIL_HOST:
        return {"mail": NO_SERVER, "mailed": 0}
    recipients = Notification.objects.using(using).filter(pk__in=Keys(keys)).values("recipient").distinct().count()
    digests = _taken(keys, using)
    tally = {"mailed": 0, "refused": 0, "no address": 0, "postponed": 0}
    ends = time.monotonic() + BUDGET_SECONDS
    waiting = list(digests)
    try:
        with get_connection() as connection:
            for key in digests:
                if time.monotonic() > ends:
                    raise Retry("The mail server is slow; the rest is mailed at the next try.")
                outcome = _mail_digest(key, digests[key], connection, using)
                tally[outcome] += 1
                if outcome != "postponed":
                    waiting.remove(key)
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"The mail server did not take the mail ({type(error).__name__}).") from None
    finally:
        # Given back, so that the next try does not wait until the claim has run out.
        rest = [line.pk for key in waiting for line in digests[key]]
        if rest:
            Notification.objects.using(using).filter(pk__in=Keys(rest), mailed_at=None).update(mailing_since=None)
    if postponed := tally.pop("postponed"):
        raise Retry(f"The mail server asked to come back later for {postponed} of {len(digests)} mails.")
    left = Notification.objects.using(using).filter(pk__in=Keys(keys), mailed_at=None)
    others = left.aggregate(since=Min("mailing_since"))["since"]
    if others is not None:
        # Another worker is just mailing them; this effect is done when that one is.
        raise NotYet(others + LEASE)
    return tally | {"mailed before": max(recipients - len({rows[0].recipient_id for rows in digests.values()}), 0)}


def _taken(keys: Sequence[int], using: str) -> dict[str, list[Notification]]:
    """Take in hand all that is to be mailed to the recipients of these lines; digest key to lines, in order.

    No two workers have the same line while the claim lasts. Four queries, however many there are.
    """
    now = timezone.now()
    rows = Notification.objects.using(using)
    mine = rows.filter(pk__in=Keys(keys))
    free = Q(mailing_since=None) | Q(mailing_since__lt=now - LEASE) | Q(mailing_since__gt=now + LEASE)
    news = Q(pk__in=Keys(keys)) | Q(created_at__gt=now - NEWS, read_at=None)
    # A digest that was tried before is sent whole, however old and read its other lines are by now.
    news |= Q(mail_key__in=mine.exclude(mail_key="").values("mail_key"))
    with transaction.atomic(using=using):
        open_lines = rows.filter(free, news, mailed_at=None, recipient__in=mine.values("recipient")).order_by("pk")
        if connections[using].features.has_select_for_update_skip_locked:
            open_lines = open_lines.select_for_update(skip_locked=True, of=("self",))
        drawn: dict[int, str] = {}
        chosen = {
            pk: key or drawn.setdefault(recipient, secrets.token_hex(16))
            for pk, recipient, key in open_lines.values_list("pk", "recipient_id", "mail_key")
        }
        update_each(Notification, "mail_key", chosen, using=using)
        rows.filter(pk__in=Keys(chosen)).update(mailing_since=now)
    lines = (
        rows.filter(pk__in=Keys(chosen))
        .select_related("recipient__user__reader_choice", "recipient__business__default_language", "session__club")
        .order_by("recipient_id", "session__starts_at", "pk")
    )
    digests: dict[str, list[Notification]] = {}
    for line in lines:
        digests.setdefault(line.mail_key, []).append(line)
    return digests


def _mail_digest(key: str, lines: list[Notification], connection: BaseEmailBackend, using: str) -> str:
    """Send one recipient's digest; returns what became of it. Raises where the server takes nothing from anyone."""
    recipient = lines[0].recipient
    outcome = "mailed"
    try:
        if not recipient.user.is_active or not recipient.user.email:
            outcome = "no address"
        elif not send(recipient.user.email, *_in_language(recipient, lines), key=("staff", key), over=connection):
            outcome = "refused"
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
        # For now, and this one only: the others must not wait for a full mailbox.
        return "postponed"
    reached("mail handed over")
    mine = Notification.objects.using(using).filter(pk__in=Keys(line.pk for line in lines))
    mine.update(mailed_at=timezone.now(), mailing_since=None)
    return outcome


def _in_language(recipient: StaffMember, lines: list[Notification]) -> tuple[str, str, str]:
    """The digest in its reader's language: subject, text and HTML."""
    choice = getattr(recipient.user, "reader_choice", None)
    with override(known_language(recipient.user, recipient.business)):
        said = say(lines, own=zone(choice.timezone) if choice is not None and choice.timezone else None)
        context = {"said": said, "inbox": settings.SITE_URL.rstrip("/") + reverse("messages:inbox")}
        return (
            said.subject,
            render_to_string("messages/mail/digest.txt", context),
            render_to_string("messages/mail/digest.html", context),
        )
