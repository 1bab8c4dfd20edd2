"""Choosing a language and a time zone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from clubhouse.accounts.models import Business, User
from clubhouse.localisation.models import BusinessLanguage, ReaderChoice
from clubhouse.localisation.selectors import LANGUAGE, ZONE, languages

#: How long a browser remembers the language of its sign-in pages.
REMEMBERED_SECONDS = 60 * 60 * 24 * 365


def choose(user: User, *, language: str | None = None, timezone: str | None = None) -> None:
    """Keep what an account reads in. ``None`` leaves it as it is; "" leaves it to the browser, or to the club."""
    values = {name: value for name, value in (("language", language), ("timezone", timezone)) if value is not None}
    ReaderChoice.objects.update_or_create(user=user, defaults=values)


def set_business_language(business: Business, language: str) -> None:
    """What the business's people read in where neither they nor their browsers say otherwise."""
    BusinessLanguage.objects.update_or_create(business=business, defaults={"language": language})


def take_along(sender: Any, request: HttpRequest | None, user: User, **_: Any) -> None:
    """Put an account's choice into the session that its sign-in begins."""
    if request is None or not hasattr(request, "session"):
        return
    choice = ReaderChoice.objects.filter(user=user).first()
    put(request, language=choice.language if choice else "", timezone=choice.timezone if choice else "")


def put(request: HttpRequest, *, language: str | None = None, timezone: str | None = None) -> None:
    """Let this browser's session follow a choice from its next page on."""
    for key, value in ((LANGUAGE, language), (ZONE, timezone)):
        if value:
            request.session[key] = value
        elif value == "":
            request.session.pop(key, None)


def remember_in_browser(response: HttpResponse, language: str) -> None:
    """Let this browser's sign-in pages speak a language; "" forgets it."""
    if language not in languages():
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
        return
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        language,
        max_age=REMEMBERED_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
