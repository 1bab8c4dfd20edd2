"""Settling, in the app, what stands in the way of a member's deletion: each thing by the member's own hand (row N7)."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from clubhouse.billing.services import forfeit_credits
from clubhouse.clients.models import Client
from clubhouse.clients.services import ErasedClientError
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.memberships.services import cancel_memberships, forfeit_packages
from clubhouse.privacy.selectors import Item
from clubhouse.schedule.selectors import upcoming_bookings
from clubhouse.schedule.services import cancel_bookings
from clubhouse.sets import hold_clients

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: What stands as the reason on whatever a member ended or gave up.
REASON = "member"
NOTHING = _("There was nothing left to settle here; nothing was changed.")

#: What the club has to settle with the member: blocker to the sentence that says how.
ASK = {
    "debts": _("Pay at the desk, or ask there what it is for. A card payment cannot be taken in this app."),
    "paid_by": _("You pay for somebody, or somebody pays for you. Ask the desk to change who pays."),
    "guardian": _("You are the only guardian of a member. Ask the desk to name another first."),
}
ASK_ANYTHING = _("Ask the desk of your club to settle this with you.")


class Unsettled(Exception):
    """Nothing was given up, because the box was not ticked. Tick it to show that you know what you give up."""

    def __init__(self) -> None:
        super().__init__(gettext(str(self.__doc__)))


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """A blocker as a member reads it; what is worth money is told in each of its currencies."""

    name: str
    label: str
    count: int
    worth: str
    ask: StrOrPromise


def obstacles(items: list[Item]) -> list[Obstacle]:
    """The blockers of a preview, one entry for each name."""
    by_name: dict[str, list[Item]] = {}
    for item in items:
        by_name.setdefault(item.name, []).append(item)
    return [
        Obstacle(
            name=name,
            label=same[0].label,
            count=sum(item.count for item in same),
            worth=", ".join(item.worth for item in same if item.worth),
            ask=ASK.get(name, ASK_ANYTHING),
        )
        for name, same in by_name.items()
    ]


@transaction.atomic
def settle(member: Client, kind: str, pk: int | None, *, understood: bool, now: datetime.datetime) -> str:
    """Settle one thing of the member's, or with ``pk`` None all of its kind; returns what to say.

    ``kind`` is booking, membership, package or credit. Raises ``Http404`` for any other and for what is not the
    member's, :class:`Unsettled` where a value would be given up without ``understood``, and ``ErasedClientError``.
    """
    if kind not in _KINDS:
        raise Http404
    if kind in {"package", "credit"} and not understood:
        raise Unsettled
    if not hold_clients([member.pk], using="default"):
        raise ErasedClientError
    return _KINDS[kind](member, pk, now)


def _booking(member: Client, pk: int | None, now: datetime.datetime) -> str:
    mine = upcoming_bookings(now).filter(client=member)
    rows = mine if pk is None else mine.filter(pk=pk)
    if pk is not None and not member.bookings.filter(pk=pk).exists():
        raise Http404
    done = cancel_bookings(rows, now=now, tell_clients=False, series=pk is None)
    return _said(
        done.bookings, ngettext("%(count)s booking cancelled.", "%(count)s bookings cancelled.", done.bookings)
    )


def _membership(member: Client, pk: int | None, now: datetime.datetime) -> str:
    rows = Membership.objects.filter(client=member)
    if pk is not None and not (rows := rows.filter(pk=pk)).exists():
        raise Http404
    done = cancel_memberships(rows, on=timezone.localdate(now), reason=REASON)
    return _said(
        done,
        ngettext("%(count)s membership cancelled as of today.", "%(count)s memberships cancelled as of today.", done),
    )


def _package(member: Client, pk: int | None, now: datetime.datetime) -> str:
    rows = Package.objects.filter(client=member)
    if pk is not None and not (rows := rows.filter(pk=pk)).exists():
        raise Http404
    _packages, given_up = forfeit_packages(rows, now=now, reason=REASON)
    return _said(given_up, ngettext("%(count)s credit given up.", "%(count)s credits given up.", given_up))


def _credit(member: Client, pk: int | None, now: datetime.datetime) -> str:
    rows = AccountCredit.objects.filter(client=member)
    if pk is not None and not (rows := rows.filter(pk=pk)).exists():
        raise Http404
    done = forfeit_credits(rows, reason=REASON)
    return _said(done, gettext("The money on account was given up."))


_KINDS: dict[str, Callable[[Client, int | None, datetime.datetime], str]] = {
    "booking": _booking,
    "membership": _membership,
    "package": _package,
    "credit": _credit,
}


def _said(count: int, done: str) -> str:
    return done % {"count": count} if count else str(NOTHING)
