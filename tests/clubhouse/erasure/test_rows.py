"""What becomes of a client, row by row of the two documents. Each test is named after its row."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.db import DatabaseError, transaction
from django.utils import timezone

from clubhouse.accounts.models import Session as SignIn
from clubhouse.accounts.models import User
from clubhouse.audits.models import LogEntry
from clubhouse.billing.models import Invoice, StoredCard
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.clients.services import ErasedClientError, update_client
from clubhouse.memberships.models import Membership, Package
from clubhouse.schedule import services as schedule
from clubhouse.schedule.exceptions import ClientErased
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from lethe import outbox, pipeline
from lethe.seal import is_sealed
from tests.clubhouse.erasure.conftest import Erase
from tests.support import factories as make
from tests.support.record import Record

pytestmark = pytest.mark.django_db

#: The profile's free text, to the letter of the document.
FREE_TEXT = (
    *("mobile_no", "mobile_device", "phone_no", "work_no", "address_1", "address_2", "address_3", "town", "postcode"),
    *("facebook_id", "height", "weight", "measurement1", "measurement2", "measurement3", "measurement4"),
    *("measurement5", "measurement6"),
)


def test_f5_the_record_stays_and_the_sessions_were_conducted(record: Record, erase: Erase) -> None:
    """Row F5: last month's sessions still show that each was conducted and for how many, and not for whom."""
    attended = Booking.objects.get(client=record.client, session=record.past)
    erase(record.client)
    row = Client.objects.get(pk=record.client.pk)
    assert (row.business, row.home_club, row.joined_on) == (
        record.client.business,
        record.client.home_club,
        record.client.joined_on,
    )
    assert Session.objects.get(pk=record.past.pk).status == "conducted"
    after = Booking.objects.get(pk=attended.pk)
    assert (after.status, after.session, after.booked_at) == ("attended", record.past, attended.booked_at)
    assert record.canaries.first_name not in after.client.display_name


def test_f6_the_name_becomes_deleted(record: Record, erase: Erase) -> None:
    """Row F6: one "[deleted]", never two."""
    erase(record.client)
    row = Client.objects.get(pk=record.client.pk)
    assert (row.first_name, row.last_name) == ("[deleted]", "")
    assert row.display_name.count("[deleted]") == 1


def test_f7_the_email_becomes_a_random_one_at_the_business_domain(record: Record, erase: Erase) -> None:
    """Row F7: unique, at a domain that the business sets; the default is reserved and no mail reaches it."""
    other = make.make_client(record.client.home_club)
    erase(other)
    record.client.business.erased_email_domain = "gone.example.com"
    record.client.business.save()
    twin = make.make_client(record.client.home_club)
    erase(record.client, twin)
    default, own, third = (Client.objects.get(pk=client.pk).email for client in (other, record.client, twin))
    assert re.fullmatch(r"[0-9a-f]{32}@erased\.invalid", default)
    assert re.fullmatch(r"[0-9a-f]{32}@gone\.example\.com", own)
    assert len({default.partition("@")[0], own.partition("@")[0], third.partition("@")[0]}) == 3


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (LogEntry, "client"),
        (LogEntry, "other"),
        (ClientLinking, "client"),
        (ClientLinking, "other"),
        (ClientTrainer, "client"),
        (Identity, "client"),
        (StoredCard, "client"),
        (ClientNote, "client"),
    ],
    ids=lambda value: value if isinstance(value, str) else value._meta.verbose_name,
)
def test_f8_related_rows_are_deleted(model: Any, name: str, record: Record, erase: Erase) -> None:
    """Row F8: audits, client linkings, client trainers, identities, stored payment cards; notes too (row F14)."""
    mine = model.objects.filter(**{name: record.client})
    others = model.objects.exclude(pk__in=mine.values("pk"))
    stay = others.count()
    assert mine.exists()
    erase(record.client)
    assert not model.objects.filter(**{name: record.client.pk}).exists()
    assert model.objects.count() <= stay


def test_f9_all_upcoming_bookings_are_cancelled(record: Record, erase: Erase) -> None:
    """Row F9: in the class and in the appointment; what is past stays as it was."""
    mine = Booking.objects.filter(client=record.client)
    ahead = set(mine.filter(status="booked", session__starts_at__gt=timezone.now()).values_list("pk", flat=True))
    past = dict(mine.filter(session__starts_at__lt=timezone.now()).values_list("pk", "status"))
    assert len(ahead) == 2
    assert set(past.values()) == {"attended", "no_show", "late_cancelled"}
    erase(record.client)
    assert set(mine.filter(pk__in=ahead).values_list("status", flat=True)) == {"cancelled"}
    assert dict(mine.filter(pk__in=past).values_list("pk", "status")) == past
    assert not mine.filter(status="booked").exists()


