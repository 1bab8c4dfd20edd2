"""In which language, and on which clock, somebody reads.

Language: what the account chose; else what the browser asks for; else what the business has set; else the deployment's.
Time: what the account chose; else the club a colleague works in or a member belongs to; else the business's. A
session's own time is always told on the clock of the club where it takes place, whoever reads it.
"""

from __future__ import annotations

import functools
import zoneinfo

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_supported_language_variant
from django.utils.translation.trans_real import parse_accept_lang_header

from clubhouse.accounts.models import Business, User
from clubhouse.localisation.models import BusinessLanguage

#: Where a signed-in browser's session holds its account's choice.
LANGUAGE, ZONE = "reader_language", "reader_zone"


@functools.cache
def languages() -> dict[str, str]:
    """Code to name, each in its own language."""
    return dict(settings.LANGUAGES)


@functools.cache
def zones() -> tuple[str, ...]:
    """The names of all time zones that a person would choose."""
    names = zoneinfo.available_timezones()
    return tuple(sorted(name for name in names if "/" in name and not name.startswith(("Etc/", "SystemV/"))))


def zone(name: str) -> zoneinfo.ZoneInfo | None:
    """A time zone by name; None where there is no such zone."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def language_of_request(request: HttpRequest) -> str:
    """The language a page is shown in."""
    signed_in = request.user.is_authenticated
    chosen = request.session.get(LANGUAGE, "") if signed_in else ""
    if chosen in languages():
        return str(chosen)
    business = getattr(request, "business", None)
    return asked_for(request) or (language_of_business(business) if business else settings.LANGUAGE_CODE)


def asked_for(request: HttpRequest) -> str:
    """The language that this browser was told, or asks for; "" where it is none of ours."""
    told = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if told in languages():
        return told
    for code, _ in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return ""


def language_of_business(business: Business) -> str:
    """What a business has set, or the deployment's language: one query."""
    code = BusinessLanguage.objects.filter(business=business).values_list("language", flat=True).first()
    return code if code in languages() else settings.LANGUAGE_CODE


def known_language(user: User | None, business: Business) -> str:
    """The language in which to write to somebody; for mail, where no browser can be asked.

    No query where the account was read with its ``reader_choice`` and the business with its ``default_language``.
    """
    choice = getattr(user, "reader_choice", None) if user is not None else None
    house = getattr(business, "default_language", None)
    wanted = (choice.language if choice else "", house.language if house else "")
    return next((code for code in wanted if code in languages()), settings.LANGUAGE_CODE)


def zone_of_request(request: HttpRequest) -> zoneinfo.ZoneInfo | None:
    """The clock a page is shown on; None for somebody who is not signed in."""
    if not request.user.is_authenticated:
        return None
    names = [request.session.get(ZONE, "")]
    for who, club in (("staff", "club"), ("member", "home_club")):
        person = getattr(request, who, None)
        # Only where the club was read along with the person: a page must not cost another query for its clock.
        if person is not None and club in person._state.fields_cache and getattr(person, club) is not None:
            names.append(getattr(person, club).timezone)
    business = getattr(request, "business", None)
    names.append(business.timezone if business is not None else "")
    return next((found for name in names if name and (found := zone(name)) is not None), None)
