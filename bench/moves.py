"""What others do at the very moment of an erasure. Each move is a function of a set and a random generator.

A move may succeed or be refused; it may not break, and it may not leave anything on an erased client.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from bench.cast import CANARY, Cast
from clubhouse.accounts.models import Session as SignIn
from clubhouse.billing.models import Invoice, Payment, StoredCard
from clubhouse.billing.services import record_payment
from clubhouse.clients.models import Client, ClientLinking, ClientNote
from clubhouse.clients.services import update_client
from clubhouse.messages.models import ClientMessage
from clubhouse.schedule import services
from clubhouse.schedule.models import Booking, WaitingListEntry
from tests.support import factories as make

Move = Callable[[Cast, random.Random], None]

MOVES: dict[str, Move] = {}


def move(function: Move) -> Move:
    """Register a move under its name."""
    MOVES[function.__name__] = function
    return function


def pause(rng: random.Random, most: float = 0.012) -> None:
    """A random while, often none."""
    if rng.random() < 0.8:
        time.sleep(rng.random() * most)


def _held(rng: random.Random, write: Callable[[], object]) -> None:
    """Write in a transaction of its own, and stay in it for a while before it commits."""
    with transaction.atomic():
        if rng.random() < 0.3:
            # The transaction is older than what it writes: it has looked at something before.
            Client.objects.filter(pk=0).exists()
            pause(rng, 0.006)
        write()
        pause(rng, 0.006)


@move
def book_by_the_desk(cast: Cast, rng: random.Random) -> None:
    """The service books a place for the client who is being erased."""
    services.book(cast.a, cast.free, now=timezone.now())


@move
def book_for_a_buddy(cast: Cast, rng: random.Random) -> None:
    """The client who is being erased books for a friend."""
    services.book(cast.c, cast.free, now=timezone.now(), booked_by=cast.a)


@move
def book_with_bare_hands(cast: Cast, rng: random.Random) -> None:
    """A program that knows nothing of erasures inserts a booking."""
    _held(
        rng,
        lambda: Booking.objects.create(
            session=cast.free, client_id=cast.a.pk, booked_at=timezone.now(), note=f"{CANARY} late", reference=CANARY
        ),
    )


@move
def book_for_a_buddy_with_bare_hands(cast: Cast, rng: random.Random) -> None:
    """The same, naming the erased client as the one who booked."""
    _held(
        rng,
        lambda: Booking.objects.create(
            session=cast.free, client_id=cast.c.pk, booked_by_id=cast.a.pk, booked_at=timezone.now()
        ),
    )


@move
def move_a_booking(cast: Cast, rng: random.Random) -> None:
    """Somebody's booking is turned into the erased client's by an UPDATE."""
    with transaction.atomic():
        booking = Booking.objects.create(session=cast.free, client_id=cast.c.pk, booked_at=timezone.now())
    _held(rng, lambda: Booking.objects.filter(pk=booking.pk).update(client_id=cast.a.pk, note=f"{CANARY} moved"))


@move
def write_to_the_profile(cast: Cast, rng: random.Random) -> None:
    """The edit form saves."""
    update_client(cast.a.pk, {"notes": f"{CANARY} again", "mobile_no": f"{CANARY} 08"})


@move
def write_to_the_row(cast: Cast, rng: random.Random) -> None:
    """A program writes to the client's row: an UPDATE of a column, or a stale instance saved whole."""
    if rng.random() < 0.5:
        _held(rng, lambda: Client.objects.filter(pk=cast.a.pk).update(notes=f"{CANARY} by hand"))
    else:
        stale = Client.objects.get(pk=cast.a.pk)
        stale.occupation = f"{CANARY} maker"
        _held(rng, stale.save)


@move
def write_beside_the_row(cast: Cast, rng: random.Random) -> None:
    """A program adds something of another kind to the client."""
    a = cast.a.pk
    rows: list[Callable[[], object]] = [
        lambda: ClientNote.objects.create(client_id=a, text=f"{CANARY} note"),
        lambda: StoredCard.objects.create(client_id=a, provider="q", card_token=f"late{a}"),
        lambda: ClientMessage.objects.create(client_id=a, kind="reminder", send_after=make.in_days(1)),
        lambda: WaitingListEntry.objects.create(client_id=a, session=cast.full, joined_at=timezone.now()),
        lambda: ClientLinking.objects.create(kind="buddy", client_id=cast.c.pk, other_id=a),
        lambda: ClientLinking.objects.create(kind="buddy", client_id=cast.b.pk, other_id=cast.c.pk),
        lambda: SignIn.objects.create(
            session_key=f"{CANARY}{a}", session_data="", expire_date=make.in_days(1), user_id=cast.a.user_id
        ),
        lambda: Invoice.objects.create(
            client_id=cast.c.pk,
            paid_by_id=a,
            club=cast.a.home_club,
            number=f"late {a}",
            amount=Decimal(3),
            currency="GBP",
            due_on=make.today(),
            billing_name=f"{CANARY} payer",
        ),
        lambda: Payment.objects.create(
            invoice=Invoice.objects.filter(client_id=a).earliest("pk"), amount=1, status="failed", paid_on=make.today()
        ),
    ]
    _held(rng, rng.choice(rows))


@move
def join_a_waiting_list(cast: Cast, rng: random.Random) -> None:
    """The client who is being erased gets in line."""
    services.join_waiting_list(cast.a, cast.full, now=timezone.now())


@move
def take_the_offer(cast: Cast, rng: random.Random) -> None:
    """The client who is being erased takes the place that is on offer."""
    entry = WaitingListEntry.objects.filter(session=cast.offered, client_id=cast.a.pk).first()
    if entry is not None:
        services.accept_offer(entry, now=timezone.now())


@move
def free_a_place_for_them(cast: Cast, rng: random.Random) -> None:
    """Somebody cancels, and the client who is being erased is the next in line."""
    rows = Booking.objects.filter(session=cast.second)
    services.cancel_bookings(rows, now=timezone.now(), tell_clients=rng.random() < 0.5)


@move
def check_in(cast: Cast, rng: random.Random) -> None:
    """The desk marks an attendance, or cancels the client's own place."""
    services.cancel_bookings(Booking.objects.filter(client=cast.a), now=timezone.now(), tell_clients=True)


@move
def pay_a_debt(cast: Cast, rng: random.Random) -> None:
    """The desk takes money for an invoice of the client's."""
    invoice = Invoice.objects.filter(client_id=cast.a.pk).earliest("pk")
    record_payment(invoice, Decimal(39), "cash", now=timezone.now())


@move
def run_offers_out(cast: Cast, rng: random.Random) -> None:
    """The worker passes on offers, as it does twice a minute."""
    services.expire_offers(make.in_days(0.1))