def test_f10_no_waiting_list_and_the_freed_place_goes_on(record: Record, erase: Erase) -> None:
    """Row F10: off every waiting list, with no open offer; the next in line has the freed place."""
    assert WaitingListEntry.objects.filter(client=record.client, offered_until__gt=timezone.now()).exists()
    erase(record.client)
    assert not WaitingListEntry.objects.filter(client=record.client.pk).exists()
    place = Booking.objects.get(session=record.upcoming, client=record.waiting)
    assert place.status == "booked"
    assert not WaitingListEntry.objects.filter(client=record.waiting, session=record.upcoming).exists()


def test_f10_an_open_offer_is_passed_on(record: Record, erase: Erase) -> None:
    """Row F10: what was on offer to the erased client is offered to the next."""
    record.client.business.waiting_list_promotion = "offer"
    record.client.business.save()
    session = make.make_session(record.client.home_club, capacity=1)
    make.make_waiting(session, record.client, offered_until=make.in_days(0.05))
    follower = make.make_waiting(session, record.waiting)
    erase(record.client)
    follower.refresh_from_db()
    assert follower.offered_until is not None
    assert follower.offered_until > timezone.now()


def test_f10_a_freed_place_never_goes_to_someone_who_is_erased_too(record: Record, erase: Erase) -> None:
    """Row F10: the first in line is erased in the same batch, so the second gets the place."""
    second = make.make_client(record.client.home_club)
    make.make_waiting(record.upcoming, second, joined_at=timezone.now())
    erase(record.client, record.waiting)
    assert not Booking.objects.filter(session=record.upcoming, client=record.waiting).exists()
    assert Booking.objects.get(session=record.upcoming, client=second).status == "booked"


@pytest.mark.parametrize("status", ["active", "frozen"])
def test_f13_subscriptions_are_cancelled(status: str, record: Record, erase: Erase) -> None:
    """Row F13: active and frozen ones, today, because of the erasure; the provider's reference goes."""
    mine = Membership.objects.get(client=record.client)
    Membership.objects.filter(pk=mine.pk).update(status=status)
    erase(record.client)
    mine.refresh_from_db()
    assert (mine.status, mine.cancellation_reason) == ("cancelled", "erasure")
    assert mine.cancelled_on == timezone.now().astimezone(datetime.UTC).date()
    assert (mine.plan, str(mine.price), mine.provider_reference) == ("Monthly", "39.00", "")


@pytest.mark.parametrize("name", FREE_TEXT)
def test_f14_a_free_text_field_is_cleared(name: str, settled_record: Record, erase: Erase) -> None:
    """Row F14: each of the document's fields."""
    assert getattr(settled_record.client, name) == getattr(settled_record.canaries, name)
    erase(settled_record.client)
    assert getattr(Client.objects.get(pk=settled_record.client.pk), name) == ""


def test_f14_notes_answers_and_tags_are_cleared(record: Record, erase: Erase) -> None:
    """Row F14: notes on the client and on bookings, sign-up answers, tags, and the folded copy for the search."""
    assert Booking.objects.filter(client=record.client, note=record.canaries.booking_note).exists()
    erase(record.client)
    row = Client.objects.get(pk=record.client.pk)
    assert (row.notes, row.tags, row.sign_up_answers, row.search_text) == ("", [], {}, "")
    assert row.marketing_opt_in is False
    assert set(Booking.objects.filter(client=row).values_list("note", flat=True)) == {""}


def test_f15_all_profile_images_are_deleted_from_storage(record: Record, erase: Erase, media: Path) -> None:
    """Row F15: the original and every resized copy; somebody else's stay."""
    names = {getattr(record.image, size).name for size in ("original", "medium", "thumbnail")}
    assert len(names) == 3
    assert all((media / name).exists() for name in names)
    (media / "clients" / "somebody-else.png").write_bytes(b"stays")
    erase(record.client)
    assert not ProfileImage.objects.filter(client=record.client.pk).exists()
    assert [file.name for file in (media / "clients").iterdir()] == ["somebody-else.png"]


def test_f15_a_file_that_is_gone_already_is_done(record: Record, media: Path) -> None:
    """Row F15: the effect is idempotent, and another failure keeps it waiting and visible."""
    (media / record.image.medium.name).unlink()
    pipeline.erase(Client, [record.client.pk], by="role:test", reason="asked")
    outbox.drain()
    assert not list((media / "clients").iterdir())


