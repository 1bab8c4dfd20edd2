"""The people of a race: two or three clients who are tied to each other in every way there is, many sets at a time."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from auditlog.context import disable_auditlog
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.audits.models import LogEntry
from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.clients.search import search_text
from clubhouse.memberships.models import AccountCredit, Membership, Package
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.team.models import StaffMember
from tests.support import factories as make

#: In every personal value of whoever may be erased; nothing of it may be left. Not in what an effect carries to the
#: payment provider, which waits in the outbox until it is done.
CANARY = "kanarie"


@dataclass(frozen=True, kw_only=True)
class Cast:
    """One set: ``a`` and ``b`` may be erased, ``c`` stays. Sessions by what they are for."""

    number: int
    a: Client
    b: Client
    c: Client
    #: ``a`` has a place in ``first`` and waits for ``second``, ``b`` the other way round; ``c`` waits for both.
    first: Session
    second: Session
    #: Nobody is in ``free`` yet, and there is room for all.
    free: Session
    #: ``b`` has the only place in ``full``; nobody waits.
    full: Session
    #: A place in ``offered`` is on offer to ``a``.
    offered: Session


@dataclass(frozen=True)
class World:
    """A business in which an erasure settles everything by itself, with a trainer and a manager."""

    club: Club
    trainer: StaffMember


def make_world(**business: Any) -> World:
    """The business, its club and its staff."""
    passing = {"paid_by": False, "guardian": False}
    values = {"deletion_mode": "cancel_and_erase", "blocker_overrides": passing} | business
    club = make.make_club(make.make_business(**values))
    make.make_staff(club.business, "manager", club=club)
    return World(club, make.make_staff(club.business, club=club, is_instructor=True))


def make_casts(world: World, numbers: range, *, settled: bool = False) -> list[Cast]:
    """As many sets as numbers, in a fixed number of statements.

    ``settled``: nothing is upcoming, owed or left to use, so that an erasure has nothing to do first and is over soon.
    """
    with disable_auditlog():
        people = {name: _clients(world, name, numbers) for name in "abc"}
        names = ("first", "second", "free", "full", "offered")
        sessions = {name: _sessions(world, name, numbers) for name in names}
        casts = [
            Cast(
                number=number,
                **{name: rows[index] for name, rows in people.items()},
                **{name: rows[index] for name, rows in sessions.items()},
            )
            for index, number in enumerate(numbers)
        ]
        _ties(casts)
        _money(casts, settled=settled)
        _profiles(world, casts)
        if not settled:
            _schedule(casts)
    return casts


def _clients(world: World, name: str, numbers: range) -> list[Client]:
    mark = CANARY if name != "c" else "stays"
    users = User.objects.bulk_create(
        User(business=world.club.business, audience="member", email=f"{mark}.{name}{n}@example.com") for n in numbers
    )
    clients = [
        Client(
            business=world.club.business,
            home_club=world.club,
            user=user,
            number=f"{mark}{name}{n}",
            first_name=f"{mark} {name}",
            last_name=f"{mark} {n}",
            email=f"{mark}.{name}{n}@example.org",
            mobile_no=f"{mark} 07",
            notes=f"{mark} likes mornings",
            medical_notes=f"{mark} knee",
            tags=[mark],
            joined_on=make.today() - datetime.timedelta(days=90),
        )
        for n, user in zip(numbers, users, strict=True)
    ]
    for client in clients:
        client.search_text = search_text(client)
    return Client.objects.bulk_create(clients)


def _sessions(world: World, name: str, numbers: range) -> list[Session]:
    capacity = 20 if name == "free" else 1
    return Session.objects.bulk_create(
        Session(
            club=world.club,
            trainer=world.trainer,
            title=f"{name} {n}",
            starts_at=make.in_days(3),
            capacity=capacity,
        )
        for n in numbers
    )


def _ties(casts: list[Cast]) -> None:
    pairs = [pair for cast in casts for pair in ((cast.a, cast.b), (cast.b, cast.a), (cast.a, cast.c))]
    kinds = ClientLinking.Kind.values
    ClientLinking.objects.bulk_create(
        ClientLinking(kind=kind, client=one, other=other) for one, other in pairs for kind in kinds
    )


def _schedule(casts: list[Cast]) -> None:
    now = timezone.now()
    packages = Package.objects.bulk_create(
        Package(client=client, paid_by=payer, name="Ten", credits_total=10, credits_used=2)
        for cast in casts
        for client, payer in ((cast.a, cast.b), (cast.b, cast.a), (cast.c, cast.a))
    )
    own = {package.client_id: package for package in packages}
    book = partial(Booking, booked_at=now, note=f"{CANARY} chair")
    wait = partial(WaitingListEntry, joined_at=now)
    bookings, waiting = [], []
    for cast in casts:
        a, b, c = cast.a, cast.b, cast.c
        bookings += [
            book(session=cast.first, client=a, package=own[a.pk]),
            # Each on the other's package, so that the two erasures give credits back crosswise.
            book(session=cast.second, client=b, package=own[a.pk], booked_by=a),
            book(session=cast.full, client=b, package=own[b.pk]),
        ]
        waiting += [wait(session=cast.first, client=b), wait(session=cast.second, client=a)]
        waiting += [wait(session=session, client=c) for session in (cast.first, cast.second)]
        until = make.in_days(0.08)
        waiting.append(wait(session=cast.offered, client=a, offered_until=until))
        waiting.append(wait(session=cast.offered, client=b))
    Booking.objects.bulk_create(bookings)
    WaitingListEntry.objects.bulk_create(waiting)


def _money(casts: list[Cast], *, settled: bool) -> None:
    pairs = [pair for cast in casts for pair in ((cast.a, cast.b), (cast.b, cast.a), (cast.c, cast.a))]
    club = casts[0].a.home_club
    Membership.objects.bulk_create(
        Membership(
            client=client,
            paid_by=payer,
            status="cancelled" if settled else "active",
            plan="Monthly",
            starts_on=make.today(),
            price=Decimal(39),
            currency="GBP",
            provider_reference=f"sub{client.pk}",
        )
        for client, payer in pairs
    )
    Invoice.objects.bulk_create(
        Invoice(
            client=client,
            paid_by=payer,
            club=club,
            status="paid" if settled else "outstanding",
            number=f"{client.pk}/{payer.pk}",
            description="Monthly",
            amount=Decimal(39),
            currency="GBP",
            due_on=make.today(),
            billing_name=f"{CANARY} {payer.pk}",
        )
        for client, payer in pairs
    )
    everyone = [client for cast in casts for client in (cast.a, cast.b)]
    AccountCredit.objects.bulk_create(
        AccountCredit(
            client=client,
            amount=Decimal(5),
            used=Decimal(5) * settled,
            reason=f"{CANARY} sorry",
            granted_on=make.today(),
        )
        for client in everyone
    )
    StoredCard.objects.bulk_create(
        StoredCard(client=client, provider="p", customer_token=f"cus{client.pk}", card_token=f"pm{client.pk}")
        for client in everyone
    )


def _profiles(world: World, casts: list[Cast]) -> None:
    everyone = [client for cast in casts for client in (cast.a, cast.b)]
    ClientNote.objects.bulk_create(ClientNote(client=client, text=f"{CANARY} said") for client in everyone)
    Identity.objects.bulk_create(
        Identity(client=client, provider="google", subject=f"{CANARY}{client.pk}") for client in everyone
    )
    ClientTrainer.objects.bulk_create(ClientTrainer(client=client, trainer=world.trainer) for client in everyone)
    ProfileImage.objects.bulk_create(
        ProfileImage(client=client, original=f"clients/{client.pk}.png") for client in everyone
    )
    Notification.objects.bulk_create(
        Notification(recipient=world.trainer, kind="needs_payer", client=client) for client in everyone
    )
    ClientMessage.objects.bulk_create(
        ClientMessage(client=client, kind="reminder", send_after=make.in_days(1)) for client in everyone
    )
    kind = ContentType.objects.get_for_model(Client)
    LogEntry.objects.bulk_create(
        LogEntry(
            content_type=kind,
            object_pk=str(client.pk),
            object_id=client.pk,
            object_repr=str(client),
            action=LogEntry.Action.CREATE,
            changes={"last_name": ["None", f"{CANARY} name"]},
            client=client,
        )
        for client in everyone
    )
