"""What people use today: a loop over related objects, each saved or deleted by itself, audits and all."""

from __future__ import annotations

import uuid

from django.db import transaction
from django.utils import timezone

from clubhouse.audits.models import LogEntry
from clubhouse.clients.models import Client, ClientLinking
from lethe.models import Effect, ErasedMark, Receipt, Run, SubjectKey

PROFILE = (
    *("last_name", "mobile_no", "mobile_device", "phone_no", "work_no", "address_1", "address_2", "address_3", "town"),
    *("postcode", "country", "gender", "occupation", "facebook_id", "height", "weight", "measurement1", "measurement2"),
    *("measurement3", "measurement4", "measurement5", "measurement6", "medical_notes", "notes", "search_text"),
)


def forget(ids: list[int]) -> None:
    """Erase clients one after the other, row by row; a transaction for each."""
    for key in ids:
        with transaction.atomic():
            _forget_one(Client.objects.select_for_update().select_related("business").get(pk=key))


def _forget_one(client: Client) -> None:
    now, user = timezone.now(), client.user
    run = Run.objects.create(subject="clients.client", subjects=1, plan="naive", counts={}, reason="bench", by="bench")
    _effects(client, run)
    for booking in client.bookings.all():
        booking.note = booking.reference = ""
        booking.save()
    for booking in client.buddy_bookings.all():
        booking.booked_by = None
        booking.save()
    for invoice in client.invoices.all():
        invoice.billing_name = invoice.billing_address = invoice.reference = ""
        invoice.save()
    for rows in (client.invoices_paid_for, client.memberships_paid_for, client.packages_paid_for):
        for row in rows.all():
            row.paid_by = None
            row.save()
    for membership in client.memberships.all():
        membership.provider_reference = membership.reference = ""
        membership.save()
    for package in client.packages.all():
        package.reference = ""
        package.save()
    for credit in client.account_credits.all():
        credit.reason = credit.reference = ""
        credit.save()
    gone = (client.cards, client.client_notes, client.client_trainers, client.identities, client.images)
    for rows in (*gone, client.messages, client.notifications, client.waiting_list_entries):
        for row in rows.all():
            row.delete()
    for linking in (*client.linkings.all(), *ClientLinking.objects.filter(other=client)):
        linking.delete()
    for name in PROFILE:
        setattr(client, name, "")
    client.first_name, client.email = "[deleted]", f"{uuid.uuid4().hex}@{client.business.erased_email_domain}"
    client.number, client.status, client.user, client.dob = str(uuid.uuid4().int)[:9], "deleted", None, None
    client.tags, client.sign_up_answers, client.marketing_opt_in = [], {}, False
    client.save()
    if user is not None:
        for session in user.sessions.all():
            session.delete()
        for entry in LogEntry.objects.filter(actor=user):
            entry.actor = entry.actor_email = entry.remote_addr = entry.remote_port = None
            entry.save()
        user.delete()
    # Last, so that the audits of all that was just saved and deleted go too.
    for entry in (*LogEntry.objects.filter(client=client), *LogEntry.objects.filter(other=client)):
        entry.delete()
    Receipt.objects.create(run=run)
    SubjectKey.objects.filter(subject="clients.client", key=str(client.pk)).delete()
    ErasedMark.objects.create(subject="clients.client", key=str(client.pk))
    Run.objects.filter(pk=run.pk).update(erased_at=now)


def _effects(client: Client, run: Run) -> None:
    for image in client.images.all():
        for name in (image.original.name, image.medium.name, image.thumbnail.name):
            Effect.objects.create(run=run, kind="file.delete", payload={"name": name})
    for card in client.cards.all():
        payload = {"provider": card.provider, "customer": card.customer_token}
        Effect.objects.create(run=run, kind="payment.delete_customer", payload=payload)
        payload = {"provider": card.provider, "method": card.card_token}
        Effect.objects.create(run=run, kind="payment.detach_method", payload=payload)
    for membership in client.memberships.exclude(provider_reference=""):
        payload = {"membership": membership.pk, "subscription": membership.provider_reference}
        Effect.objects.create(run=run, kind="payment.cancel_subscription", payload=payload)
