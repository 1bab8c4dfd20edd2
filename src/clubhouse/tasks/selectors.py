"""What is to be done at the desk, by whoever looks after the client, and what has settled itself."""

from __future__ import annotations

import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from clubhouse.accounts.permissions import may
from clubhouse.billing.models import Invoice, Payment
from clubhouse.billing.selectors import BACK, debts
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.clients.selectors import visible
from clubhouse.memberships.selectors import active_memberships, unused_packages
from clubhouse.tasks.models import Task
from clubhouse.team.models import StaffMember


def settled(now: datetime.datetime) -> Q:
    """Tasks with nothing left to do: another payer or guardian is there, or there is nothing that anybody pays for."""
    ties = ClientLinking.objects.filter(client=OuterRef("client")).exclude(other__status=Client.Status.DELETED)
    to_pay = Q(pk__in=[])
    for rows in (active_memberships(now), debts(now), unused_packages(now)):
        to_pay |= Q(Exists(rows.filter(client=OuterRef("client"))))
    payer = Q(Exists(ties.filter(kind=ClientLinking.Kind.PAID_BY))) | ~to_pay
    guardian = Q(Exists(ties.filter(kind=ClientLinking.Kind.GUARDIAN)))
    kinds = Task.Kind
    return (Q(kind=kinds.NEEDS_PAYER) & payer) | (Q(kind=kinds.NEEDS_GUARDIAN) & guardian)


def open_tasks(staff: StaffMember) -> QuerySet[Task]:
    """The tasks of the clients whom a colleague sees, without those that have settled themselves; the oldest first."""
    earlier = Task.objects.filter(kind=OuterRef("kind"), client=OuterRef("client"), done_at=None, pk__lt=OuterRef("pk"))
    rows = Task.objects.filter(~Exists(earlier), done_at=None, client__in=visible(staff))
    return rows.exclude(settled(timezone.now())).order_by("created_at", "pk")


def failed_payments(staff: StaffMember) -> QuerySet[Invoice]:
    """Invoices of the clients whom a colleague sees that could not be collected; none without Retail."""
    rows = Invoice.objects.filter(status=Invoice.Status.FAILED, client__in=visible(staff))
    return rows.order_by("due_on", "pk") if may(staff, "retail") else rows.none()


def failed_refunds(staff: StaffMember) -> QuerySet[Payment]:
    """Refunds that the provider refused and nobody has paid out since; none without Retail."""
    later = Payment.objects.filter(
        invoice=OuterRef("invoice"),
        provider_reference=OuterRef("provider_reference"),
        status__in=BACK,
        pk__gt=OuterRef("pk"),
    )
    rows = Payment.objects.filter(~Exists(later), status=Payment.Status.NO_REFUND, invoice__client__in=visible(staff))
    return rows.order_by("paid_on", "pk") if may(staff, "retail") else rows.none()


def count(staff: StaffMember) -> int:
    """How many things wait, for the menu: one query."""
    tasks, *others = (
        rows.order_by().values("pk") for rows in (open_tasks(staff), failed_payments(staff), failed_refunds(staff))
    )
    return tasks.union(*others, all=True).count()
