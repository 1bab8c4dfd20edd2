"""What becomes of a client's own record and profile (rows F5-F8, F14, F15, H13, H15, H16)."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

from django.db import connections
from django.db.models import Exists, OuterRef, Q, QuerySet

from clubhouse.accounts.models import Business
from clubhouse.billing.selectors import debts, open_account_credits
from clubhouse.billing.services import forfeit_credits_for_erasure, write_off_for_erasure
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ClientTrainer, Identity, ProfileImage
from clubhouse.memberships.selectors import active_memberships, unused_packages
from clubhouse.memberships.services import cancel_for_erasure, forfeit_packages_for_erasure
from clubhouse.messages.handing_over import refuse_while_handing_over
from clubhouse.messages.services import tell_needs_payer
from clubhouse.privacy.receipts import give
from clubhouse.schedule.selectors import all_waiting, upcoming_bookings
from clubhouse.schedule.services import cancel_upcoming_for_erasure, leave_waiting_lists
from clubhouse.support.services import close_erased, live_cases
from clubhouse.webhooks.selectors import endpoints_told
from clubhouse.webhooks.telling import tell_erased
from lethe import Action, Blocker, Policy, RandomDigits, RandomEmail, delete_rows, emit, register
from lethe.batch import Batch

#: Blockers that the way "cancel and erase" resolves by itself; the others need a person in both ways.
RESOLVED_BY_ERASURE = {"debts", "future_sessions", "account_credits", "unused_credits", "active_membership"}


def paid_by_another(now: datetime.datetime) -> tuple[QuerySet[Any], ...]:
    """One client pays for another: by a link, or for a running membership without one; for, and by."""
    links = ClientLinking.objects.filter(kind=ClientLinking.Kind.PAID_BY)
    linked = links.filter(client=OuterRef("client"), other=OuterRef("paid_by"))
    sales = active_memberships(now).filter(~Exists(linked), paid_by__isnull=False)
    return links, links, sales, sales


def sole_guardians(now: datetime.datetime) -> QuerySet[Any]:
    """Guardian links of children who have no other guardian: the child is never left without one."""
    others = ClientLinking.objects.filter(kind=ClientLinking.Kind.GUARDIAN)
    another = others.filter(client=OuterRef("client")).exclude(pk=OuterRef("pk"))
    return others.exclude(client__status=Client.Status.DELETED).filter(~Exists(another))


def dependants(now: datetime.datetime) -> tuple[QuerySet[Any], ...]:
    """What makes somebody else lose a payer or a guardian."""
    tied = ClientLinking.objects.filter(Q(kind=ClientLinking.Kind.PAID_BY) | Q(kind=ClientLinking.Kind.GUARDIAN))
    paying = {"paid_by__isnull": False}
    return (
        tied,
        active_memberships(now).filter(**paying),
        unused_packages(now).filter(**paying),
        debts(now).filter(**paying),
    )


def _ways(ids: Sequence[Any], using: str) -> list[tuple[str, dict[str, bool]]]:
    """The way and the blockers set one by one, of each of these clients' businesses.

    By hand, because it is asked under the lock of every erasure, where the time to build a query is felt.
    """
    connection, keys = connections[using], ",".join(str(int(key)) for key in ids)
    if connection.vendor == "postgresql":
        chosen, keys = "= ANY(%s::bigint[])", f"{{{keys}}}"
    else:
        chosen, keys = "IN (SELECT value FROM json_each(%s))", f"[{keys}]"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT b.deletion_mode, b.blocker_overrides FROM clients_client c "  # noqa: S608 - constants only
            f"JOIN accounts_business b ON b.id = c.business_id WHERE c.id {chosen}",
            [keys],
        )
        return [(mode, json.loads(overrides)) for mode, overrides in cursor.fetchall()]


@register(Client)
class ClientPolicy(Policy):
    """The record stays so that history adds up; the person does not."""

    subject = True
    blockers = (
        Blocker("debts", "Outstanding and failed payments and debts", debts, amount="due", unit="currency"),
        Blocker("future_sessions", "Future scheduled sessions", upcoming_bookings),
        Blocker("account_credits", "Account credits", open_account_credits, amount="balance", unit="currency"),
        Blocker(
            "paid_by",
            "Paid By, for or by another client",
            paid_by_another,
            path=("client", "other", "client", "paid_by"),
        ),
        Blocker("unused_credits", "Unused packages, or packages with unused credits", unused_packages, amount="left"),
        Blocker("active_membership", "Active membership", active_memberships),
        Blocker("guardian", "Only guardian of another client", sole_guardians, path="other"),
    )
    first = (
        Action(
            "tell_dependants",
            "Clients who lose a payer or a guardian become a task for the desk",
            dependants,
            run=lambda batch: tell_needs_payer(batch.ids, now=batch.now, using=batch.using, emit=batch.emit),
            path=("other", "paid_by", "paid_by", "paid_by"),
        ),
        Action(
            "cancel_bookings",
            "Upcoming bookings are cancelled",
            upcoming_bookings,
            run=lambda batch: cancel_upcoming_for_erasure(batch.ids, batch.now, using=batch.using, emit=batch.emit),
        ),
        Action(
            "leave_waiting_lists",
            "Places on waiting lists are given up",
            all_waiting,
            run=lambda batch: leave_waiting_lists(batch.ids, batch.now, using=batch.using, emit=batch.emit),
        ),
        Action(
            "cancel_memberships",
            "Active memberships are cancelled",
            active_memberships,
            run=lambda batch: cancel_for_erasure(batch.ids, batch.now, using=batch.using),
        ),
        Action(
            "forfeit_packages",
            "Unused credits are forfeited",
            unused_packages,
            run=lambda batch: forfeit_packages_for_erasure(batch.ids, batch.now, using=batch.using),
            amount="left",
        ),
        Action(
            "forfeit_credits",
            "Account credits are forfeited",
            open_account_credits,
            run=lambda batch: forfeit_credits_for_erasure(batch.ids, batch.now, using=batch.using),
            amount="balance",
            unit="currency",
        ),
        Action(
            "write_off_debts",
            "Debts are written off",
            debts,
            run=lambda batch: write_off_for_erasure(batch.ids, batch.now, using=batch.using),
            amount="due",
            unit="currency",
        ),
        Action(
            "close_support_cases",
            "Open support requests about the client are closed",
            live_cases,
            run=close_erased,
            path=("client", "addressed"),
        ),
        Action(
            "tell_systems",
            "Other systems are told by webhook, by receipt number only",
            endpoints_told,
            run=lambda batch: tell_erased(
                batch.receipts, batch.now, using=batch.using, emit=batch.emit, reason=batch.reason, run=batch.run
            ),
            path="business__clients",
        ),
    )
    replace = {
        "first_name": "[deleted]",
        "email": RandomEmail("business__erased_email_domain"),
        "number": RandomDigits(9),
        "status": Client.Status.DELETED,
        "user": None,
    }
    clear = (
        "last_name",
        "mobile_no",
        "mobile_device",
        "phone_no",
        "work_no",
        "address_1",
        "address_2",
        "address_3",
        "town",
        "postcode",
        "country",
        "dob",
        "gender",
        "occupation",
        "facebook_id",
        "height",
        "weight",
        "measurement1",
        "measurement2",
        "measurement3",
        "measurement4",
        "measurement5",
        "measurement6",
        "medical_notes",
        "notes",
        "tags",
        "sign_up_answers",
        "marketing_opt_in",
        "search_text",
    )
    secrets = ("search_text",)
    not_sought = ("mobile_device", "town", "country", "gender", "occupation", "height", "weight", "search_text")
    keep = {("business", "home_club", "joined_on"): "history is counted by business, club and month of joining"}

    @classmethod
    def receipted(cls, batch: Batch) -> None:
        """The business has the receipt from the moment that there is one (row N4), and no mail is on its way to any
        of them (row F12)."""
        refuse_while_handing_over(batch.ids, batch.now, using=batch.using)
        give(batch.receipts, batch.now, using=batch.using)

    @classmethod
    def enforced(cls, ids: Sequence[Any], using: str) -> frozenset[str]:
        """The business chooses its way, and can set each blocker one by one."""
        every = frozenset(blocker.name for blocker in cls.blockers)
        names: frozenset[str] = frozenset()
        for mode, overrides in _ways(ids, using):
            settle_first = mode == Business.DeletionMode.SETTLE_FIRST
            names |= {name for name in every if overrides.get(name, settle_first or name not in RESOLVED_BY_ERASURE)}
        return names


@register(ClientLinking)
class ClientLinkingPolicy(Policy):
    """Book a Buddy, Paid By, family and guardian go from both sides."""

    path = ("client", "other")
    rows = delete_rows()


@register(ClientTrainer, Identity, ClientNote)
class ProfilePolicy(Policy):
    """What belongs to the profile goes with it."""

    path = "client"
    rows = delete_rows()


@register(ProfileImage)
class ProfileImagePolicy(Policy):
    """The row goes in the transaction, the files after it: the original and every resized copy."""

    path = "client"
    rows = delete_rows()
    emits = (
        emit("file.delete", name="original", skip_empty="original"),
        emit("file.delete", name="medium", skip_empty="medium"),
        emit("file.delete", name="thumbnail", skip_empty="thumbnail"),
    )
