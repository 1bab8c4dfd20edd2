"""Reading clients: who may see which, and all that a profile shows in a fixed number of queries."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.permissions import is_administrator, may
from clubhouse.billing.models import StoredCard
from clubhouse.billing.selectors import credits_of, invoices_of
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.clients.search import matching
from clubhouse.memberships.models import Membership
from clubhouse.memberships.selectors import active_memberships, memberships_of, packages_of
from clubhouse.schedule.models import WaitingListEntry
from clubhouse.schedule.selectors import bookings_of, upcoming_bookings, waiting_of
from clubhouse.team.models import StaffMember

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: Rows a profile shows of each kind until all are asked for.
SHOWN = 20


# --- who is seen by whom ----------------------------------------------------------------------------------------------
def visible(staff: StaffMember) -> QuerySet[Client]:
    """The clients a colleague sees in lists: of the business, of the one club for a manager, and none erased."""
    return _within_reach(staff).exclude(status=Client.Status.DELETED)


def erased(staff: StaffMember) -> QuerySet[Client]:
    """Deleted Clients: for administrators of a business that shows them (row H18); an empty set for everyone else."""
    if not (is_administrator(staff) and staff.business.show_deleted_clients):
        return Client.objects.none()
    return _within_reach(staff).filter(status=Client.Status.DELETED)


def find(staff: StaffMember, pk: int) -> Client:
    """One client of the colleague's reach. Raises ``Http404`` for everyone else's, and for an erased one who may not
    be seen."""
    client = _within_reach(staff).select_related("home_club").filter(pk=pk).first()
    if client is None or (client.is_erased and not erased(staff).filter(pk=pk).exists()):
        raise Http404
    client.business = staff.business
    return client


def find_even_erased(staff: StaffMember, pk: int) -> Client:
    """One client of the colleague's reach, erased or not: for the last step, which is a success when it comes twice."""
    client = _within_reach(staff).select_related("home_club").filter(pk=pk).first()
    if client is None:
        raise Http404
    client.business = staff.business
    return client


def _within_reach(staff: StaffMember) -> QuerySet[Client]:
    clients = Client.objects.filter(business_id=staff.business_id)
    if staff.role == StaffMember.Role.MANAGER and staff.club_id is not None:
        return clients.filter(home_club_id=staff.club_id)
    return clients


# --- lists ------------------------------------------------------------------------------------------------------------
def search(staff: StaffMember, query: str = "", status: str = "") -> QuerySet[Client]:
    """Clients by name, e-mail address, phone number or id (row H1), and by status; in order of their names."""
    clients = visible(staff)
    if query.strip():
        clients = clients.filter(matching(query))
    if status:
        clients = clients.filter(status=status)
    return clients.select_related("home_club").order_by(Lower("last_name"), Lower("first_name"), "pk")


def colleagues(staff: StaffMember, query: str = "") -> QuerySet[StaffMember]:
    """Colleagues of the business by name, sign-in address or id, for "Users"."""
    found = StaffMember.objects.filter(business_id=staff.business_id).select_related("user", "access_group", "club")
    for word in query.split():
        found = found.filter(Q(name__icontains=word) | Q(user__email__icontains=word) | Q(reference__iexact=word))
    return found.order_by(Lower("name"), "pk")


def trainers(staff: StaffMember) -> QuerySet[StaffMember]:
    """Who may look after a client: colleagues who train, and can still sign in."""
    rows = StaffMember.objects.filter(business_id=staff.business_id, is_instructor=True, user__is_active=True)
    return rows.order_by(Lower("name"), "pk")


