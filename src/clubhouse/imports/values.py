"""How one cell is read. A reader takes the cell's text and gives the value, or raises :class:`Unfit` with the reason.

A reason names the kind of problem and the cure, never the cell's content: reasons are printed, and cells are personal.
Free text comes out exactly as it went in; only ids, dates, numbers and choices lose the blanks around them.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models

Reader = Callable[[str], Any]

_ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_BRITISH_DAY = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_CLOCK = re.compile(r"(.+?)[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?(?:\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_MONEY = re.compile(r"[0-9]{1,8}(?:[.,][0-9]{1,2})?")
_WHOLE = re.compile(r"[0-9]{1,9}")
_CURRENCY = re.compile(r"[A-Z]{3}")


class Unfit(Exception):
    """A cell cannot be taken; the message is the reason, without the cell's content."""


def text(model: type[models.Model], field: str, *, required: bool = False) -> Reader:
    """Free text for ``model.field``, as long as the column is and kept as it is."""
    longest = model._meta.get_field(field).max_length  # type: ignore[union-attr]

    def read(cell: str) -> str:
        if required and not cell.strip():
            raise Unfit("is empty; fill it in")
        if longest is not None and len(cell) > longest:
            raise Unfit(f"is longer than {longest} characters; shorten it")
        return cell

    return read


def key(model: type[models.Model], field: str, *, required: bool = True) -> Reader:
    """An id of the system the club came from, or a mention of one."""
    as_text = text(model, field, required=required)
    return lambda cell: as_text(cell.strip())


def filled(cell: str) -> str:
    """A word that must be there, without the blanks around it."""
    if not cell.strip():
        raise Unfit("is empty; fill it in")
    return cell.strip()


def keys(cell: str) -> tuple[str, ...]:
    """Ids with ``|`` between them, each once, in their order."""
    return tuple(dict.fromkeys(part.strip() for part in cell.split("|") if part.strip()))


def day(cell: str) -> datetime.date:
    """A date as yyyy-mm-dd or dd/mm/yyyy."""
    cell = cell.strip()
    if not cell:
        raise Unfit("is empty; give a date as yyyy-mm-dd or dd/mm/yyyy")
    if found := _ISO_DAY.fullmatch(cell):
        year, month, number = found.groups()
    elif found := _BRITISH_DAY.fullmatch(cell):
        number, month, year = found.groups()
    else:
        raise Unfit("is not a date as yyyy-mm-dd or dd/mm/yyyy; rewrite it so")
    try:
        return datetime.date(int(year), int(month), int(number))
    except ValueError:
        raise Unfit("names a day that the calendar does not have; correct it") from None


def optional_day(cell: str) -> datetime.date | None:
    """A date as for :func:`day`, or nothing."""
    return day(cell) if cell.strip() else None


def moment(cell: str) -> datetime.datetime:
    """A date and a time of day, which is UTC unless an offset says otherwise; kept in UTC."""
    found = _CLOCK.fullmatch(cell.strip())
    if not found:
        raise Unfit("is not a date with a time; write it as yyyy-mm-ddThh:mm:ssZ")
    date, hour, minute, second, zone = found.groups()
    offset = datetime.UTC
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        # datetime takes less than a day, and no clock on Earth is further from UTC than this.
        if hours > 14 or minutes > 59:
            raise Unfit("has an offset from UTC that no place has; correct it")
        offset = datetime.timezone((-1 if zone[0] == "-" else 1) * datetime.timedelta(hours=hours, minutes=minutes))
    try:
        clock = datetime.time(int(hour), int(minute), int(second or 0), tzinfo=offset)
        return datetime.datetime.combine(day(date), clock).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        raise Unfit("names a time that the clock does not have; correct it") from None


def money(cell: str) -> Decimal:
    """An amount with at most two decimals, after a point or a comma; not negative."""
    cell = cell.strip()
    if not _MONEY.fullmatch(cell):
        raise Unfit("is not an amount such as 12.50 (at most two decimals, no sign, no currency); rewrite it so")
    return Decimal(cell.replace(",", ".")).quantize(Decimal("0.01"))


def whole(cell: str) -> int:
    """A whole number, zero or more."""
    cell = cell.strip()
    if not _WHOLE.fullmatch(cell):
        raise Unfit("is not a whole number; write it with digits only")
    return int(cell)


def above_zero(cell: str) -> int:
    """A whole number, one or more."""
    number = whole(cell)
    if number == 0:
        raise Unfit("is zero; give a number from 1")
    return number


def choice(*allowed: str) -> Reader:
    """One of some words, in any case."""

    def read(cell: str) -> str:
        word = cell.strip().casefold()
        if word not in allowed:
            raise Unfit(f"is none of: {', '.join(allowed)}; use one of them")
        return word

    return read


def yes_no(cell: str) -> bool:
    """``yes`` or ``no``."""
    return bool(choice("yes", "no")(cell) == "yes")


def email(cell: str) -> str:
    """An e-mail address that mail can be sent to."""
    try:
        validate_email(cell)
    except ValidationError:
        raise Unfit("is not an e-mail address; correct it") from None
    if len(cell) > 254:
        raise Unfit("is longer than 254 characters; shorten it")
    return cell


def optional_email(cell: str) -> str:
    """An address as for :func:`email`, or nothing; a client may have none."""
    return email(cell) if cell.strip() else ""


def currency(cell: str) -> str:
    """Three letters, as GBP."""
    code = cell.strip().upper()
    if not _CURRENCY.fullmatch(code):
        raise Unfit("is not a currency of three letters such as GBP; correct it")
    return code


def timezone(cell: str) -> str:
    """The name of a time zone."""
    name = cell.strip()
    try:
        ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Unfit("is not the name of a time zone such as Europe/London; correct it") from None
    return name
