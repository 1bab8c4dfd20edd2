"""A member's own new address: a link that was mailed to it confirms it, once and for a day (row P5).

What is asked for is a row; it says the same whether or not the address is another's. The mails are effects: they are
handed over by the worker, which draws the link's token only then. An erasure deletes the row, and with it the link and
what is unsent. A new password, whichever way it came, ends what was asked for before it.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
import smtplib
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from clubhouse.accounts import lockout
from clubhouse.accounts.models import AddressChange, Business, PasswordReset, User
from clubhouse.accounts.signing_in import end_everywhere
from clubhouse.clients.models import Client
from clubhouse.clients.services import ErasedClientError, update_client
from clubhouse.localisation.selectors import known_language
from clubhouse.messages.mail import send
from clubhouse.sets import hold_clients
from lethe import outbox
from lethe.models import Effect
from lethe.outbox import Retry

MAIL, NOTE = "account.mail_new_address", "account.mail_address_changed"
READ_WITH = ("user__business__default_language", "user__reader_choice")
#: How long a link works and what was asked is remembered; how many an account asks for and an address gets meanwhile.
LASTS, MAILS_A_DAY = datetime.timedelta(days=1), 3


class AskedEnough(Exception):
    """The account has asked for three links within a day."""


class LinkOver(Exception):
    """This link was used before, is older than a day, or another one was mailed since."""


# --- asking -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def ask(member: Client, user: User, email: str, *, now: datetime.datetime) -> bool:
    """Ask for a link to a new address; an earlier one ends. Returns False where the member is just being erased.

    Raises :class:`AskedEnough`. Nothing tells whether the address is another's, or has had many mails today.
    """
    if not hold_clients([member.pk], using="default"):
        return False
    # Two at once are counted one after the other.
    User.objects.select_for_update().get(pk=user.pk)
    mine = AddressChange.objects.filter(user=user)
    if mine.filter(asked_at__gt=now - LASTS).count() >= MAILS_A_DAY:
        raise AskedEnough
    mine.update(token_hash="", new_email="")
    slug = user.business.slug if user.business else ""
    today = lockout.address_key(user.audience, slug, email, now=now).removeprefix("day:")
    flooded = AddressChange.objects.filter(asked_today=today).count() >= MAILS_A_DAY
    row = AddressChange.objects.create(user=user, new_email=email.strip(), asked_today=today, asked_at=now)
    if not flooded:
        outbox.record(MAIL, {"change": row.pk})
    return True


def pending(user: User, *, now: datetime.datetime) -> AddressChange | None:
    """What an account has asked for and not confirmed yet."""
    return AddressChange.objects.filter(user=user, asked_at__gt=now - LASTS).exclude(new_email="").first()


def withdraw(user: User) -> None:
    """End what was asked for: somebody else may have asked, with the password that is being replaced."""
    AddressChange.objects.filter(user=user).update(token_hash="", new_email="")


# --- mailing ----------------------------------------------------------------------------------------------------------
def mail(change: int, *, now: datetime.datetime) -> dict[str, Any]:
    """Mail the link of one request to the new address; returns a receipt without identifiers.

    Where the address is another's, the mail says so, to who has its mailbox alone. Each try draws a new token. Raises
    ``lethe.outbox.Retry``.
    """
    row = AddressChange.objects.select_related(*READ_WITH).filter(pk=change).exclude(new_email="").first()
    if row is None or not row.user.is_active:
        return {"outcome": "withdrawn"}
    if row.asked_at <= now - LASTS:
        return {"outcome": "too late to be of use"}
    if not settings.EMAIL_HOST:
        return {"outcome": "no mail server"}
    token = "" if _is_anothers(row.user, row.new_email) else secrets.token_urlsafe(32)
    if not AddressChange.objects.filter(pk=change).exclude(new_email="").update(token_hash=_hash(token)):
        return {"outcome": "withdrawn"}
    link = settings.SITE_URL.rstrip("/") + reverse("address-confirm", args=[token]) if token else ""
    return {"outcome": "mailed" if _hand_over(row.user, row.new_email, "new_address", link) else "refused"}


def mail_note(change: int) -> dict[str, Any]:
    """Tell the old addresses what happened, and forget each as it is told; returns a receipt without identifiers.

    Raises ``lethe.outbox.Retry``.
    """
    row = AddressChange.objects.select_related(*READ_WITH).filter(pk=change).first()
    if row is None or not row.told:
        return {"outcome": "withdrawn"}
    if not settings.EMAIL_HOST:
        return {"outcome": "no mail server"}
    tally = {"mailed": 0, "refused": 0}
    for n, address in enumerate(row.told, 1):
        tally["mailed" if _hand_over(row.user, address, "address_changed") else "refused"] += 1
        AddressChange.objects.filter(pk=change).update(told=row.told[n:])
    return tally


def _hand_over(user: User, address: str, page: str, link: str = "") -> bool:
    """Mail a page in its reader's language; whether it was taken. Raises ``lethe.outbox.Retry``."""
    business: Business = user.business  # type: ignore[assignment]
    with override(known_language(user, business)):
        subjects = {
            "new_address": _("Your e-mail address at %(business)s"),
            "address_changed": _("Your e-mail address at %(business)s was changed"),
        }
        subject = subjects[page] % {"business": " ".join(business.name.split())}
        context = {"business": business.name, "subject": subject, "link": link}
        text, html = (render_to_string(f"accounts/mail/{page}.{kind}", context) for kind in ("txt", "html"))
    try:
        return send(address, subject, text, html, key=(page, secrets.token_hex(16)))
    except (smtplib.SMTPException, OSError) as error:
        raise Retry(f"The mail server did not take the mail ({type(error).__name__}).") from None


