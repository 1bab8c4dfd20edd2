"""A new password by a mailed link: it says the same whoever exists, works once and for an hour (row H14).

What is asked for is a row, made whether or not there is an account. The mail is an effect: it is handed over by the
worker, which draws the link's token only then. An erasure deletes the row, and with it the link and an unsent mail.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import smtplib
from typing import Any

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from clubhouse.accounts import addresses, lockout
from clubhouse.accounts.models import Business, PasswordReset, Session, User
from clubhouse.localisation.selectors import known_language
from clubhouse.messages.handing_over import handing_over
from clubhouse.messages.mail import send
from clubhouse.sets import hold_clients
from lethe import outbox
from lethe.models import Effect
from lethe.outbox import Retry

MAIL = "account.mail_reset"
#: Read along with a request: whom it is for, and in which language they read.
READ_WITH = ("user__business__default_language", "user__reader_choice", "user__client")
#: How long a link works, how many mails an address gets in a day, and how long what was asked is remembered for that.
LASTS, MAILS_A_DAY, REMEMBERED = datetime.timedelta(hours=1), 3, datetime.timedelta(days=1)


class LinkOver(Exception):
    """This link was used before, is older than an hour, or another one was mailed since. Ask for a new one."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


# --- asking -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def ask(audience: str, slug: str, email: str, *, now: datetime.datetime) -> None:
    """Ask for a link to the account of a business with this address. Nothing tells whether there is one.

    ``slug`` is the business's. After some mails in a day an address gets no more, which nothing tells either.
    """
    today = lockout.address_key(audience, slug, email, now=now).removeprefix("day:")
    if PasswordReset.objects.filter(asked_today=today).count() >= MAILS_A_DAY:
        return
    row = PasswordReset.objects.create(user_id=_account(audience, slug, email), asked_today=today, asked_at=now)
    outbox.record(MAIL, {"reset": row.pk})


def _account(audience: str, slug: str, email: str) -> int | None:
    """The key of the account; a member who is being erased has none any more."""
    rows = User.objects.filter(
        business__slug=slug.lower(), audience=audience, email__iexact=email.strip(), is_active=True
    )
    key, client = rows.values_list("pk", "client").first() or (None, None)
    if client is not None and not hold_clients([client], using="default"):
        return None
    return key


# --- mailing ----------------------------------------------------------------------------------------------------------
def mail(reset: int, *, now: datetime.datetime) -> dict[str, Any]:
    """Mail the link of one request; returns a receipt without identifiers. Raises ``lethe.outbox.Retry``.

    Each try draws a new token, so a mail that came twice holds one link that works. An account that was erased since
    gets no mail: its request is gone.
    """
    row = PasswordReset.objects.select_related(*READ_WITH).filter(pk=reset).first()
    if row is None:
        return {"outcome": "withdrawn"}
    if row.user is None or not row.user.is_active:
        return {"outcome": "nobody to mail to"}
    if row.asked_at <= now - LASTS:
        return {"outcome": "too late to be of use"}
    if not settings.EMAIL_HOST:
        return {"outcome": "no mail server"}
    token = secrets.token_urlsafe(32)
    with override(known_language(row.user, row.user.business)):  # type: ignore[arg-type]
        subject, text, html = _mail(row.user, token)
    client = getattr(row.user, "client", None)
    with handing_over(client and client.pk) as may:
        if not may or not PasswordReset.objects.filter(pk=reset, user=row.user).update(token_hash=_hash(token)):
            return {"outcome": "withdrawn"}
        PasswordReset.objects.filter(user=row.user).exclude(pk=reset).update(token_hash="")
        try:
            taken = send(row.user.email, subject, text, html, key=("password", secrets.token_hex(16)))
        except (smtplib.SMTPException, OSError) as error:
            raise Retry(f"The mail server did not take the mail ({type(error).__name__}).") from None
    return {"outcome": "mailed" if taken else "refused"}


def _mail(user: User, token: str) -> tuple[str, str, str]:
    business: Business = user.business  # type: ignore[assignment]
    context = {
        "business": business.name,
        "link": settings.SITE_URL.rstrip("/") + reverse("password-choose", args=[token]),
        "minutes": int(LASTS.total_seconds() // 60),
    }
    subject = _("A new password for %(business)s") % {"business": " ".join(business.name.split())}
    return (
        subject,
        render_to_string("accounts/mail/reset.txt", context),
        render_to_string("accounts/mail/reset.html", context),
    )


# --- using ------------------------------------------------------------------------------------------------------------
def account_of(token: str, *, now: datetime.datetime) -> User | None:
    """The account that a link opens; None where it opens nothing."""
    row = PasswordReset.objects.select_related("user__business").filter(**_live(token, now)).first()
    return row.user if row is not None else None


@transaction.atomic
def use(token: str, password: str, *, now: datetime.datetime) -> User:
    """Set the password that a link asked for, once. Every sign-in and every other link of the account ends, and its
    lock opens. Raises :class:`LinkOver`."""
    found = account_of(token, now=now)
    if found is None:
        raise LinkOver
    if client := getattr(found, "client", None):
        hold_clients([client.pk], using="default")
    # Two who use it at once follow each other here, and the second finds it used; so does who waited for an erasure.
    row = PasswordReset.objects.select_for_update().filter(**_live(token, now)).first()
    if row is None or row.user_id is None:
        raise LinkOver
    user = User.objects.select_for_update().select_related(None).get(pk=row.user_id)
    user.set_password(password)
    user.save(update_fields=["password"])
    Session.objects.filter(user=user).delete()
    PasswordReset.objects.filter(user=user).update(token_hash="", user=None)
    addresses.withdraw(user)
    lockout.unlock(user)
    return found


def _live(token: str, now: datetime.datetime) -> dict[str, Any]:
    return {"token_hash": _hash(token), "asked_at__gt": now - LASTS, "user__is_active": True}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# --- forgetting -------------------------------------------------------------------------------------------------------
def forget_old(now: datetime.datetime) -> int:
    """Delete requests of yesterday, and the outbox's rows about them; returns how many requests. Two statements."""
    Effect.objects.filter(kind=MAIL, run=None, done_at__lte=now - REMEMBERED).delete()
    return PasswordReset.objects.filter(asked_at__lte=now - REMEMBERED).delete()[0]
