"""Reading providers and identities."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client, Identity
from clubhouse.identities.models import Provider


@dataclass(frozen=True, kw_only=True)
class Way:
    """A provider as a member's Preferences show it: connected or not."""

    provider: Provider
    identity: Identity | None


def providers(business: Business) -> QuerySet[Provider]:
    """The providers that members of a business can sign in with: one query."""
    return Provider.objects.filter(business=business, is_on=True).order_by("name", "pk")


def identity_of(provider: Provider, subject: str) -> Identity | None:
    """The identity of a subject at a provider, in the provider's business, with client and account: one query."""
    found = Identity.objects.filter(
        client__business_id=provider.business_id, provider=provider.key, subject=subject
    ).exclude(client__status=Client.Status.DELETED)
    return found.select_related("client__user").first()


def is_known(business: Business, email: str) -> bool:
    """Whether somebody of a business has this address, as a client or to sign in as a member."""
    return (
        Client.objects.filter(business=business, email__iexact=email).exists()
        or User.objects.filter(business=business, audience=User.Audience.MEMBER, email__iexact=email).exists()
    )


def ways(member: Client) -> list[Way]:
    """The providers of a member's business, and which are connected: two queries."""
    mine = {row.provider: row for row in Identity.objects.filter(client=member)}
    found = Provider.objects.filter(business=member.business_id).order_by("name", "pk")
    return [
        Way(provider=provider, identity=mine.get(provider.key))
        for provider in found
        if provider.is_on or provider.key in mine
    ]
