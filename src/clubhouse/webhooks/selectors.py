"""Reading endpoints and their logs, of one business only."""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.http import Http404

from clubhouse.accounts.models import Business
from clubhouse.webhooks.models import Delivery, Endpoint


def endpoints(business: Business) -> QuerySet[Endpoint]:
    """The business's endpoints in order of age, each annotated ``last_delivered``: one query."""
    last = Max("deliveries__delivered_at", filter=Q(deliveries__delivered_at__isnull=False))
    return Endpoint.objects.filter(business=business).annotate(last_delivered=last).order_by("pk")


def endpoints_told(now: datetime.datetime) -> QuerySet[Endpoint]:
    """Every endpoint that is told of erasures. ``now`` is not needed; every action gives it."""
    return Endpoint.objects.filter(is_on=True)


def find(business: Business, pk: int) -> Endpoint:
    """One endpoint of this business. Raises ``Http404`` for another's."""
    found = Endpoint.objects.filter(business=business, pk=pk).first()
    if found is None:
        raise Http404
    return found


def find_delivery(business: Business, endpoint: int, pk: int) -> Delivery:
    """One line of an endpoint's log. Raises ``Http404`` for another business's."""
    rows = Delivery.objects.select_related("endpoint").filter(endpoint__business=business, endpoint=endpoint)
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def log(endpoint: Endpoint) -> QuerySet[Delivery]:
    """What was sent to the endpoint, the latest first."""
    return endpoint.deliveries.order_by("-tried_at", "-pk")


def old_secret_until(endpoint: Endpoint, now: datetime.datetime) -> Any:
    """Until when the secret before the last one signs too; None where it does no longer."""
    return endpoint.previous_secret_until if len(endpoint.secrets_at(now)) > 1 else None
