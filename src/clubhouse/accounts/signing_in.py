"""Beginning and ending sign-ins: a new session key each time, and what kind of device it is."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import DatabaseError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from clubhouse.accounts.models import Session, User

TABLET = re.compile(r"iPad|Tablet|Android(?!.*Mobile)", re.IGNORECASE)
PHONE = re.compile(r"Mobi|iPhone|Android", re.IGNORECASE)


def begin(request: HttpRequest, user: User) -> None:
    """Sign an account in to this browser. The session's key changes, and no address of the network is kept.

    Raises ``SessionInterrupted`` where the account was deleted since its password was checked.
    """
    try:
        login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    except DatabaseError:
        if not User.objects.filter(pk=user.pk).exists():
            raise SessionInterrupted from None
        raise
    request.session["device"] = device(request.headers.get("User-Agent", ""))
    request.session["since"] = timezone.now().isoformat()


def device(agent: str) -> str:
    """The kind of device a browser says it runs on, and no more of what it says."""
    if not agent:
        return ""
    kinds = Session.Device
    return kinds.TABLET if TABLET.search(agent) else kinds.PHONE if PHONE.search(agent) else kinds.COMPUTER


def sign_ins(user: User, *, now: datetime.datetime) -> QuerySet[Session]:
    """The browsers an account is signed in on, the last used first: one query."""
    rows = Session.objects.filter(user=user, expire_date__gt=now).defer("session_data")
    if limit := idle_limit(user):
        rows = rows.exclude(seen_at__lt=now - limit)
    return rows.order_by("-seen_at", "-signed_in_at", "session_key")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One sign-in as its owner reads it; the session's key stays out of the page."""

    device: str
    since: datetime.datetime | None
    seen: datetime.datetime | None
    here: bool


def told_apart(sessions: Iterable[Session], *, here: str) -> list[Row]:
    """Sign-ins as their owner reads them; ``here`` is the key of the session that asks."""
    return [
        Row(device=one.device, since=one.signed_in_at, seen=one.seen_at, here=one.session_key == here)
        for one in sessions
    ]


def idle_limit(user: User) -> datetime.timedelta | None:
    """After how long without use a sign-in ends: the team's as the business sets it; a member's by its age alone."""
    if user.audience != User.Audience.TEAM or user.business is None or not user.business.team_idle_minutes:
        return None
    return datetime.timedelta(minutes=user.business.team_idle_minutes)


def is_idle_too_long(user: User, seen_at: datetime.datetime | None, *, now: datetime.datetime) -> bool:
    """Whether a sign-in has rested longer than its business allows."""
    limit = idle_limit(user)
    return limit is not None and seen_at is not None and now - seen_at > limit


def end_everywhere(user: User, request: HttpRequest | None = None) -> int:
    """End every sign-in of an account with the next request, this browser's too; returns how many. One statement."""
    ended = Session.objects.filter(user=user).delete()[0]
    if request is not None:
        logout(request)
    return ended


def forget_ended(now: datetime.datetime) -> int:
    """Delete sessions that have run out; returns how many. One statement."""
    return Session.objects.filter(expire_date__lte=now).delete()[0]
