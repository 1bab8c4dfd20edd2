"""Freezing, unfreezing and ending memberships at a date; the periodic run keeps the dates that were promised."""

from __future__ import annotations

import datetime

from django.db import models, transaction
from django.db.models import F
from django.utils import timezone

from clubhouse.billing.exceptions import BillingError
from clubhouse.memberships.models import Membership
from clubhouse.memberships.periods import current_period, last_day
from clubhouse.memberships.sales import NotLive
from clubhouse.memberships.services import cancel_memberships
from clubhouse.sets import Keys
from lethe.outbox import record_all

LIVE = (Membership.Status.ACTIVE, Membership.Status.FROZEN)


class FrozenAlready(BillingError):
    """This membership is frozen, or a freeze is planned. Unfreeze it first, then choose other days."""


class NotFrozen(BillingError):
    """This membership is not frozen and no freeze is planned; nothing was changed."""


class BadFreeze(BillingError):
    """A freeze begins today or later and ends on its first day or later. Choose other days; nothing was changed."""


class EndsAlready(BillingError):
    """This membership ends at that day already; nothing was changed."""


@transaction.atomic
def freeze(pk: int, first: datetime.date, last: datetime.date, *, today: datetime.date) -> Membership:
    """Freeze a membership from ``first`` to ``last``, both included; one that begins later is planned.

    Nothing is billed for a period that begins while it is frozen, and its classes are not covered. Raises
    :class:`NotLive`, :class:`FrozenAlready` or :class:`BadFreeze`.
    """
    row = _locked(pk)
    if row.status == Membership.Status.FROZEN or row.frozen_from is not None:
        raise FrozenAlready
    if not today <= first <= last:
        raise BadFreeze
    row.frozen_from, row.frozen_until = first, last
    if first <= today:
        row.status = Membership.Status.FROZEN
        _tell_provider([row])
    row.save(update_fields=["frozen_from", "frozen_until", "status"])
    return row


@transaction.atomic
def unfreeze(pk: int, *, today: datetime.date) -> Membership:
    """End a freeze now, or give up a planned one. Raises :class:`NotLive` or :class:`NotFrozen`."""
    row = _locked(pk)
    was_frozen = row.status == Membership.Status.FROZEN
    if not was_frozen and row.frozen_from is None:
        raise NotFrozen
    row.frozen_from = row.frozen_until = None
    row.status = Membership.Status.ACTIVE
    yesterday = today - datetime.timedelta(days=1)
    if was_frozen:
        _tell_provider([row])
        if row.billed_until is not None:
            # The time it rested is not billed afterwards.
            row.billed_until = max(row.billed_until, yesterday)
    row.save(update_fields=["frozen_from", "frozen_until", "status", "billed_until"])
    return row


@transaction.atomic
def end_with_period(pk: int, *, today: datetime.date) -> datetime.date:
    """Let a membership end with the last day of the period that is running; it stays as it is until then. Returns that
    day.

    Raises :class:`NotLive` or :class:`EndsAlready`.
    """
    row = _locked(pk)
    day = row.billed_until
    if day is None or day < today:
        period = current_period(row.starts_on, row.period_months, max(today, row.starts_on))
        day = last_day(row.starts_on, row.period_months, period)
    if row.ends_on == day:
        raise EndsAlready
    row.ends_on = day
    row.save(update_fields=["ends_on"])
    return day


@transaction.atomic
def keep_dates(now: datetime.datetime, using: str = "default") -> dict[str, int]:
    """Begin and end the freezes whose day has come, and end what was to end; a fixed number of statements.

    Returns how many memberships were frozen, unfrozen and ended.
    """
    today = timezone.localdate(now)
    rows = Membership.objects.using(using)
    active, frozen = Membership.Status.ACTIVE, Membership.Status.FROZEN
    over = rows.filter(status__in=LIVE, ends_on__lt=today)
    ended = cancel_memberships(over, on=F("ends_on"), reason="end of the period", using=using)
    begin = _keys(rows.filter(status=active, frozen_from__lte=today, frozen_until__gte=today))
    thaw = _keys(rows.filter(status__in=LIVE, frozen_until__lt=today))
    rows.filter(pk__in=Keys(begin)).update(status=frozen)
    thawed = rows.filter(pk__in=Keys(thaw))
    yesterday = today - datetime.timedelta(days=1)
    thawed.filter(billed_until__lt=yesterday).update(billed_until=yesterday)
    thawed.update(status=active, frozen_from=None, frozen_until=None)
    _tell_provider(rows.filter(pk__in=Keys([*begin, *thaw])).select_related("client"), using=using)
    return {"frozen": len(begin), "unfrozen": len(thaw), "ended": ended}


def _keys(rows: models.QuerySet[Membership]) -> list[int]:
    return list(rows.select_for_update(no_key=True, of=("self",)).order_by("pk").values_list("pk", flat=True))


def _locked(pk: int) -> Membership:
    row = Membership.objects.select_for_update(no_key=True, of=("self",)).get(pk=pk)
    if row.status not in LIVE:
        raise NotLive
    return row


def _tell_provider(rows: models.QuerySet[Membership] | list[Membership], using: str = "default") -> None:
    """What the provider bills rests there too, after commit. The payload is a key: the state is read as it is done."""
    payloads = [{"membership": row.pk, "business": row.client.business_id} for row in rows if row.provider_reference]
    record_all("payment.freeze_subscription", payloads, using=using)
