"""What a member does in the app: see and book classes, wait, see passes, change preferences. Always their own."""

from __future__ import annotations

import datetime
from collections.abc import Callable

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.clients.services import update_client
from clubhouse.member import selectors
from clubhouse.member.forms import DetailsForm, MessagesForm
from clubhouse.member.gate import member_page, open_page, show
from clubhouse.member.models import AppBuild
from clubhouse.schedule import services
from clubhouse.schedule.exceptions import ScheduleError
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from clubhouse.schedule.selectors import upcoming_bookings

#: Places shown on the first page until all are asked for.
SHOWN = 5


@require_safe
@member_page
def home(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """What comes next: places, offers, waiting lists, and what they are paid with."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    places = selectors.places(member, now)
    waits = selectors.waits(member, now)
    everything = "all" in request.GET
    context = {
        "here": "home",
        "places": places if everything else places[:SHOWN],
        "more": 0 if everything else max(0, len(places) - SHOWN),
        "offers": [wait for wait in waits if wait.offered_until],
        "lines": [wait for wait in waits if not wait.offered_until],
        "for_buddies": selectors.for_buddies(member, now),
        "passes": selectors.passes(member, now),
    }
    return show(request, build, "home.html", context)


@require_safe
@member_page
def classes(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """The classes of one club on one day, the next fourteen days to choose from."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    clubs = selectors.clubs_of(build.business)
    club = chosen_club(request.GET.get("club", ""), clubs, member.home_club_id)
    if club is None:
        return show(request, build, "classes.html", {"here": "classes", "clubs": []})
    today = now.astimezone(selectors.zone_of(club)).date()
    days = [today + datetime.timedelta(days=ahead) for ahead in range(selectors.DAYS)]
    asked = date_of(request.GET.get("day", ""))
    day = asked if asked in days else today
    context = {
        "here": "classes",
        "clubs": clubs,
        "club": club,
        "days": days,
        "day": day,
        "rows": selectors.classes(member, club, day, now),
        "offer": build.business.waiting_list_promotion == "offer",
        "has_buddies": bool(selectors.buddies(member)),
    }
    return show(request, build, "classes.html", context)


@require_POST
@member_page
def book(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Book a place."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    session = _session(build, pk)
    return _do(request, build, session, lambda: services.book(member, session, now=now), _("The place is yours."))


@require_http_methods(["GET", "HEAD", "POST"])
@member_page
def book_for_buddy(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Book a Buddy: a place for a friend, on the friend's credit."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    session, friends = _session(build, pk), selectors.buddies(member)
    if request.method != "POST":
        context = {"here": "classes", "session": session, "starts": selectors.local(session), "buddies": friends}
        return show(request, build, "buddy.html", context)
    if not (asked := request.POST.get("buddy", "")):
        messages.error(request, _("Choose who the place is for. Nothing was booked."))
        return redirect("member:buddy", build.slug, pk)
    friend = next((one for one in friends if str(one.pk) == asked), None)
    if friend is None:
        raise Http404
    said = _("The place is booked for %(name)s.") % {"name": friend.first_name}
    return _do(request, build, session, lambda: services.book(friend, session, now=now, booked_by=member), said)


@require_POST
@member_page
def join_waiting_list(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Wait for a place in a full class."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    session = _session(build, pk)
    said = _("You are on the waiting list. We write to you when a place is free.")
    return _do(request, build, session, lambda: services.join_waiting_list(member, session, now=now), said)


@require_POST
@member_page
def cancel(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Cancel an own place, or one booked for a buddy; the credit comes back to whose place it was. Trainer and managers
    are told."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    own = Q(client=member) | Q(booked_by=member)
    booking = get_object_or_404(Booking.objects.select_related("session__club").filter(own), pk=pk)

    def act() -> None:
        mine = upcoming_bookings(now).filter(pk=booking.pk)
        if not services.cancel_bookings(mine, now=now, tell_clients=False).bookings:
            raise AlreadyOver

    return _do(request, build, booking.session, act, _("The booking was cancelled."))


@require_POST
@member_page
def leave_waiting_list(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Leave a waiting list; a place that was on offer goes to the next."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    entry = get_object_or_404(WaitingListEntry.objects.select_related("session__club"), pk=pk, client=member)
    said = _("You are no longer on this waiting list.")
    return _do(request, build, entry.session, lambda: services.leave_waiting_list(entry, now=now), said)


@require_POST
@member_page
def accept_offer(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Take the place that is on offer."""
    member, now = request.member, timezone.now()  # type: ignore[attr-defined]
    entry = get_object_or_404(WaitingListEntry.objects.select_related("session__club", "client"), pk=pk, client=member)
    return _do(request, build, entry.session, lambda: services.accept_offer(entry, now=now), _("The place is yours."))


class AlreadyOver(ScheduleError):
    """This booking was cancelled before, or the class has begun. Nothing was changed."""


@require_safe
@member_page
def passes(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Memberships, packages and money on account."""
    found = selectors.passes(request.member, timezone.now())  # type: ignore[attr-defined]
    return show(request, build, "passes.html", {"here": "passes", "passes": found})


@require_safe
@member_page
def settings(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """ "Settings" (row F1)."""
    return show(request, build, "settings.html", {"here": "settings"})


@require_safe
@member_page
def preferences(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """ "Preferences": details, messages, and "Delete My Account" where the build has it (rows F1, F2)."""
    return show(request, build, "preferences.html", {"here": "settings"})


@require_http_methods(["GET", "HEAD", "POST"])
@member_page
def details(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Correct one's own details (row P5)."""
    member = request.member  # type: ignore[attr-defined]
    form = DetailsForm(request.POST or None, instance=member)
    if request.method == "POST" and form.is_valid():
        update_client(member.pk, form.cleaned_data)
        messages.success(request, _("Your details were saved."))
        return redirect("member:preferences", build.slug)
    context = {"here": "settings", "form": form}
    return show(request, build, "details.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page
def message_choices(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Choose what the club may write about."""
    member = request.member  # type: ignore[attr-defined]
    sent = request.method == "POST"
    form = MessagesForm(request.POST if sent else None, initial={"marketing_opt_in": member.marketing_opt_in})
    if sent and form.is_valid():
        update_client(member.pk, form.cleaned_data)
        messages.success(request, _("Your choice was saved."))
        return redirect("member:preferences", build.slug)
    return show(request, build, "messages.html", {"here": "settings", "form": form})


@require_safe
@open_page
def manifest(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """What a telephone needs to put the app on its first screen."""
    start = reverse("member:home", args=[build.slug])
    said = {
        "name": build.name,
        "short_name": build.business.name[:24],
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "background_color": "#f6f7f7",
        "theme_color": "#0b6a5d",
        "icons": [{"src": static("clubhouse/mark.svg"), "sizes": "any", "type": "image/svg+xml"}],
    }
    return JsonResponse(said, content_type="application/manifest+json")


# --- parts ---------------------------------------------------------------------------------------------------------
def _session(build: AppBuild, pk: int) -> Session:
    found = Session.objects.filter(pk=pk, club__business_id=build.business_id, kind=Session.Kind.CLASS)
    session = found.select_related("club").first()
    if session is None:
        raise Http404
    return session


def _do(request: HttpRequest, build: AppBuild, session: Session, act: Callable[[], object], said: str) -> HttpResponse:
    """Do it, say it, and go back to where the button was: the first page, or the day of the class."""
    try:
        act()
        messages.success(request, said)
    except ScheduleError as error:
        messages.error(request, str(error))
    if request.POST.get("back") == "home":
        return redirect("member:home", build.slug)
    day = selectors.local(session).date().isoformat()
    return redirect(reverse("member:classes", args=[build.slug]) + f"?club={session.club_id}&day={day}")


def chosen_club(asked: str, clubs: list[Club], home: int) -> Club | None:
    """The club that was asked for, or the member's own, or the first."""
    by_key = {str(club.pk): club for club in clubs}
    return by_key.get(asked) or by_key.get(str(home)) or (clubs[0] if clubs else None)


def date_of(text: str) -> datetime.date | None:
    """The day that was asked for; None for none."""
    try:
        return parse_date(text)
    except ValueError:
        return None
