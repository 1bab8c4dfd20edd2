"""The page of a session: its roster and waiting list, whom to book, and what the desk does there."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from clubhouse.accounts.permissions import may, needs
from clubhouse.clients.models import Client
from clubhouse.clients.selectors import find
from clubhouse.clients.services import ErasedClientError, refuse_erased
from clubhouse.clients.views import query_of
from clubhouse.schedule import desk, rosters, services
from clubhouse.schedule.clock import wall
from clubhouse.schedule.exceptions import CancelledBefore, NotWaiting, ScheduleError
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.sessions import is_open

#: What a button of the roster sends, to the status and the words of the message.
MARKS = {
    "attended": Booking.Status.ATTENDED,
    "no_show": Booking.Status.NO_SHOW,
    "booked": Booking.Status.BOOKED,
}


@needs("schedule")
@require_safe
def session(request: HttpRequest, pk: int) -> HttpResponse:
    """A session: who comes, who waits, and, with ``?q=``, the clients that a search for whom to book finds."""
    staff, now = request.staff, timezone.now()  # type: ignore[attr-defined]
    found = desk.find_session(staff, pk, now)
    line = desk.line_of(found, now)
    query = query_of(request)
    can_book = line.upcoming and may(staff, "contacts")
    clients, count = rosters.candidates(staff, found, query, now) if can_book and query else ([], 0)
    context = {
        "line": line,
        "session": found,
        "places": rosters.roster(staff, line, now),
        "waiting": rosters.waiting_line(staff, found, now) if line.upcoming else [],
        "open": is_open(found, now),
        "can_book": can_book,
        "query": query,
        "candidates": clients,
        "not_shown": max(0, count - len(clients)),
        "offers": found.club.business.waiting_list_promotion == "offer",
    }
    return render(request, "schedule/session.html", context)


# --- the roster -----------------------------------------------------------------------------------------------------
@needs("schedule")
@require_POST
def mark(request: HttpRequest, pk: int, booking: int) -> HttpResponse:
    """Check a client in, mark a no-show, or take the mark back; for "[deleted]" too."""
    found, place = _place(request, pk, booking)
    status = MARKS.get(request.POST.get("status", ""))

    def act() -> str:
        if status is None:
            raise Unknown
        services.mark_attendance(place, status, now=timezone.now())
        return {
            Booking.Status.ATTENDED: _("Checked in."),
            Booking.Status.NO_SHOW: _("Marked as a no-show."),
            Booking.Status.BOOKED: _("The mark was taken back."),
        }[status]

    return _do(request, found, act, "roster")


class Unknown(ScheduleError):
    """This is no mark: it is attended, no_show or booked. Press one of the buttons of the roster."""


@needs("schedule")
@require_POST
def cancel_place(request: HttpRequest, pk: int, booking: int) -> HttpResponse:
    """Cancel one place: in time, so that the credit comes back, or with ``late`` so that it is lost."""
    found, place = _place(request, pk, booking)
    late = "late" in request.POST

    def act() -> str:
        done = services.cancel_bookings(
            Booking.objects.filter(pk=place.pk), now=timezone.now(), tell_clients=True, late=late
        )
        if not done.bookings:
            raise CancelledBefore
        said = [_("The booking was cancelled late.") if late else _("The booking was cancelled.")]
        if done.credits_returned:
            said.append(_("The credit was given back."))
        elif late and place.package_id:
            said.append(_("The credit is lost."))
        if done.appointments:
            said.append(_("The appointment is cancelled with it."))
        if done.given:
            said.append(_("The next client on the waiting list has the place."))
        if done.offered:
            said.append(_("The place is on offer to the next client on the waiting list."))
        return " ".join(said)

    return _do(request, found, act, "roster")


# --- the waiting list -----------------------------------------------------------------------------------------------
@needs("schedule")
@require_POST
def give_place(request: HttpRequest, pk: int, entry: int) -> HttpResponse:
    """Give a free place to a client who waits, now."""

    def act(row: WaitingListEntry) -> str:
        services.give_place(row, now=timezone.now())
        return _("The client has a place, and is written to.")

    return _for_entry(request, pk, entry, act)


@needs("schedule")
@require_POST
def make_offer(request: HttpRequest, pk: int, entry: int) -> HttpResponse:
    """Offer a free place to a client who waits."""

    def act(row: WaitingListEntry) -> str:
        until = wall(services.make_offer(row, now=timezone.now()), row.session.club)
        said = _("The place is on offer until %(when)s, and the client is written to.")
        return said % {"when": date_format(until, "D j M, H:i")}

    return _for_entry(request, pk, entry, act)


@needs("schedule")
@require_POST
def remove_waiting(request: HttpRequest, pk: int, entry: int) -> HttpResponse:
    """Take a client off this waiting list; a place that was on offer goes to the next."""

    def act(row: WaitingListEntry) -> str:
        services.leave_waiting_list(row, now=timezone.now())
        return _("Taken off the waiting list.")

    return _for_entry(request, pk, entry, act)


# --- booking --------------------------------------------------------------------------------------------------------
@needs("schedule")
@needs("contacts")
@require_POST
def book(request: HttpRequest, pk: int) -> HttpResponse:
    """Book a client in; with ``booked_by`` for a buddy, and with ``unpaid`` where there is no credit to pay with."""
    found = _session(request, pk)
    client = _chosen(request, "client")
    buddy = _chosen(request, "booked_by") if request.POST.get("booked_by") else None

    def act() -> str:
        refuse_erased(client, *([buddy] if buddy else []))
        place = services.book(client, found, now=timezone.now(), booked_by=buddy, unpaid="unpaid" in request.POST)
        # No name: a message rests in the colleague's session until it is shown.
        return (
            _("The client has a place.") if place.package_id is None else _("The client has a place, for one credit.")
        )

    return _do(request, found, act, "roster")


@needs("schedule")
@needs("contacts")
@require_POST
def wait(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a client on the waiting list of a full session."""
    found = _session(request, pk)
    client = _chosen(request, "client")

    def act() -> str:
        refuse_erased(client)
        services.join_waiting_list(client, found, now=timezone.now())
        return _("The client is on the waiting list.")

    return _do(request, found, act, "waiting")


