"""The one service that both of the administrator's doors end in."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.webhooks.telling import tell_blocked
from lethe import pipeline
from lethe.exceptions import Blocked
from lethe.execute import Outcome


@dataclass(frozen=True)
class Erased:
    """What became of an order: the receipt's number, or that there was nothing left to do."""

    number: str = ""

    @property
    def already(self) -> bool:
        """The client had been erased before; nothing was changed (rule 5)."""
        return not self.number


def erase(client: Client, *, by: User, reason: str, fingerprint: str) -> Erased:
    """Erase one client as it was previewed.

    ``fingerprint`` is the preview's. Raises :class:`lethe.exceptions.Blocked` where something has to be settled,
    :class:`lethe.exceptions.Changed` where the preview no longer holds, and
    :class:`lethe.exceptions.SubjectNotFound`. Whether ``by`` may do this is for the caller to have asked (row H19).
    """
    try:
        outcome: Outcome = pipeline.erase(
            Client, [client.pk], by=f"account:{by.pk}", reason=reason, fingerprint=fingerprint, using="default"
        )
    except Blocked as error:
        # Nothing was erased, so there is no transaction left to record it in.
        tell_blocked(client.business_id, error, reason=reason)
        raise
    number = outcome.receipts.get(client.pk, "")
    return Erased(number)


@transaction.atomic
def save_settings(
    business: Business,
    *,
    deletion_mode: str,
    blocker_overrides: dict[str, bool],
    email_domain: str,
    show_deleted: bool,
    prorate: bool,
) -> None:
    """How this business deletes: the way, the blockers set one by one, the address of the erased, Deleted Clients, and
    whether the payment provider works out the unused part of a subscription."""
    locked = Business.objects.select_for_update().get(pk=business.pk)
    locked.deletion_mode = deletion_mode
    locked.blocker_overrides = blocker_overrides
    locked.erased_email_domain = email_domain
    locked.show_deleted_clients = show_deleted
    locked.prorate_cancelled = prorate
    locked.save(
        update_fields=[
            "deletion_mode",
            "blocker_overrides",
            "erased_email_domain",
            "show_deleted_clients",
            "prorate_cancelled",
        ]
    )
