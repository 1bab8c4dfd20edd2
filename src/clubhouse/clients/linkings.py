"""Ties between two clients, made from either side: Book a Buddy, Paid By, family, guardian."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from clubhouse.clients.models import Client, ClientLinking
from clubhouse.clients.services import ErasedClientError
from clubhouse.sets import hold_clients

Kind = ClientLinking.Kind


@dataclass(frozen=True)
class Side:
    """A linking as it reads on one of the two profiles: ``own`` where that profile is the linking's ``client``."""

    kind: str
    own: bool


#: What a colleague chooses on a profile, and what it means of "this client" and the other one.
SIDES = {
    "paid_by": (Side(Kind.PAID_BY, True), _("Paid By: the other client pays for this one")),
    "pays_for": (Side(Kind.PAID_BY, False), _("Paid By: this client pays for the other one")),
    "guardian": (Side(Kind.GUARDIAN, True), _("Guardian: the other client looks after this one")),
    "guardian_of": (Side(Kind.GUARDIAN, False), _("Guardian: this client looks after the other one")),
    "buddy": (Side(Kind.BUDDY, True), _("Book a Buddy: the other client may book for this one")),
    "buddy_of": (Side(Kind.BUDDY, False), _("Book a Buddy: this client may book for the other one")),
    "family": (Side(Kind.FAMILY, True), _("Family")),
}


@transaction.atomic
def add_linking(client: Client, other: Client, side: str) -> bool:
    """Tie two clients as :data:`SIDES` names it; returns False where they are tied so already, from either side.

    Raises ``ErasedClientError``, ``KeyError`` for an unknown side, and ``ValueError`` for a client and themself.
    """
    chosen, _said = SIDES[side]
    if client.pk == other.pk:
        raise ValueError("a client is not linked to themself")
    if client.business_id != other.business_id:
        raise ValueError("clients of two businesses are never linked")
    both = {client.pk, other.pk}
    if hold_clients(both, using="default") != both:
        raise ErasedClientError
    one, two = (client, other) if chosen.own else (other, client)
    if chosen.kind == Kind.FAMILY and ClientLinking.objects.filter(kind=Kind.FAMILY, client=two, other=one).exists():
        return False
    return ClientLinking.objects.get_or_create(kind=chosen.kind, client=one, other=two)[1]
