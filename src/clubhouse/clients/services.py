"""Changing clients. Every function here refuses an erased client, and the database does once more (row N9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from clubhouse.clients.models import Client, ClientLinking
from clubhouse.clients.search import search_text
from clubhouse.memberships.models import Membership
from clubhouse.memberships.services import remove_payer


class ErasedClientError(Exception):
    """This client is deleted and read-only. Nothing was changed."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def refuse_erased(*clients: Client) -> None:
    """Raise :class:`ErasedClientError` where any of the clients is erased."""
    if any(client.is_erased for client in clients):
        raise ErasedClientError


@transaction.atomic
def update_client(pk: int, values: Mapping[str, Any]) -> Client:
    """Give a client's fields new values and keep the search text in step.

    The row is locked first, so that an erasure that ends meanwhile is seen and refused rather than written over.
    Raises ``ErasedClientError``, and ``Client.DoesNotExist`` for an unknown key. The status "deleted" is no value: a
    deletion is an erasure, and :mod:`clubhouse.privacy.services` does those.
    """
    if values.get("status") == Client.Status.DELETED:
        raise ValueError("A status of “Deleted” is set by an erasure only: use clubhouse.privacy.services.erase().")
    client = Client.objects.select_for_update().get(pk=pk)
    refuse_erased(client)
    for name, value in values.items():
        setattr(client, name, value)
    client.search_text = search_text(client)
    client.save()
    return client


@transaction.atomic
def remove_linking(linking: ClientLinking) -> None:
    """Take apart a tie between two clients, from either side. Raises ``ErasedClientError``.

    With Paid By, what the one pays for running memberships of the other ends too.
    """
    refuse_erased(*Client.objects.filter(pk__in=[linking.client_id, linking.other_id]))
    if linking.kind == ClientLinking.Kind.PAID_BY:
        paid = Membership.objects.filter(client_id=linking.client_id, paid_by_id=linking.other_id)
        remove_payer(paid.exclude(status=Membership.Status.CANCELLED))
    linking.delete()
