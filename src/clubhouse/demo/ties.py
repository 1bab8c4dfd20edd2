"""What ties the demo's clients to each other and to the team: linkings, trainers, notes, messages, traces, pictures."""

from __future__ import annotations

import datetime
import io

from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from PIL import Image, ImageDraw

from clubhouse.audits.models import LogEntry
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.demo import names
from clubhouse.demo.people import make_minor
from clubhouse.demo.world import World
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking, Session

SIZES = {"original": 480, "medium": 240, "thumbnail": 96}
PICTURES = 24
SKIES = ((46, 94, 120), (120, 74, 46), (62, 110, 74), (98, 62, 110), (138, 96, 40), (52, 62, 96))
SKINS = ((236, 205, 178), (205, 160, 120), (160, 112, 78), (112, 76, 52), (84, 56, 40))


def make_linkings(world: World) -> None:
    """Ties of each kind. ``client`` is paid for, booked for, looked after; ``other`` does it."""
    crowd = world.showing("member")
    [me] = world.showing("member sign-in")
    [paying] = world.showing("paid by")
    [guardian] = world.showing("guardian")
    [everything] = world.showing("everything")
    ties = [
        ("buddy", me, crowd[0]),
        ("paid_by", crowd[1], paying),
        ("guardian", crowd[2], guardian),
        ("paid_by", everything, crowd[3]),
        ("paid_by", crowd[4], everything),
        ("guardian", crowd[5], everything),
        ("buddy", crowd[6], everything),
        ("family", everything, crowd[5]),
    ]
    for n in range(40, 70, 3):
        ties += [("buddy", crowd[n], crowd[n + 1]), ("family", crowd[n + 1], crowd[n + 2])]
    for n in range(70, 82, 3):
        ties += [("paid_by", crowd[n], crowd[n + 1]), ("guardian", crowd[n + 2], crowd[n + 1])]
        make_minor(world, crowd[n + 2])
    for minor in (crowd[2], crowd[5]):
        make_minor(world, minor)
    ClientLinking.objects.bulk_create(ClientLinking(kind=kind, client=one, other=other) for kind, one, other in ties)
    payers = {client.pk: payer for kind, client, payer in ties if kind == "paid_by"}
    for membership in world.memberships:
        membership.paid_by = payers.get(membership.client_id)
    type(world.memberships[0]).objects.bulk_update(world.memberships, ["paid_by"])


def make_buddy_bookings(world: World) -> None:
    """Some places of the next week were booked by a friend."""
    friends = dict(ClientLinking.objects.filter(kind="buddy").values_list("client_id", "other_id"))
    upcoming = Booking.objects.filter(client__in=friends, status="booked", session__starts_at__gt=world.now)
    booked = list(upcoming.order_by("pk")[:15])
    for booking in booked:
        booking.booked_by_id = friends[booking.client_id]
    Booking.objects.bulk_update(booked, ["booked_by"])


def make_profiles(world: World) -> None:
    """Trainers, notes and social sign-ins."""
    chance = world.chance
    known = [client for client in world.clients if world.shows[client.number] != "lead"]
    ClientTrainer.objects.bulk_create(
        ClientTrainer(client=client, trainer=chance.choice(world.trainers)) for client in known[::4]
    )
    writers = world.trainers + world.desk
    written = ClientNote.objects.bulk_create(
        ClientNote(client=client, author=chance.choice(writers), text=chance.choice(names.NOTES))
        for client in known[::5]
    )
    for note in written:
        note.created_at = world.now - datetime.timedelta(days=chance.randrange(1, 50))
    ClientNote.objects.bulk_update(written, ["created_at"])
    Identity.objects.bulk_create(
        Identity(client=client, provider=provider, subject=f"demo-{provider}-{client.number}")
        for n, client in enumerate(known[::9])
        for provider in (("google", "apple", "facebook")[n % 3],)
    )


def make_traces(world: World) -> None:
    """Audits, the team's inbox, and messages to clients, sent and still to send."""
    about = ContentType.objects.get_for_model(Client)
    desk = world.desk[0].user
    LogEntry.objects.bulk_create(
        LogEntry(
            content_type=about,
            object_pk=str(client.pk),
            client=client,
            object_id=client.pk,
            object_repr=str(client),
            action=LogEntry.Action.UPDATE,
            changes={"mobile_no": ["None", client.mobile_no]},
            actor=desk,
            actor_email=desk.email,
            timestamp=world.now - datetime.timedelta(days=30 - n % 28),
        )
        for n, client in enumerate(world.clients[::6])
    )
    dropped = Booking.objects.filter(status="cancelled", session__starts_at__gt=world.now).select_related("session")
    Notification.objects.bulk_create(
        Notification(
            recipient=recipient,
            kind=Notification.Kind.BOOKING_CANCELLED,
            session=booking.session,
            client_id=booking.client_id,
            places=1,
            mailed_at=world.now,
        )
        for booking in dropped.order_by("-pk")[:20]
        for recipient in (booking.session.trainer_id and world.trainers[0], world.managers[0])
        if recipient
    )
    soon = Booking.objects.filter(
        status="booked",
        session__status=Session.Status.SCHEDULED,
        session__starts_at__gt=world.now + datetime.timedelta(days=2),
    )
    messages = [
        ClientMessage(
            client_id=booking.client_id,
            kind=ClientMessage.Kind.REMINDER,
            session=booking.session,
            send_after=booking.session.starts_at - datetime.timedelta(days=1),
        )
        for booking in soon.select_related("session").order_by("session__starts_at", "pk")[:60]
    ]
    past = world.now - datetime.timedelta(days=9)
    messages += [
        ClientMessage(client=client, kind=ClientMessage.Kind.RECEIPT, send_after=past, sent_at=past)
        for client in world.showing("member", "everything")[:40]
    ]
    ClientMessage.objects.bulk_create(messages)


def make_pictures(world: World) -> None:
    """A drawn portrait for some clients, in three sizes. Last of all, because files do not roll back."""
    shown = [*world.clients[:13], *world.showing("member")[: PICTURES - 13]]
    ProfileImage.objects.bulk_create(
        ProfileImage(client=client, **{name: _portrait(n, size) for name, size in SIZES.items()})
        for n, client in enumerate(shown)
    )


def _portrait(n: int, size: int) -> ContentFile[bytes]:
    big = 480
    picture = Image.new("RGB", (big, big), SKIES[n % len(SKIES)])
    draw = ImageDraw.Draw(picture)
    shirt = SKIES[(n + 2) % len(SKIES)]
    skin = SKINS[(n * 3 + 1) % len(SKINS)]
    hair = tuple(part // 3 for part in SKIES[(n * 5 + 4) % len(SKIES)])
    draw.ellipse((60, 330, 420, 700), fill=shirt)
    draw.rectangle((205, 280, 275, 350), fill=skin)
    draw.ellipse((140, 80 - n % 3 * 8, 340, 290), fill=hair)
    draw.ellipse((155, 110, 325, 310), fill=skin)
    for left in (200, 262):
        draw.ellipse((left, 190, left + 18, 210), fill=(30, 30, 36))
    draw.arc((205, 215, 275, 270), 20, 160, fill=(120, 50, 50), width=6)
    stream = io.BytesIO()
    picture.resize((size, size), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=82)
    return ContentFile(stream.getvalue(), name="portrait.jpg")
