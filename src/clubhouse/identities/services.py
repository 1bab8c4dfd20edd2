"""Linking identities, opening accounts with them, and taking them apart. No network here: that was before, or is an
effect (row P15)."""

from __future__ import annotations

import datetime
import secrets

from django.db import transaction
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client, Identity
from clubhouse.clients.search import search_text
from clubhouse.identities.models import Grant, Provider
from clubhouse.identities.protocol import Said, is_apple
from clubhouse.identities.sealing import seal
from clubhouse.identities.selectors import identity_of, is_known
from clubhouse.schedule.models import Club
from clubhouse.sets import hold_clients
from lethe import outbox


class Taken(Exception):
    """This sign-in is connected to another account of the club. Sign in with it, and disconnect it there first."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Known(Exception):
    """This address belongs to an account of the club. Sign in to that account, then connect the two."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class LastWay(Exception):
    """Without this you could not sign in any more. Set a password first, by “Forgotten password” at the sign-in."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


class Gone(Exception):
    """The account was deleted while this was asked."""


@transaction.atomic
def sign_in(provider: Provider, said: Said) -> User | None:
    """The account that an identity opens, with its token held for the end; None where there is none."""
    identity = identity_of(provider, said.subject)
    if identity is None or not hold_clients([identity.client_id], using="default"):
        return None
    user = identity.client.user
    if user is None or not user.is_active:
        return None
    _hold(identity, provider, said)
    return user


def connect(provider: Provider, said: Said, member: Client) -> None:
    """Let a member sign in with this identity too. Raises :class:`Taken` and :class:`Gone`. Twice is as once.

    The token that came along for somebody who was erased on the way is revoked: nothing here holds it.
    """
    try:
        _connect(provider, said, member)
    except Gone:
        if said.token:
            _revoke(Grant(provider=provider, token_sealed=seal(said.token), kind=said.kind))
        raise


@transaction.atomic
def _connect(provider: Provider, said: Said, member: Client) -> None:
    _one_after_the_other(provider)
    if not hold_clients([member.pk], using="default"):
        raise Gone
    identity = identity_of(provider, said.subject)
    if identity is not None and identity.client_id != member.pk:
        raise Taken
    if identity is None:
        identity = Identity.objects.create(client=member, provider=provider.key, subject=said.subject)
    _hold(identity, provider, said)


@transaction.atomic
def open_account(
    provider: Provider, said: Said, *, first_name: str, last_name: str, club: Club, now: datetime.datetime
) -> User:
    """Make a client and an account without a password for an identity that nobody has, with no history.

    The address is the one the provider has confirmed. Raises :class:`Taken` where the identity has an account by now,
    and :class:`Known` where the address has one: an address proves nothing about that account.
    """
    _one_after_the_other(provider)
    if identity_of(provider, said.subject) is not None:
        raise Taken
    if not said.email or is_known(provider.business, said.email):
        raise Known
    user = User.objects.create_user(said.email, None, business_id=provider.business_id, audience=User.Audience.MEMBER)
    client = Client(
        business_id=provider.business_id,
        home_club=club,
        user=user,
        number=_number(provider.business_id),
        status=Client.Status.LEAD,
        joined_on=timezone.localdate(now),
        first_name=first_name.strip(),
        last_name=last_name.strip(),
        email=said.email,
    )
    client.search_text = search_text(client)
    client.save()
    identity = Identity.objects.create(client=client, provider=provider.key, subject=said.subject)
    _hold(identity, provider, said)
    return user


@transaction.atomic
def disconnect(member: Client, pk: int) -> None:
    """Take an identity from a member; its token is revoked after commit. Raises :class:`LastWay`. Twice is as once."""
    if not hold_clients([member.pk], using="default"):
        return
    mine = list(Identity.objects.select_for_update().filter(client=member))
    identity = next((row for row in mine if row.pk == pk), None)
    if identity is None:
        return
    user: User = member.user  # type: ignore[assignment]
    others = [row for row in mine if row.pk != pk and row.provider.startswith("oidc:")]
    if not user.has_usable_password() and not others:
        raise LastWay
    for grant in Grant.objects.filter(identity=identity).select_related("provider"):
        _revoke(grant)
    identity.delete()


def save_provider(provider: Provider, *, secret: str) -> Provider:
    """Save a new or changed provider; an empty ``secret`` leaves the one there is."""
    if secret:
        provider.secret_sealed = seal(secret)
    provider.save()
    return provider


# --- parts ------------------------------------------------------------------------------------------------------------
def _hold(identity: Identity, provider: Provider, said: Said) -> None:
    """Hold the newest token. The one before is revoked, save at Apple, where that would end the newest too."""
    if not said.token:
        return
    before = Grant.objects.select_for_update(of=("self",)).select_related("provider").filter(identity=identity).first()
    if before is not None:
        if is_apple(provider):
            return
        if before.kind == "refresh_token":
            _revoke(before)
        before.delete()
    Grant.objects.create(identity=identity, provider=provider, token_sealed=seal(said.token), kind=said.kind)


def _revoke(grant: Grant) -> None:
    """Outside of an erasure, whose run says so, the effect says whose administrators hear of it where it fails."""
    provider = grant.provider
    outbox.record(
        "identity.revoke",
        {
            "token": grant.token_sealed,
            "hint": grant.kind,
            "provider": provider.pk,
            "business": provider.business_id,
        },
    )


def _one_after_the_other(provider: Provider) -> None:
    """Two who bring the same identity at once follow each other, and the second sees what the first did."""
    Provider.objects.select_for_update().get(pk=provider.pk)


def _number(business: int) -> str:
    while True:
        number = f"A{secrets.randbelow(9_000_000) + 1_000_000}"
        if not Client.objects.filter(business=business, number=number).exists():
            return number