# --- confirming -------------------------------------------------------------------------------------------------------
def change_of(token: str, *, now: datetime.datetime) -> AddressChange | None:
    """The change that a link confirms, with its account and business; None where it confirms nothing."""
    rows = AddressChange.objects.select_related("user__business", "user__client")
    return rows.filter(**_live(token, now)).first() if token else None


@transaction.atomic
def confirm(token: str, *, now: datetime.datetime) -> User:
    """Make the new address the one that is signed in with and written to, once. Every sign-in, and every link for a new
    password, ends; the old addresses are told. Raises :class:`LinkOver`, also where the address is another's by now."""
    found = change_of(token, now=now)
    client = getattr(found.user, "client", None) if found else None
    if client is None:
        raise LinkOver
    # Two who use it at once, and an erasure, follow each other here.
    client = Client.objects.select_for_update().get(pk=client.pk)
    row = AddressChange.objects.select_for_update().filter(**_live(token, now)).first()
    if row is None or client.is_erased:
        raise LinkOver
    user = User.objects.select_for_update().select_related(None).get(pk=row.user_id)
    email, before = row.new_email, {user.email, client.email} - {"", row.new_email}
    if _is_anothers(user, email):
        raise LinkOver
    try:
        with transaction.atomic():
            user.email = email
            user.save(update_fields=["email"])
            update_client(client.pk, {"email": email})
    except (IntegrityError, ErasedClientError):
        raise LinkOver from None
    AddressChange.objects.filter(pk=row.pk).update(token_hash="", new_email="", told=sorted(before))
    PasswordReset.objects.filter(user=user).update(token_hash="", user=None)
    end_everywhere(user)
    outbox.record(NOTE, {"change": row.pk})
    return user


def _is_anothers(user: User, email: str) -> bool:
    """Whether another member of the business signs in with an address, or another client is written to at it."""
    accounts = User.objects.filter(business=user.business_id, audience=user.audience, email__iexact=email)
    clients = Client.objects.filter(business=user.business_id, email__iexact=email).exclude(user=user)
    return accounts.exclude(pk=user.pk).exists() or clients.exists()


def _live(token: str, now: datetime.datetime) -> dict[str, Any]:
    return {"token_hash": _hash(token), "asked_at__gt": now - LASTS, "user__is_active": True}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest() if token else ""


# --- forgetting -------------------------------------------------------------------------------------------------------
def forget_old(now: datetime.datetime) -> int:
    """Delete what was asked for yesterday, and the outbox's rows about it; returns how many requests. Two statements.

    Who still has to be told of a change is told for a day more.
    """
    Effect.objects.filter(kind__in=[MAIL, NOTE], run=None, done_at__lte=now - LASTS).delete()
    over = Q(told=[]) | Q(asked_at__lte=now - 2 * LASTS)
    return AddressChange.objects.filter(over, asked_at__lte=now - LASTS).delete()[0]
