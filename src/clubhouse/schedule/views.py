"""Cancelling from a profile: one booking, several, a whole series; and leaving a waiting list."""

from __future__ import annotations

import datetime

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from clubhouse.accounts.permissions import needs
from clubhouse.clients.models import Client
from clubhouse.schedule import services
from clubhouse.schedule.exceptions import SessionOver
from clubhouse.schedule.models import Booking, WaitingListEntry
from clubhouse.schedule.selectors import later_in_series, upcoming_bookings
from clubhouse.settle import chosen, owner_of, settle


@needs("schedule")
@require_POST
def cancel_booking(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a place; with ``late`` the credit is lost, with ``series`` every later one of the series goes too."""
    owner = owner_of(request, Booking.objects.all(), pk)
    series = "series" in request.POST

    def act(client: Client) -> str:
        booking = Booking.objects.select_related("session").get(pk=pk)
        rows = later_in_series(booking) if series else Booking.objects.filter(pk=pk)
        return _cancel(request, rows, series=series)

    return settle(request, owner, "bookings", act)


@needs("schedule")
@require_POST
def cancel_bookings(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel several of a client's upcoming places: those that are ticked, or with ``all`` every one."""

    def act(client: Client) -> str:
        mine = upcoming_bookings(timezone.now()).filter(client=client)
        return _cancel(request, chosen(request, "booking", mine), series="all" in request.POST)

    return settle(request, pk, "bookings", act)


@needs("schedule")
@require_POST
def leave_waiting_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a client off a waiting list."""
    owner = owner_of(request, WaitingListEntry.objects.all(), pk)

    def act(client: Client) -> str:
        services.leave_waiting_list(get_object_or_404(WaitingListEntry, pk=pk), now=timezone.now())
        return _("Taken off the waiting list.")

    return settle(request, owner, "bookings", act)


def _cancel(request: HttpRequest, rows: models.QuerySet[Booking], *, series: bool) -> str:
    now: datetime.datetime = timezone.now()
    result = services.cancel_bookings(rows, now=now, tell_clients=True, late="late" in request.POST, series=series)
    if not result.bookings:
        raise SessionOver
    said = [ngettext("%(n)d booking cancelled", "%(n)d bookings cancelled", result.bookings) % {"n": result.bookings}]
    if back := result.credits_returned:
        said.append(ngettext("%(n)d credit given back", "%(n)d credits given back", back) % {"n": back})
    if passed := result.given + result.offered:
        words = ngettext(
            "%(n)d place passed on to the waiting list", "%(n)d places passed on to the waiting list", passed
        )
        said.append(words % {"n": passed})
    return ", ".join(said) + "."
