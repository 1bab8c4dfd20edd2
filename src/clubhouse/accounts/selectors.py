"""Reading accounts: whom too many tries keep out."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from axes.models import AccessAttempt
from django.conf import settings
from django.utils import timezone

from clubhouse.accounts.models import Business, User
from clubhouse.sets import Keys


@dataclass(frozen=True, kw_only=True)
class Locked:
    """An account that cannot be signed in to at its business's door, and until when."""

    user: User
    name: str
    until: datetime.datetime


def locked(business: Business) -> list[Locked]:
    """The accounts of a business that are locked out, the longest wait first: two queries.

    Addresses without an account are not listed: nothing leads back from what is kept of them.
    """
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    full = AccessAttempt.objects.filter(
        attempt_time__gt=since, failures_since_start__gte=settings.AXES_FAILURE_LIMIT
    ).exclude(username__startswith="day:")
    tried = {int(name): at for name, at in full.values_list("username", "attempt_time") if str(name).isdecimal()}
    users = User.objects.filter(business=business, pk__in=Keys(tried)).select_related("staff_member", "client")
    found = [Locked(user=user, name=_name(user), until=tried[user.pk] + settings.AXES_COOLOFF_TIME) for user in users]
    return sorted(found, key=lambda one: one.until, reverse=True)


def _name(user: User) -> str:
    if user.audience == User.Audience.MEMBER:
        return user.client.display_name if hasattr(user, "client") else user.email
    return user.staff_member.name if hasattr(user, "staff_member") else user.email
