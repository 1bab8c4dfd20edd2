"""The price list of a business: what it sells, for how much. A line that was sold may still change or retire."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, QuerySet, Value, When
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from clubhouse.accounts.models import Business
from clubhouse.memberships.models import PriceItem

KINDS = (PriceItem.Kind.MEMBERSHIP, PriceItem.Kind.PACKAGE, PriceItem.Kind.CREDIT)


class NameTaken(Exception):
    """Two lines that are sold cannot have one name. The message says what to do."""

    def __init__(self) -> None:
        super().__init__(_("Another line of the price list has this name. Choose a name of its own."))


def items(business: Business, *, retired: bool = False) -> QuerySet[PriceItem]:
    """The lines on sale, or those that are not any more, by kind and name."""
    kind = Case(*(When(kind=kind, then=Value(n)) for n, kind in enumerate(KINDS)))
    rows = PriceItem.objects.filter(business=business, retired_at__isnull=not retired)
    return rows.order_by(kind, Lower("name"), "pk")


def save_item(item: PriceItem, values: Mapping[str, Any]) -> PriceItem:
    """Add or change a line. Raises :class:`NameTaken`; nothing is changed then. What was sold keeps its price."""
    for name, value in values.items():
        setattr(item, name, value)
    try:
        with transaction.atomic():
            item.save()
    except IntegrityError:
        raise NameTaken from None
    return item


def retire_item(item: PriceItem, *, now: datetime.datetime) -> bool:
    """Take a line off sale; returns False where it was off already. One statement."""
    return bool(PriceItem.objects.filter(pk=item.pk, retired_at=None).update(retired_at=now))


def offer_again(item: PriceItem) -> bool:
    """Put a line back on sale; returns False where it is on sale. Raises :class:`NameTaken`."""
    try:
        with transaction.atomic():
            return bool(PriceItem.objects.filter(pk=item.pk, retired_at__isnull=False).update(retired_at=None))
    except IntegrityError:
        raise NameTaken from None
