"""Lines in the inboxes of staff, and messages queued for clients. Nothing leaves the house here: see ``mail``."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.memberships.models import Membership
from clubhouse.memberships.selectors import unused_packages
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Club, Session
from clubhouse.sets import Keys, hold_clients, insert_all
from clubhouse.tasks.services import open_tasks
from clubhouse.team.models import StaffMember
from lethe import outbox

#: Records an effect in the transaction that is open: a kind and a payload.
Emit = Callable[[str, dict[str, Any]], object]


@dataclass(frozen=True, kw_only=True)
class StaffLine:
    """What staff are told of one session: a place, or the whole appointment, became free. Never whose it was."""

    session_id: int
    kind: str
    places: int


def emitter(emit: Emit | None, using: str) -> Emit:
    """The caller's way to record an effect, or the outbox itself."""
    return emit or (lambda kind, payload: outbox.record(kind, payload, using=using))


def tell_staff(
    lines: Sequence[StaffLine], *, now: datetime.datetime, using: str = "default", emit: Emit | None = None
) -> int:
    """Tell the trainer of each session and the managers of its club, or the administrators where it has none (row F11).

    One line for each recipient and session, and one effect for the mail of all of them. Returns the number of lines.
    """
    if not lines:
        return 0
    with transaction.atomic(using=using):
        sessions = Session.objects.using(using).filter(pk__in=Keys(line.session_id for line in lines))
        columns = ("pk", "club_id", "trainer_id", "trainer__user__is_active")
        around = {
            pk: (club, {trainer} if active else set()) for pk, club, trainer, active in sessions.values_list(*columns)
        }
        desk = _desks({club for club, _ in around.values()}, using)
        rows = [
            Notification(recipient_id=recipient, kind=line.kind, session_id=line.session_id, places=line.places)
            for line in lines
            for club, trainer in [around[line.session_id]]
            for recipient in sorted(desk[club] | trainer)
        ]
        return _deliver(rows, using, emit)


def tell_needs_payer(
    ids: Sequence[int], using: str = "default", *, now: datetime.datetime | None = None, emit: Emit | None = None
) -> dict[str, int]:
    """Make a task of each client who loses a payer, or the last guardian, because the clients ``ids`` are erased.

    A payer: by Paid By, of a running membership, a package in use or an open invoice. Goes to the managers of the
    dependant's home club, or the administrators. Call it while the ties still stand.
    """
    now = now or timezone.now()
    gone = Keys(ids)
    links = ClientLinking.objects.using(using)
    dependants = Client.objects.using(using).exclude(status=Client.Status.DELETED).exclude(pk__in=gone)
    paid_for = Q(pk__in=links.filter(kind=ClientLinking.Kind.PAID_BY, other_id__in=gone).values("client_id"))
    for rows in (
        Membership.objects.using(using).filter(status__in=[Membership.Status.ACTIVE, Membership.Status.FROZEN]),
        unused_packages(now).using(using),
        Invoice.objects.using(using).filter(
            status__in=[Invoice.Status.OUTSTANDING, Invoice.Status.FAILED, Invoice.Status.DISPUTED]
        ),
    ):
        paid_for |= Q(pk__in=rows.filter(paid_by_id__in=gone).values("client_id"))
    guardians = links.filter(kind=ClientLinking.Kind.GUARDIAN)
    remaining = guardians.filter(client=OuterRef("pk")).exclude(other_id__in=gone).exclude(other__status="deleted")
    wards = dependants.filter(pk__in=guardians.filter(other_id__in=gone).values("client_id")).filter(~Exists(remaining))
    kinds = Notification.Kind
    with transaction.atomic(using=using):
        tasks = [(kinds.NEEDS_PAYER, *row) for row in _with_club(dependants.filter(paid_for))]
        tasks += [(kinds.NEEDS_GUARDIAN, *row) for row in _with_club(wards)]
        # A line about a client who is locked (edited, or under an erasure too) would wait while this erasure holds its
        # own, which ties transactions into a deadlock; it is written after commit instead.
        held = hold_clients({client for _, client, _ in tasks}, using=using, skip_locked=True)
        later = [[str(kind), client] for kind, client, _ in tasks if client not in held]
        if later:
            emitter(emit, using)("staff.tasks", {"tasks": later})
        _write_tasks([task for task in tasks if task[1] in held], using, emit, now=now)
    return {
        "clients who need a new payer": sum(kind == kinds.NEEDS_PAYER for kind, *_ in tasks),
        "clients who need a guardian": sum(kind == kinds.NEEDS_GUARDIAN for kind, *_ in tasks),
    }


def tell_not_done(counts: Mapping[int, int], using: str = "default") -> int:
    """Tell the administrators of each business (key to how many) that something outside has been failing for long.

    A line that nobody has read yet is not written twice. Returns the number of lines. Four queries, however many
    businesses there are."""
    kind = Notification.Kind.NOT_DONE_OUTSIDE
    unread = Notification.objects.using(using).filter(kind=kind, read_at=None)
    staff = StaffMember.objects.using(using).filter(
        user__is_active=True, role=StaffMember.Role.ADMINISTRATOR, business_id__in=Keys(counts)
    )
    told = staff.exclude(pk__in=unread.values("recipient")).values_list("pk", flat=True)
    return _deliver([Notification(recipient_id=pk, kind=kind) for pk in told], using, None)