# --- parts ----------------------------------------------------------------------------------------------------------
def _session(request: HttpRequest, pk: int) -> Session:
    return desk.find_session(request.staff, pk, timezone.now())  # type: ignore[attr-defined]


def _place(request: HttpRequest, pk: int, booking: int) -> tuple[Session, Booking]:
    found = _session(request, pk)
    place = found.bookings.filter(pk=booking).first()
    if place is None:
        raise Http404
    return found, place


def _chosen(request: HttpRequest, name: str) -> Client:
    """The client that a form names, of the colleague's reach. Raises ``Http404`` for any other."""
    key = request.POST.get(name, "")
    if not (key.isdecimal() and len(key) < 19):
        raise Http404
    return find(request.staff, int(key))  # type: ignore[attr-defined]


def _for_entry(request: HttpRequest, pk: int, entry: int, act: Callable[[WaitingListEntry], str]) -> HttpResponse:
    found = _session(request, pk)
    row = found.waiting_list.select_related("client", "session__club").filter(pk=entry).first()

    def acting() -> str:
        # Gone is what it is after a second press, or when the client has got the place in the meantime.
        if row is None:
            raise NotWaiting
        return act(row)

    return _do(request, found, acting, "waiting")


def _do(request: HttpRequest, found: Session, act: Callable[[], str], section: str) -> HttpResponse:
    """Do it, say it, and go back to that part of the session's page."""
    try:
        messages.success(request, act())
    except (ErasedClientError, ScheduleError) as error:
        messages.error(request, str(error))
    return redirect(reverse("schedule:session", args=[found.pk]) + f"#{section}")
