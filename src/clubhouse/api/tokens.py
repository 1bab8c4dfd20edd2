"""Making, revoking and using tokens."""

from __future__ import annotations

import datetime
import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.utils import timezone
from django.utils.translation import gettext as _

from clubhouse.accounts.models import Business, User
from clubhouse.api.models import ApiAnswer, ApiToken
from clubhouse.api.problems import Problem
from clubhouse.clients.models import Client
from clubhouse.team.models import StaffMember

#: Calls a token may make in a minute, and tokens an account may have that still work.
CALLS_A_MINUTE, TOKENS = 120, 20
#: How long an answer is given again under its key.
ANSWERS_LAST = datetime.timedelta(days=1)
BEGINS = "chk_"


class TooMany(Exception):
    """The account has many tokens that work. Revoke one first."""

    def __str__(self) -> str:
        return _("You have %(number)d tokens that work already. Revoke one first.") % {"number": TOKENS}


@dataclass(frozen=True)
class Caller:
    """Who calls, as a token says: the account, its business, and the member or the colleague behind it."""

    token: ApiToken
    user: User
    business: Business
    member: Client | None
    staff: StaffMember | None


# --- making -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def make(
    user: User, *, form: uuid.UUID, name: str, scopes: Sequence[str], days: int, now: datetime.datetime
) -> tuple[ApiToken, str]:
    """Make a token; gives its row and, once, the token itself: "" where the same form has made it before.

    Raises :class:`TooMany`, and ``User.DoesNotExist`` where the account is gone meanwhile.
    """
    User.objects.select_for_update().get(pk=user.pk)
    before = ApiToken.objects.filter(user=user, form=form).first()
    if before is not None:
        return before, ""
    if working(user, now).count() >= TOKENS:
        raise TooMany
    said = BEGINS + secrets.token_urlsafe(32)
    row = ApiToken.objects.create(
        user=user,
        form=form,
        name=name,
        prefix=said[: len(BEGINS) + 6],
        token_hash=_hash(said),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=now + datetime.timedelta(days=days),
    )
    return row, said


def working(user: User, now: datetime.datetime) -> QuerySet[ApiToken]:
    """The tokens of an account that can be used."""
    return ApiToken.objects.filter(user=user, revoked_at=None, expires_at__gt=now)


def revoke(token: ApiToken, *, now: datetime.datetime) -> None:
    """End a token with the next request. Twice is once."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now)


def of_member(user: User) -> QuerySet[ApiToken]:
    """A member's own tokens, the newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created_at", "-pk")


def of_team(business: Business) -> QuerySet[ApiToken]:
    """The tokens that colleagues of a business made, the newest first, with who: one query."""
    mine = ApiToken.objects.filter(user__business=business, user__audience=User.Audience.TEAM)
    return mine.select_related("user__staff_member").order_by("-created_at", "-pk")


def forget_old(now: datetime.datetime) -> int:
    """Delete answers that are not given again, and tokens that have not worked for 30 days; returns how many."""
    ended = now - datetime.timedelta(days=30)
    answers = ApiAnswer.objects.filter(created_at__lte=now - ANSWERS_LAST).delete()[0]
    over = ApiToken.objects.filter(expires_at__lte=ended).delete()[0]
    return answers + over + ApiToken.objects.filter(revoked_at__lte=ended).delete()[0]


# --- using ------------------------------------------------------------------------------------------------------------
def caller_of(header: str) -> Caller | None:
    """Who calls with this ``Authorization`` header; None without one that works. Three queries.

    The call is counted; one too many in a minute raises ``Problem`` 429.
    """
    kind, _space, said = header.partition(" ")
    if kind.lower() != "bearer" or not said.strip().startswith(BEGINS):
        return None
    now = timezone.now()
    found = ApiToken.objects.select_related("user__business").filter(
        token_hash=_hash(said.strip()), revoked_at=None, expires_at__gt=now, user__is_active=True
    )
    token = found.first()
    if token is None or token.user.business is None:
        return None
    _count(token, now)
    user, business = token.user, token.user.business
    if user.audience == User.Audience.TEAM:
        staff = StaffMember.objects.select_related("access_group", "club").filter(user=user).first()
        if staff is None:
            return None
        staff.business = business
        return Caller(token, user, business, None, staff)
    # An erased client's account is gone, and this finds nobody for one that is half-way.
    member = Client.objects.select_related("home_club").filter(user=user).exclude(status=Client.Status.DELETED).first()
    if member is None:
        return None
    member.business = business
    return Caller(token, user, business, member, None)


def _count(token: ApiToken, now: datetime.datetime) -> None:
    minute = now.replace(second=0, microsecond=0)
    before = token.calls if token.minute == minute else 0
    if before >= CALLS_A_MINUTE:
        wait = 60 - now.second
        detail = f"This token may call {CALLS_A_MINUTE} times a minute. Wait {wait} seconds."
        raise Problem(429, detail, headers={"Retry-After": str(wait)})
    counted = Case(When(minute=minute, then=F("calls") + 1), default=Value(1))
    ApiToken.objects.filter(pk=token.pk).update(calls=counted, minute=minute, last_used_on=now.date())


def _hash(said: str) -> str:
    return hashlib.sha256(said.encode()).hexdigest()
