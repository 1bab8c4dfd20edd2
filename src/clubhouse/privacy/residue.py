"""What others wrote that names a client, shown before the last step (row N1).

The engine searches everything; a business is shown only what stands on its own rows. What stands elsewhere (another
business, a file, a table of no model) is for the operator, on the command line.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.messages.services import tell_residue
from clubhouse.privacy.models import ErasureReceipt
from clubhouse.privacy.wording import said, sentence_case
from lethe import pipeline
from lethe.models import Receipt
from lethe.residue import CERTAIN, LIKELY, Place

#: Model to the lookups of its business and of the client whose profile shows it, and the part of the profile.
SHOWN = {
    "clients.Client": ("business", "pk", ""),
    "clients.ClientNote": ("client__business", "client", "notes"),
    "schedule.Booking": ("client__business", "client", "bookings"),
    "schedule.Session": ("club__business", "", ""),
    "schedule.Series": ("club__business", "", ""),
    "billing.Invoice": ("client__business", "client", "invoices"),
    "memberships.AccountCredit": ("client__business", "client", "credits"),
    "audits.LogEntry": ("client__business", "client", ""),
    "team.StaffMember": ("business", "", ""),
}
#: How a find's strength is said.
SURE = {CERTAIN: _("Certain"), LIKELY: _("Likely")}
#: Finds that a page lists; the rest is counted.
LISTED = 50


@dataclass(frozen=True)
class Find:
    """One place, with a way to it where a screen shows it."""

    what: str
    field: str
    kinds: str
    sure: str
    url: str = ""


@dataclass(frozen=True)
class Residue:
    """The finds a business may see, the surest first."""

    finds: tuple[Find, ...]
    more: int = 0


def residue(business: Business, client: Client) -> Residue:
    """Search, and keep what is this business's. One query a model at the most."""
    places = pipeline.residue(Client, [client.pk])
    owners = _owners(business, places)
    mine = [place for place in places if (place.model, place.key) in owners]
    finds = tuple(_find(place, owners[place.model, place.key]) for place in mine[:LISTED])
    return Residue(finds, max(0, len(mine) - LISTED))


def report(places: list[list[Any]], run: str, *, using: str = "default") -> int:
    """Tell administrators where somebody who was deleted is still named, as the search after the erasure found it (row
    N1): rows as (model, key, column, strength). Returns the number of lines. One query a model at the most.

    Told is the business that erased the person, of its own rows. Another learns nothing, least of all that somebody
    whom it knows too was deleted elsewhere.
    """
    numbers = Receipt.objects.using(using).filter(run=uuid.UUID(run)).values("number")
    own = ErasureReceipt.objects.using(using).filter(number__in=numbers).order_by()
    businesses = set(own.values_list("business_id", flat=True).distinct())
    keys: dict[str, set[str]] = defaultdict(set)
    for row in places:
        if row[0] in SHOWN:
            keys[row[0]].add(row[1])
    found: set[tuple[int, int | None]] = set()
    for model, wanted in keys.items():
        of_business, of_client, _ = SHOWN[model]
        rows = apps.get_model(model)._base_manager.using(using).filter(pk__in=wanted)
        for business, client in rows.values_list(of_business, of_client or "pk"):
            found.add((business, client if of_client else None))
    return tell_residue({pair for pair in found if pair[0] in businesses}, using=using)


def _owners(business: Business, places: list[Place]) -> dict[tuple[str, str], int | None]:
    """(Model, key) to the client whose profile shows the row, for rows of this business only."""
    keys: dict[str, set[str]] = defaultdict(set)
    for place in places:
        if place.model in SHOWN:
            keys[place.model].add(place.key)
    found: dict[tuple[str, str], int | None] = {}
    for model, wanted in keys.items():
        of_business, of_client, _ = SHOWN[model]
        rows = apps.get_model(model)._base_manager.filter(pk__in=wanted, **{of_business: business})
        for key, client in rows.values_list("pk", of_client or "pk"):
            found[model, str(key)] = client if of_client else None
    return found


def _find(place: Place, client: int | None) -> Find:
    model = apps.get_model(place.model)
    names = {one.column: str(one.verbose_name) for one in model._meta.concrete_fields}
    anchor = SHOWN[place.model][2]
    url = reverse("clients:profile", args=[client]) + (f"#{anchor}" if anchor else "") if client else ""
    return Find(
        what=f"{sentence_case(said(model._meta.verbose_name))} {place.key}",
        field=sentence_case(said(names.get(place.column, place.column))),
        kinds=", ".join(said(kind) for kind in place.kinds),
        sure=str(SURE.get(place.strength, gettext("Maybe: a name alone"))),
        url=url,
    )