# --- the profile ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Some:
    """The first rows of a kind, and whether there are more."""

    rows: list[Any]
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class Tie:
    """A linking seen from one of its two sides: what the other is to this client."""

    linking: ClientLinking
    relation: StrOrPromise
    other: Client
    own: bool


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a profile shows; a part that the colleague's group does not include is None."""

    image: ProfileImage | None
    trainers: list[ClientTrainer]
    other_trainers: list[StaffMember]
    identities: list[Identity]
    ties: list[Tie]
    notes: Some
    pays_for: list[Membership] | None = None
    upcoming: Some | None = None
    past: Some | None = None
    waiting: list[WaitingListEntry] | None = None
    memberships: Some | None = None
    packages: Some | None = None
    credits: Some | None = None
    invoices: Some | None = None
    cards: list[StoredCard] | None = None

    @property
    def payers(self) -> list[Client]:
        """Who may pay for this client: those linked by Paid By."""
        own = [tie for tie in self.ties if tie.linking.kind == ClientLinking.Kind.PAID_BY and tie.own]
        return [tie.other for tie in own if not tie.other.is_erased]


RELATIONS = {
    (ClientLinking.Kind.BUDDY, "own"): _("Book a Buddy"),
    (ClientLinking.Kind.BUDDY, "other"): _("Book a Buddy for"),
    (ClientLinking.Kind.PAID_BY, "own"): _("Paid By"),
    (ClientLinking.Kind.PAID_BY, "other"): _("Paid By: pays for"),
    (ClientLinking.Kind.FAMILY, "own"): _("Family"),
    (ClientLinking.Kind.FAMILY, "other"): _("Family"),
    (ClientLinking.Kind.GUARDIAN, "own"): _("Guardian"),
    (ClientLinking.Kind.GUARDIAN, "other"): _("Guardian of"),
}


def profile(staff: StaffMember, client: Client, *, everything: str = "") -> Profile:
    """All that a profile shows, in a fixed number of queries. ``everything`` names the one kind to show in full."""
    now = timezone.now()

    def some(name: str, rows: QuerySet[Any]) -> Some:
        if name == everything:
            return Some(list(rows))
        found = list(rows[: SHOWN + 1])
        return Some(found[:SHOWN], more=len(found) > SHOWN)

    parts: dict[str, Any] = {}
    if may(staff, "schedule"):
        bookings = bookings_of(client.pk)
        coming = upcoming_bookings(now).values("pk")
        parts |= {
            "upcoming": some("upcoming", bookings.filter(pk__in=coming).order_by("session__starts_at", "pk")),
            "past": some("past", bookings.exclude(pk__in=coming)),
            "waiting": list(waiting_of(client.pk, now)),
        }
    if may(staff, "retail"):
        parts |= {
            "memberships": some("memberships", memberships_of(client.pk)),
            "packages": some("packages", packages_of(client.pk)),
            "credits": some("credits", credits_of(client.pk)),
            "invoices": some("invoices", invoices_of(client.pk)),
            "cards": list(StoredCard.objects.filter(client=client).order_by("pk")),
            "pays_for": list(active_memberships(now).filter(paid_by=client).select_related("client").order_by("pk")),
        }
    return Profile(
        image=image_of(client),
        trainers=list(ClientTrainer.objects.filter(client=client).select_related("trainer").order_by("trainer__name")),
        other_trainers=list(trainers(staff).exclude(client_trainers__client=client)),
        identities=list(Identity.objects.filter(client=client).order_by("provider")),
        ties=ties(client),
        notes=some("notes", ClientNote.objects.filter(client=client).select_related("author").order_by("-pk")),
        **parts,
    )


def image_of(client: Client) -> ProfileImage | None:
    """The client's latest picture."""
    return ProfileImage.objects.filter(client=client).order_by("-pk").first()


def ties(client: Client) -> list[Tie]:
    """Linkings of a client from both sides, in one query."""
    found = ClientLinking.objects.filter(Q(client=client) | Q(other=client)).select_related("client", "other")
    seen = []
    for linking in found.order_by("kind", "pk"):
        own = linking.client_id == client.pk
        relation = RELATIONS[ClientLinking.Kind(linking.kind), "own" if own else "other"]
        seen.append(Tie(linking=linking, relation=relation, other=linking.other if own else linking.client, own=own))
    return seen


def age(dob: datetime.date | None, today: datetime.date) -> int | None:
    """Whole years since a date of birth; None where it is not known."""
    if dob is None:
        return None
    return today.year - dob.year - ((today.month, today.day) < (dob.month, dob.day))
