"""A client who is in every table, with canaries in every personal column."""

from __future__ import annotations

import datetime
import io
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clubhouse.accounts.models import AddressChange, PasswordReset, User
from clubhouse.accounts.models import Session as SignIn
from clubhouse.audits.models import LogEntry, about
from clubhouse.billing.models import StoredCard
from clubhouse.clients.models import Client, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.localisation.models import ReaderChoice
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking, Club, Session
from clubhouse.tasks.models import Task
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.canaries import Canaries

LINKS = ("buddy", "paid_by", "family", "guardian")


@dataclass(frozen=True, kw_only=True)
class Record:
    """A client in every table, and the rows and people around."""

    client: Client
    canaries: Canaries
    trainer: StaffMember
    friend: Client
    waiting: Client
    upcoming: Session
    past: Session
    appointment: Session
    image: ProfileImage


def picture(text: str, size: tuple[int, int] = (64, 64)) -> ContentFile:
    """A PNG that carries ``text``, so that a search of the media folder's bytes finds it."""
    words = PngInfo()
    words.add_text("Comment", text)
    stream = io.BytesIO()
    Image.new("RGB", size, (90, 120, 160)).save(stream, "PNG", pnginfo=words)
    return ContentFile(stream.getvalue(), name="photo.png")


def make_record(
    club: Club,
    *,
    canaries: Canaries | None = None,
    trainer: StaffMember | None = None,
    settled: bool = False,
    links: Collection[str] = LINKS,
) -> Record:
    """Make a client in every table.

    ``settled=True`` leaves out whatever blocks an erasure under *settle first*: no debt, nothing upcoming, no credit,
    no package or membership in use, and no Paid By or guardian tie whatever ``links`` says.
    """
    values = canaries or Canaries()
    trainer = trainer or make.make_staff(club.business, club=club, is_instructor=True)
    user = make.make_user(club.business, User.Audience.MEMBER, values.member_email)
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    client = make.make_client(club, user=user, **values.client_fields())
    friend = make.make_client(club, member=True)
    waiting = make.make_client(club)
    past = make.make_session(club, days=-20, trainer=trainer)
    upcoming = make.make_session(club, days=4, trainer=trainer, capacity=2)
    appointment = make.make_session(club, days=6, trainer=trainer, kind="appointment", capacity=1)
    _bookings(client, friend, waiting, past, upcoming, appointment, values, settled=settled)
    _money(client, friend, values, settled=settled, paid_by="paid_by" in links)
    _profile(client, trainer, values)
    for kind in links:
        if not (settled and kind in {"paid_by", "guardian"}):
            make.make_linking(kind, client, friend)
            make.make_linking(kind, friend, client)
    _traces(client, user, friend, trainer, past, values, settled=settled)
    image = ProfileImage.objects.create(
        client=client,
        original=picture(values.image_text, (512, 512)),
        medium=picture(values.image_text, (256, 256)),
        thumbnail=picture(values.image_text),
    )
    return Record(
        client=client,
        canaries=values,
        trainer=trainer,
        friend=friend,
        waiting=waiting,
        upcoming=upcoming,
        past=past,
        appointment=appointment,
        image=image,
    )


def _bookings(
    client: Client,
    friend: Client,
    waiting: Client,
    past: Session,
    upcoming: Session,
    appointment: Session,
    values: Canaries,
    *,
    settled: bool,
) -> None:
    club = past.club
    package = make.make_package(
        client, paid_by=None if settled else friend, credits_used=10 if settled else 3, expires_on=make.today()
    )
    make.make_booking(past, client, note=values.booking_note, package=package)
    make.make_booking(make.make_session(club, days=-30, trainer=past.trainer), client, status="no_show")
    make.make_booking(make.make_session(club, days=-31, trainer=past.trainer), client, status="late_cancelled")
    make.make_booking(past, friend, booked_by=client)
    if settled:
        return
    open_package = make.make_package(client, credits_used=1, expires_on=make.today() + datetime.timedelta(days=90))
    make.make_booking(upcoming, client, note=values.booking_note, package=open_package)
    make.make_booking(upcoming, friend, booked_by=client)
    make.make_waiting(upcoming, waiting)
    make.make_booking(appointment, client)
    full = make.make_session(club, days=5, trainer=past.trainer, capacity=1)
    make.make_booking(full, friend)
    make.make_waiting(full, client, offered_until=make.in_days(0.05))
    make.make_booking(make.make_session(club, days=8), client, booked_by=friend, status=Booking.Status.CANCELLED)


def _money(client: Client, friend: Client, values: Canaries, *, settled: bool, paid_by: bool) -> None:
    billing = {"billing_name": values.billing_name, "billing_address": values.billing_address}
    paid = make.make_invoice(client, "paid", once_key=values.sale_key, **billing)
    paid.payments.update(provider_reference=values.payment_token)
    make.make_invoice(client, "refunded", "12.00", **billing)
    make.make_invoice(friend, "paid", "9.00", paid_by=client, **billing)
    StoredCard.objects.create(
        client=client,
        provider="stripe",
        customer_token=values.customer_token,
        card_token=values.card_token,
        brand="visa",
        last4="4242",
        expires="2031-05",
    )
    make.make_credit(client, reason=values.credit_reason, used=Decimal("25.00") if settled else Decimal(0))
    make.make_membership(
        client,
        status="cancelled" if settled else "active",
        cancelled_on=make.today() if settled else None,
        provider_reference=values.subscription_token,
    )
    if settled:
        return
    make.make_invoice(client, "outstanding", "39.00", **billing)
    make.make_invoice(client, "failed", "41.00", **billing)
    if paid_by:
        make.make_membership(friend, paid_by=client)


def _profile(client: Client, trainer: StaffMember, values: Canaries) -> None:
    ClientTrainer.objects.create(client=client, trainer=trainer)
    Identity.objects.create(client=client, provider="google", subject=values.identity_subject)
    ClientNote.objects.create(client=client, author=trainer, text=values.client_note, once_key=values.note_key)
    Task.objects.create(kind=Task.Kind.NEEDS_PAYER, client=client, created_at=make.in_days(-3))


def _traces(
    client: Client,
    user: User,
    friend: Client,
    trainer: StaffMember,
    past: Session,
    values: Canaries,
    *,
    settled: bool,
) -> None:
    ReaderChoice.objects.create(user=user, language="en-gb", timezone="Europe/London")
    SignIn.objects.create(session_key=values.session_key, session_data="e30", expire_date=make.in_days(1), user=user)
    PasswordReset.objects.create(user=user, token_hash=values.reset_token, asked_today=values.reset_asked)
    AddressChange.objects.create(
        user=user, new_email=values.new_email, told=[values.old_email], asked_today=values.reset_asked
    )
    Notification.objects.create(recipient=trainer, kind="booking_cancelled", session=past, client=client, places=1)
    ClientMessage.objects.create(client=client, kind="receipt", send_after=make.in_days(-2), sent_at=make.in_days(-2))
    if not settled:
        ClientMessage.objects.create(client=client, kind="reminder", send_after=make.in_days(2))
    other = friend.bookings.order_by("pk").first()
    # What the member did to somebody else's row: the row stays, who did it does not.
    LogEntry.objects.create(
        content_type=ContentType.objects.get_for_model(Booking),
        object_pk=str(other.pk),
        object_id=other.pk,
        object_repr=str(other),
        action=LogEntry.Action.UPDATE,
        changes={"status": ["booked", "attended"]},
        actor=user,
        actor_email=values.member_email,
        remote_addr=values.remote_address,
        **about(other),
    )
