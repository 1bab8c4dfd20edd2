"""Opening a member's account by a mailed link. Until the link is used, nothing says whose address it went to."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
import smtplib
from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.clients.search import search_text
from clubhouse.member.models import AppBuild, SignUp
from clubhouse.messages.handing_over import handing_over
from clubhouse.messages.mail import send
from clubhouse.schedule.models import Club

#: How long a link works, and how many mails one address gets from one build in a day.
LASTS, MAILS_A_DAY = datetime.timedelta(days=1), 3
Link = Callable[[str], str]


class NoMail(Exception):
    """The mail could not be sent just now. Try again in a few minutes, or ask at the desk of your club."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class LinkOver(Exception):
    """This link was used before, or is older than a day. Ask for a new one."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class OtherAddress(Exception):
    """The link was mailed to another address. Enter the one whose mailbox you found it in."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def mail_link(build: AppBuild, email: str, *, now: datetime.datetime, link: Link) -> None:
    """Mail a link that opens an account; to an address that has one, say so in the mail. Raises :class:`NoMail`.

    ``link`` gives the address of a token's page, and of the sign-in for "". After some mails in a day an address gets
    no more, which the page does not tell either.
    """
    today = salted_hmac("clubhouse.member.sign-up", f"{build.pk} {now:%Y-%m-%d} {email.strip().lower()}").hexdigest()
    if SignUp.objects.filter(address_today=today).count() >= MAILS_A_DAY:
        return
    mine = User.objects.filter(business=build.business_id, audience=User.Audience.MEMBER, email__iexact=email.strip())
    client = mine.values_list("client", flat=True).first()
    with handing_over(client) as may:
        # Who was erased at this moment is known no more, and is mailed what they asked for: a new account.
        _mail_link(build, email, known=may and mine.exists(), today=today, now=now, link=link)


def _mail_link(build: AppBuild, email: str, *, known: bool, today: str, now: datetime.datetime, link: Link) -> None:
    token = secrets.token_urlsafe(32)
    row = SignUp.objects.create(
        build=build,
        token_hash=_hash(token),
        # A link that opens nothing: it is here to be counted.
        address_proof="" if known else _proof(token, email),
        address_today=today,
        created_at=now,
    )
    context = {"known": known, "business": build.business.name, "link": link("" if known else token)}
    taken = False
    try:
        taken = bool(settings.EMAIL_HOST) and send(
            email.strip(),
            _("Your account at %(business)s") % {"business": build.business.name},
            render_to_string("member/mail/sign_up.txt", context),
            render_to_string("member/mail/sign_up.html", context),
            key=("sign-up", secrets.token_hex(16)),
        )
    except (smtplib.SMTPException, OSError):
        taken = False
    if not taken:
        # What was not mailed does not count.
        row.delete()
        raise NoMail


def is_open(build: AppBuild, token: str, *, now: datetime.datetime) -> bool:
    """Whether a link can still be used."""
    mine = SignUp.objects.filter(build=build, token_hash=_hash(token), created_at__gt=now - LASTS)
    return mine.exclude(address_proof="").exists()


@transaction.atomic
def open_account(
    build: AppBuild,
    token: str,
    *,
    email: str,
    first_name: str,
    last_name: str,
    club: Club,
    password: str,
    now: datetime.datetime,
) -> User:
    """Make the account, and a lead for whoever the club does not know by this address. The link is used up.

    Who was forgotten here is not known by it either: the same address makes a new account with no history. A client
    whose address this is, and who has no sign-in, gets one: the mail has shown that the address is theirs. Raises
    :class:`LinkOver` and :class:`OtherAddress`.
    """
    mine = SignUp.objects.select_for_update().filter(build=build, token_hash=_hash(token), created_at__gt=now - LASTS)
    row = mine.exclude(address_proof="").first()
    if row is None:
        raise LinkOver
    email = email.strip()
    if not hmac.compare_digest(row.address_proof, _proof(token, email)):
        raise OtherAddress
    row.delete()
    known = Client.objects.select_for_update().filter(business=build.business_id, email__iexact=email).first()
    taken = User.objects.filter(business=build.business_id, audience=User.Audience.MEMBER, email__iexact=email)
    if taken.exists() or (known is not None and known.user_id is not None):
        raise LinkOver
    user = User.objects.create_user(email, password, business_id=build.business_id, audience=User.Audience.MEMBER)
    if known is not None:
        known.user = user
        known.save(update_fields=["user"])
        return user
    client = Client(
        business_id=build.business_id,
        home_club=club,
        user=user,
        number=_number(build.business_id),
        status=Client.Status.LEAD,
        joined_on=timezone.localdate(now),
        first_name=first_name.strip(),
        last_name=last_name.strip(),
        email=email,
    )
    client.search_text = search_text(client)
    client.save()
    return user


def forget_old_links(now: datetime.datetime) -> int:
    """Delete the links that no longer work; returns how many. One statement."""
    return SignUp.objects.filter(created_at__lte=now - LASTS).delete()[0]


def _number(business: int) -> str:
    """A number for a new client that no other client of the business has."""
    while True:
        number = f"A{secrets.randbelow(9_000_000) + 1_000_000}"
        if not Client.objects.filter(business=business, number=number).exists():
            return number


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _proof(token: str, email: str) -> str:
    return hmac.new(token.encode(), email.strip().lower().encode(), hashlib.sha256).hexdigest()
