"""Selling: what is bought and its invoice, in one transaction and once."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from clubhouse.billing.exceptions import BillingError, ClientErased
from clubhouse.billing.models import Invoice
from clubhouse.billing.numbers import lock_numbers, next_numbers
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.memberships.models import Membership, Package, PriceItem
from clubhouse.memberships.periods import last_day
from clubhouse.sets import hold_clients


class ItemRetired(BillingError):
    """This item is no longer sold. Choose another one from the price list; nothing was sold."""


class PayerNotLinked(BillingError):
    """The other client does not pay for this one. Link the two by Paid By first; nothing was changed."""


class FormUsed(BillingError):
    """This form has sold something to another client already. Open it anew from the profile; nothing was sold."""


class NotLive(BillingError):
    """This membership was cancelled before; nothing was changed."""


@dataclass(frozen=True, kw_only=True)
class Sale:
    """A sale: its invoice, and whether it was made now or by the first click."""

    invoice: Invoice
    new: bool


def payers_of(client: Client) -> QuerySet[Client]:
    """Whoever may pay for this client: those linked by Paid By, and none who is erased."""
    linked = ClientLinking.objects.filter(kind=ClientLinking.Kind.PAID_BY, client=client)
    rows = Client.objects.filter(pk__in=linked.values("other_id")).exclude(status=Client.Status.DELETED)
    return rows.order_by("last_name", "first_name", "pk")


@transaction.atomic
def sell(
    client: Client,
    item: PriceItem,
    *,
    starts_on: datetime.date,
    once_key: str,
    now: datetime.datetime,
    payer: Client | None = None,
    quantity: int = 1,
) -> Sale:
    """Sell a line of the price list; ``quantity`` counts single credits. The invoice is open until it is paid.

    With the same ``once_key`` it is sold once, and the first sale is given back. A lead becomes an active client.
    Raises ``ClientErased``, :class:`ItemRetired`, :class:`PayerNotLinked` or :class:`FormUsed`; nothing is sold then. A
    fixed number of statements.
    """
    people = {client.pk} | ({payer.pk} if payer else set())
    # Both at once and in key order, before anything that is theirs: an erasure of either is waited for and seen.
    if hold_clients(people, using="default") != people:
        raise ClientErased
    counters = lock_numbers([client.home_club_id])
    first = Invoice.objects.filter(once_key=once_key).first()
    if first is not None and first.client_id != client.pk:
        raise FormUsed
    if first is not None:
        return Sale(invoice=first, new=False)
    line = PriceItem.objects.filter(pk=item.pk, business_id=client.business_id, retired_at=None).first()
    if line is None:
        raise ItemRetired
    if payer is not None and not payers_of(client).filter(pk=payer.pk).exists():
        raise PayerNotLinked
    if line.kind == PriceItem.Kind.MEMBERSHIP:
        _membership(client, line, starts_on, payer)
    else:
        _package(client, line, starts_on, payer, quantity, now)
    amount = line.price * quantity
    (number,) = next_numbers(counters, [client.home_club_id])
    invoice = Invoice.objects.create(
        client=client,
        paid_by=payer,
        club_id=client.home_club_id,
        number=number,
        description=line.name if quantity == 1 else f"{line.name} × {quantity}",
        amount=amount,
        currency=line.currency,
        status=Invoice.Status.OUTSTANDING if amount else Invoice.Status.PAID,
        due_on=max(starts_on, now.astimezone(datetime.UTC).date()),
        once_key=once_key,
        **billed_to(payer or client),
    )
    if client.status == Client.Status.LEAD:
        client.status = Client.Status.ACTIVE
        client.save(update_fields=["status"])
    return Sale(invoice=invoice, new=True)


@transaction.atomic
def set_payer(pk: int, payer_id: int) -> Client:
    """Let another client pay for a live membership from now on; returns the payer.

    Raises :class:`PayerNotLinked` for one who is not linked by Paid By, ``ClientErased`` and ``NotLive``.
    """
    client_id = Membership.objects.values_list("client_id", flat=True).get(pk=pk)
    if hold_clients({client_id, payer_id}, using="default") != {client_id, payer_id}:
        raise PayerNotLinked
    row = Membership.objects.select_related("client").select_for_update(no_key=True, of=("self",)).get(pk=pk)
    if row.status == Membership.Status.CANCELLED:
        raise NotLive
    payer = payers_of(row.client).filter(pk=payer_id).first()
    if payer is None:
        raise PayerNotLinked
    row.paid_by = payer
    row.save(update_fields=["paid_by"])
    return payer


def billed_to(payer: Client) -> dict[str, str]:
    """The name and address on an invoice: those of whoever pays."""
    lines = (payer.address_1, payer.address_2, payer.address_3, payer.town, payer.postcode, payer.country)
    return {"billing_name": payer.display_name, "billing_address": ", ".join(filter(None, lines))[:500]}


def _membership(client: Client, line: PriceItem, starts_on: datetime.date, payer: Client | None) -> Membership:
    return Membership.objects.create(
        client=client,
        paid_by=payer,
        plan=line.name,
        starts_on=starts_on,
        period_months=line.period_months,
        billed_until=last_day(starts_on, line.period_months, 1),
        price=line.price,
        currency=line.currency,
    )


def _package(
    client: Client,
    line: PriceItem,
    starts_on: datetime.date,
    payer: Client | None,
    quantity: int,
    now: datetime.datetime,
) -> Package:
    days = line.valid_days
    return Package.objects.create(
        client=client,
        paid_by=payer,
        name=line.name,
        sold_on=now.astimezone(datetime.UTC).date(),
        credits_total=line.credits * quantity,
        # Good through its last day: of one day that is the first.
        expires_on=starts_on + datetime.timedelta(days=days - 1) if days else None,
    )
