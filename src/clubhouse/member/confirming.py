"""Proving, before "Confirm Deletion", that it is the member: by password or, without one, by a mailed code (row F1)."""

from __future__ import annotations

import datetime
import secrets
import smtplib
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import F, QuerySet
from django.template.loader import render_to_string
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.member.models import DeletionCheck
from clubhouse.messages.handing_over import handing_over
from clubhouse.messages.mail import send
from clubhouse.sets import hold_clients

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: Wrong passwords or codes until the member has to wait, and for how long.
TRIES, WAIT = 5, datetime.timedelta(minutes=15)
#: How long a code works, how often it may be tried, and how soon the next can be had.
CODE_LASTS, CODE_TRIES, CODE_AGAIN = datetime.timedelta(minutes=10), 5, datetime.timedelta(minutes=1)


class NotConfirmed(Exception):
    """What was entered does not confirm the deletion; nothing was deleted. ``message`` says what to do.

    ``plain`` says it where something else than a deletion was to be confirmed.
    """

    def __init__(self, message: StrOrPromise, plain: StrOrPromise = "") -> None:
        super().__init__(message)
        self.message = message
        self.plain = plain or message


WRONG = _("This is not the password of your account. Capitals matter. Nothing was deleted.")
EMPTY = _("Enter your password. Nothing was deleted.")
WRONG_CODE = _("This is not the code we mailed, or it has run out. Ask for a new one. Nothing was deleted.")
TOO_OFTEN = format_lazy(
    _("There were {tries} tries in a short time. Wait 15 minutes, then try again. Nothing was deleted."), tries=TRIES
)
PLAIN_WRONG = _("This is not the password of your account. Capitals matter.")
PLAIN_EMPTY = _("Enter your password.")
PLAIN_WRONG_CODE = _("This is not the code we mailed, or it has run out. Ask for a new one.")
PLAIN_TOO_OFTEN = format_lazy(
    _("There were {tries} tries in a short time. Wait 15 minutes, then try again."), tries=TRIES
)
TOO_SOON = _("A code was mailed less than a minute ago. Look in your mailbox, or ask again in a minute.")
NO_MAIL = _(
    "The code could not be mailed just now. Try again in a few minutes, or ask your club to delete your account."
)


class AccountGone(Exception):
    """The account was deleted while this was asked: by a second click, in another tab, or by the club."""


@transaction.atomic
def prepare(member: Client, user: User) -> DeletionCheck:
    """The row a confirmation is counted in. It is made when the page is shown, so that the preview counts it.

    Waits for an erasure that is under way, and raises :class:`AccountGone` after it.
    """
    if not hold_clients([member.pk], using="default"):
        raise AccountGone
    return DeletionCheck.objects.get_or_create(user=user)[0]


def confirm(member: Client, user: User, entered: str, *, now: datetime.datetime) -> None:
    """Check the password, or the code of a member without one. Raises :class:`NotConfirmed` and
    :class:`AccountGone`.

    A try is counted before it is checked, so that many at once are no way around the limit.
    """
    if not entered:
        if user.has_usable_password():
            raise NotConfirmed(EMPTY, PLAIN_EMPTY)
        raise NotConfirmed(gettext("Enter the code. Nothing was deleted."), gettext("Enter the code."))
    prepare(member, user)
    mine = DeletionCheck.objects.filter(user=user)
    mine.filter(tries_since__lte=now - WAIT).update(tries=0, tries_since=now)
    if not mine.filter(tries__lt=TRIES).update(tries=F("tries") + 1):
        raise NotConfirmed(TOO_OFTEN, PLAIN_TOO_OFTEN)
    if user.has_usable_password():
        if not user.check_password(entered):
            raise NotConfirmed(WRONG, PLAIN_WRONG)
    elif not _code_fits(mine, entered, now):
        raise NotConfirmed(WRONG_CODE, PLAIN_WRONG_CODE)
    mine.update(tries=0)


def _code_fits(mine: QuerySet[DeletionCheck], entered: str, now: datetime.datetime) -> bool:
    live = mine.filter(code_tries__lt=CODE_TRIES, code_expires_at__gt=now).exclude(code_hash="")
    if not live.update(code_tries=F("code_tries") + 1):
        return False
    stored = mine.values_list("code_hash", flat=True).get()
    return check_password("".join(entered.split()), stored)


def use_up_code(user: User) -> None:
    """A code that confirmed something else than the deletion, which takes it along, confirms nothing more."""
    DeletionCheck.objects.filter(user=user).update(code_hash="")


def mail_code(member: Client, user: User, *, now: datetime.datetime, purpose: str = "deletion") -> None:
    """Mail a member without a password a code of six digits; an earlier one ends. Raises :class:`NotConfirmed`
    and :class:`AccountGone`.

    ``purpose`` is what the mail says it is for: ``deletion``, or ``other`` for anything else in the app.
    The code is kept as a slow hash, in a row that the erasure removes.
    """
    prepare(member, user)
    with handing_over(member.pk) as may:
        if not may:
            raise AccountGone
        _mail_code(member, user, now=now, purpose=purpose)


def _mail_code(member: Client, user: User, *, now: datetime.datetime, purpose: str) -> None:
    code = f"{secrets.randbelow(1_000_000):06d}"
    with transaction.atomic():
        check = DeletionCheck.objects.select_for_update().get(user=user)
        if check.code_sent_at is not None and check.code_sent_at > now - CODE_AGAIN:
            raise NotConfirmed(TOO_SOON)
        check.code_hash, check.code_tries = make_password(code), 0
        check.code_expires_at, check.code_sent_at = now + CODE_LASTS, now
        check.save()
    context = {
        "code": code,
        "business": member.business.name,
        "minutes": int(CODE_LASTS.total_seconds() // 60),
        "deletes": purpose == "deletion",
    }
    taken = False
    if settings.EMAIL_HOST:
        try:
            taken = send(
                user.email,
                gettext("Your code for %(business)s") % {"business": member.business.name},
                render_to_string("member/mail/code.txt", context),
                render_to_string("member/mail/code.html", context),
                key=("deletion code", secrets.token_hex(16)),
            )
        except (smtplib.SMTPException, OSError):
            taken = False
    if not taken:
        DeletionCheck.objects.filter(user=user).update(code_hash="", code_sent_at=None)
        raise NotConfirmed(NO_MAIL)