@pytest.mark.parametrize("name", ["country", "gender", "occupation", *FREE_TEXT[:9]])
def test_h13_a_field_is_anonymised(name: str, settled_record: Record, erase: Erase) -> None:
    """Row H13: all address fields, country too, gender, occupation, phone numbers."""
    assert getattr(settled_record.client, name)
    erase(settled_record.client)
    assert getattr(Client.objects.get(pk=settled_record.client.pk), name) == ""


def test_h13_name_date_of_birth_email_and_password_are_anonymised(record: Record, erase: Erase) -> None:
    """Row H13: and with the password every way in: the account and its sessions are gone."""
    business, address = record.client.business, record.canaries.member_email
    assert authenticate(business=business, email=address, password=make.PASSWORD, audience="member")
    user = record.client.user_id
    erase(record.client)
    row = Client.objects.get(pk=record.client.pk)
    assert (row.first_name, row.last_name, row.dob, row.user_id) == ("[deleted]", "", None, None)
    assert record.canaries.email not in row.email
    assert not User.objects.filter(pk=user).exists()
    assert not SignIn.objects.filter(user_id=user).exists()
    assert authenticate(business=business, email=address, password=make.PASSWORD, audience="member") is None


def test_h15_book_a_buddy_and_paid_by_are_gone_from_both_sides(record: Record, erase: Erase) -> None:
    """Row H15: the linkings, who paid and who booked on the friend's rows, and what the audits say of it."""
    client, friend = record.client, record.friend
    kinds = {"buddy", "paid_by", "family", "guardian"}
    assert set(client.linkings.values_list("kind", flat=True)) == kinds
    assert set(client.linkings_from_others.values_list("kind", flat=True)) == kinds
    tied = [Invoice, Membership, Package]
    assert all(model.objects.filter(client=friend, paid_by=client).exists() for model in tied[:2])
    assert Package.objects.filter(client=client, paid_by=friend).exists()
    assert Booking.objects.filter(client=friend, booked_by=client).exists()
    audits = LogEntry.objects.filter(client=friend).exclude(changes=None)
    assert any(_names(entry, client.pk) for entry in audits)
    erase(client)
    assert not ClientLinking.objects.filter(client=client.pk).exists()
    assert not ClientLinking.objects.filter(other=client.pk).exists()
    assert not any(model.objects.filter(paid_by=client.pk).exists() for model in tied)
    assert not Booking.objects.filter(booked_by=client.pk).exists()
    assert not any(_names(entry, client.pk) for entry in audits.all())


def _names(entry: LogEntry, pk: int) -> bool:
    """Whether an audit says that this client paid, or booked for a friend."""
    ties = [entry.changes.get(name, ()) for name in ("paid_by", "booked_by")]
    return str(pk) in {str(value) for tie in ties for value in tie}


def test_h16_medical_information_is_gone(settled_record: Record, erase: Erase) -> None:
    """Row H16."""
    assert settled_record.client.medical_notes == settled_record.canaries.medical_notes
    erase(settled_record.client)
    assert Client.objects.get(pk=settled_record.client.pk).medical_notes == ""


def test_h17_stored_payment_method_tokens_are_gone(record: Record, erase: Erase) -> None:
    """Row H17: the client's cards; a friend's card stays."""
    theirs = StoredCard.objects.create(client=record.friend, provider="stripe", customer_token="c", card_token="t")
    assert StoredCard.objects.filter(client=record.client).exists()
    erase(record.client)
    assert list(StoredCard.objects.all()) == [theirs]


def test_h18_the_anonymised_profile_is_read_only(record: Record, erase: Erase) -> None:
    """Row H18: services refuse, and below them the database does."""
    erase(record.client)
    row = Client.objects.get(pk=record.client.pk)
    assert row.status == "deleted"
    with pytest.raises(ErasedClientError):
        update_client(row.pk, {"notes": "back again"})
    session = make.make_session(row.home_club)
    with pytest.raises(ClientErased):
        schedule.book(row, session, now=timezone.now())
    for name in ("first_name", "last_name", "email", "mobile_no", "notes", "medical_notes", "number"):
        with pytest.raises(DatabaseError) as refused, transaction.atomic():
            Client.objects.filter(pk=row.pk).update(**{name: "back again"})
        assert is_sealed(refused.value)
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        make.make_booking(session, row)
    assert is_sealed(refused.value)
    row.save()  # A save that changes nothing is no harm.
    assert Client.objects.get(pk=row.pk).first_name == "[deleted]"
