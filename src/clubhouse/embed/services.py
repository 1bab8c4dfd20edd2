"""Sites that may frame the embed, and signing in and out inside it."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import re
import secrets
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.embed.models import Embed, EmbedSignIn, EmbedSite
from clubhouse.sets import hold_clients

#: How long a sign-in lasts without use, and in all; and how many sites a business may list.
RESTS, LASTS, SITES = datetime.timedelta(minutes=30), datetime.timedelta(hours=4), 20
HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LOCAL = {"localhost", "127.0.0.1"}


# --- sites ------------------------------------------------------------------------------------------------------------
def embed_of(business: Business) -> Embed:
    """The business's embed; it is made when it is first looked at."""
    return Embed.objects.get_or_create(business=business)[0]


def origin_of(address: str) -> str:
    """The origin of a web site's address. Raises ``ValidationError`` for anything that a frame rule would not hold."""
    said = address.strip()
    try:
        parts = urlsplit(said)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    # "xn--…" is how a browser compares names with other letters.
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            host = ""
    if parts.scheme not in {"https", "http"} or not HOST.fullmatch(host) or parts.username or parts.password:
        raise ValidationError(_("Give the address of a web site, such as https://www.example.com."))
    if parts.scheme == "http" and host not in LOCAL:
        raise ValidationError(_("The address has to begin with https://, or members' passwords could be read."))
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + (f":{port}" if port and port != usual else "")


@transaction.atomic
def add_site(business: Business, address: str) -> EmbedSite:
    """List a web site; one that is listed already stays as it is. Raises ``ValidationError``."""
    embed = Embed.objects.select_for_update().get(pk=embed_of(business).pk)
    origin = origin_of(address)
    if not embed.sites.filter(origin=origin).exists() and embed.sites.count() >= SITES:
        raise ValidationError(_("Twenty sites are listed already. Remove one first."))
    return EmbedSite.objects.get_or_create(embed=embed, origin=origin)[0]


def remove_site(site: EmbedSite) -> None:
    """Take a site off the list: browsers show the schedule there no more."""
    site.delete()


# --- signing in -------------------------------------------------------------------------------------------------------
@transaction.atomic
def begin(embed: Embed, user: User, *, now: datetime.datetime) -> str:
    """Sign a member in inside a frame; gives the token, which the frame's pages carry from then on.

    Gives "" for an account whose client is being erased.
    """
    client = Client.objects.filter(user=user).values_list("pk", flat=True).first()
    if client is None or not hold_clients([client], using="default"):
        return ""
    token = secrets.token_urlsafe(32)
    EmbedSignIn.objects.create(
        user=user,
        embed=embed,
        token_hash=_hash(token),
        password_state=user.get_session_auth_hash(),
        expires_at=now + RESTS,
        created_at=now,
    )
    return token


def member_of(embed: Embed, token: str, *, now: datetime.datetime) -> Client | None:
    """Who is signed in with a token in this business's frame; None for nobody. Its rest begins anew. Three queries."""
    if not token:
        return None
    live = EmbedSignIn.objects.filter(embed=embed, token_hash=_hash(token), expires_at__gt=now)
    row = live.filter(created_at__gt=now - LASTS, user__is_active=True).select_related("user").first()
    if row is None or not hmac.compare_digest(row.password_state, row.user.get_session_auth_hash()):
        return None
    mine = Client.objects.filter(user=row.user, business_id=embed.business_id)
    member = mine.exclude(status=Client.Status.DELETED).first()
    if member is None:
        return None
    member.business = embed.business
    EmbedSignIn.objects.filter(pk=row.pk).update(expires_at=now + RESTS)
    return member


def end(embed: Embed, token: str) -> None:
    """Sign out of this frame. Twice is once."""
    EmbedSignIn.objects.filter(embed=embed, token_hash=_hash(token)).delete()


def forget_ended(now: datetime.datetime) -> int:
    """Delete the sign-ins that have run out; returns how many. One statement."""
    return EmbedSignIn.objects.filter(expires_at__lte=now).delete()[0]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