def tell_residue(found: Collection[tuple[int, int | None]], using: str = "default") -> int:
    """Tell the administrators of each business that one of their records still names somebody who was deleted.

    ``found`` holds (business key, key of the client whose profile shows it, or ``None``). A line that nobody has read
    yet is not written twice. Returns the number of lines; a fixed number of queries, however many finds there are.
    """
    kind = Notification.Kind.RESIDUE_FOUND
    with transaction.atomic(using=using):
        # Whose line it is may be just being erased: their lines go with them.
        held = hold_clients({client for _, client in found if client}, using=using)
        staff = StaffMember.objects.using(using).filter(
            user__is_active=True, role=StaffMember.Role.ADMINISTRATOR, business_id__in=Keys({b for b, _ in found})
        )
        administrators: dict[int, list[int]] = defaultdict(list)
        for pk, business in staff.order_by("pk").values_list("pk", "business_id"):
            administrators[business].append(pk)
        unread = Notification.objects.using(using).filter(kind=kind, read_at=None)
        known = set(unread.values_list("recipient_id", "client_id"))
        wanted = {
            (recipient, client)
            for business, client in found
            if client is None or client in held
            for recipient in administrators[business]
        }
        rows = [
            Notification(recipient_id=recipient, kind=kind, client_id=client)
            for recipient, client in sorted(wanted - known, key=lambda pair: (pair[0], pair[1] or 0))
        ]
        return _deliver(rows, using, None)


def write_tasks(tasks: Iterable[tuple[str, int]], using: str = "default") -> int:
    """Make the tasks (kind, client key) that had to wait for a lock; returns how many colleagues' lines there are.

    A client who has been erased since needs nothing, and a task that is in the inboxes already is not made twice.
    """
    with transaction.atomic(using=using):
        wanted = {(kind, client) for kind, client in tasks}
        held = hold_clients({client for _, client in wanted}, using=using)
        known = Notification.objects.using(using).filter(client_id__in=Keys(held), read_at=None)
        wanted -= set(known.values_list("kind", "client_id"))
        clubs = dict(_with_club(Client.objects.using(using).filter(pk__in=Keys(held))))
        rows = [(kind, client, clubs[client]) for kind, client in sorted(wanted) if client in clubs]
        return _write_tasks(rows, using, None, now=timezone.now())


def tell_clients(
    places: Iterable[tuple[int, int]], kind: str, *, now: datetime.datetime, using: str = "default"
) -> int:
    """Queue a message for each (client key, session key), to be sent at once. Returns how many. One statement."""
    rows = [
        ClientMessage(client_id=client, session_id=session, kind=kind, send_after=now) for client, session in places
    ]
    return len(insert_all(rows, using=using))


def mark_read(
    recipient: StaffMember, *, now: datetime.datetime, keys: Collection[int] | None = None, using: str = "default"
) -> int:
    """Mark lines of a colleague's own inbox as read: those of ``keys``, or all. Returns how many were unread."""
    unread = Notification.objects.using(using).filter(recipient=recipient, read_at=None)
    if keys is not None:
        unread = unread.filter(pk__in=Keys(keys))
    return unread.update(read_at=now)


def _write_tasks(
    tasks: Sequence[tuple[str, int, int]], using: str, emit: Emit | None, *, now: datetime.datetime
) -> int:
    """A task, and a line for each colleague who looks after the client's home club: (kind, client key, club key)."""
    open_tasks(((kind, client) for kind, client, _ in tasks), now=now, using=using)
    desk = _desks({club for _, _, club in tasks}, using)
    rows = [
        Notification(recipient_id=recipient, kind=kind, client_id=client)
        for kind, client, club in tasks
        for recipient in sorted(desk[club])
    ]
    return _deliver(rows, using, emit)


def _with_club(clients: models.QuerySet[Client]) -> list[tuple[int, int]]:
    return list(clients.order_by("pk").values_list("pk", "home_club_id"))


def _desks(clubs: Collection[int], using: str) -> Mapping[int, set[int]]:
    """Club key to the colleagues who look after it: its managers, or else the administrators. Two queries."""
    if not clubs:
        return {}
    managers: dict[int, set[int]] = defaultdict(set)
    administrators: dict[int, set[int]] = defaultdict(set)
    of_business = dict(Club.objects.using(using).filter(pk__in=Keys(clubs)).values_list("pk", "business_id"))
    staff = StaffMember.objects.using(using).filter(user__is_active=True)
    rows = staff.filter(
        Q(role=StaffMember.Role.MANAGER, club_id__in=Keys(clubs))
        | Q(role=StaffMember.Role.ADMINISTRATOR, business_id__in=Keys(of_business.values()))
    )
    for pk, role, club, business in rows.values_list("pk", "role", "club_id", "business_id"):
        if role == StaffMember.Role.MANAGER:
            managers[club].add(pk)
        else:
            administrators[business].add(pk)
    return {club: managers[club] or administrators[business] for club, business in of_business.items()}


def _deliver(rows: Sequence[Notification], using: str, emit: Emit | None) -> int:
    """Write the lines, and one effect for the mail of each business: who is told of its failures is the business's."""
    keys = insert_all(rows, using=using)
    if keys:
        written = Notification.objects.using(using).filter(pk__in=Keys(keys))
        of_business: dict[int, list[int]] = defaultdict(list)
        for pk, business in written.order_by("pk").values_list("pk", "recipient__business_id"):
            of_business[business].append(pk)
        for business, lines in sorted(of_business.items()):
            emitter(emit, using)("staff.mail", {"notifications": lines, "business": business})
    return len(keys)
