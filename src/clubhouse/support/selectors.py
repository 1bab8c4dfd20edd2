"""Reading requests: whether a business may send any, its own, the operator's queue, and how one compares."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.support.models import Case
from clubhouse.team.models import AccessGroup, StaffMember


def deleters(business: int) -> QuerySet[StaffMember]:
    """The colleagues of a business who can delete a client themselves and can sign in (row H19)."""
    return StaffMember.objects.filter(
        business_id=business,
        role=StaffMember.Role.ADMINISTRATOR,
        access_group__account_type=AccessGroup.AccountType.ADMINISTRATOR,
        access_group__delete_accounts=True,
        user__is_active=True,
    ).order_by("name", "pk")


def of_business(business: Business) -> QuerySet[Case]:
    """The requests of a business, the newest first."""
    return Case.objects.filter(business=business).order_by("-created_at", "-pk")


def find(business: Business, pk: int) -> Case:
    """One request of the business. Raises ``Http404`` for another's."""
    case = of_business(business).filter(pk=pk).first()
    if case is None:
        raise Http404
    case.business = business
    return case


# --- the operator -----------------------------------------------------------------------------------------------------
def queue() -> QuerySet[Case]:
    """The requests of every business that wait for the operator, the oldest first."""
    waiting = Case.objects.filter(state__in=(Case.State.OPEN, Case.State.OPENED))
    return waiting.select_related("business").order_by("created_at", "pk")


def others() -> QuerySet[Case]:
    """The requests that do not wait for the operator, the newest first."""
    rest = Case.objects.exclude(state__in=(Case.State.OPEN, Case.State.OPENED))
    return rest.select_related("business").order_by("-moved_at", "-pk")


def any_case(pk: int) -> Case:
    """One request of any business. Raises ``Http404``."""
    case = Case.objects.select_related("business").filter(pk=pk).first()
    if case is None:
        raise Http404
    return case


@dataclass(frozen=True)
class Compared:
    """One detail beside the record's own; the two match to the letter, or do not."""

    label: str
    typed: str
    own: str
    matches: bool


@dataclass(frozen=True)
class Comparison:
    """Every detail of a request, and the record it may open; ``client`` is None where no record has the id."""

    fields: list[Compared]
    client: Client | None

    @property
    def all_match(self) -> bool:
        """Whether the deletion may be opened."""
        return self.client is not None and all(field.matches for field in self.fields)


def named_by(case: Case) -> Client | None:
    """The record with the id that was typed, if it is still the one it was when the request was sent."""
    mine = Client.objects.select_related("home_club").filter(business=case.business_id, number=case.typed_id)
    client = mine.exclude(status=Client.Status.DELETED).first() if case.typed_id else None
    if client is None or client.pk != case.client_id:
        return None
    client.business = case.business
    return client


def compare(case: Case) -> Comparison:
    """Set each detail beside the record's own value: one query."""
    client = named_by(case)
    own = (client.display_name, client.email, client.number) if client else ("", "", "")
    typed = (case.typed_name, case.typed_email, case.typed_id)
    rows = zip((_("Name"), _("E-mail address"), _("Id")), typed, own, strict=True)
    return Comparison([Compared(label, sent, value, _same(sent, value)) for label, sent, value in rows], client)


def _same(typed: str, own: str) -> bool:
    """To the letter. Nothing typed matches nothing."""
    return bool(typed) and unicodedata.normalize("NFC", own) == typed
