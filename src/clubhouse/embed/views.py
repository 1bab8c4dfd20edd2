"""The schedule in a frame on the club's own web site: see classes, sign in, book, wait and cancel (row H14).

A browser that keeps other sites' cookies out of frames keeps ours out too, so there is none: who is signed in is
carried by the pages themselves, as a token in each form. It is never in an address, and ends when the frame is left.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.forms import SignInForm
from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.embed import services
from clubhouse.embed.framing import framed
from clubhouse.embed.models import Embed
from clubhouse.member import selectors
from clubhouse.member.views import AlreadyOver, chosen_club, date_of
from clubhouse.schedule import services as schedule
from clubhouse.schedule.exceptions import ScheduleError
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.selectors import upcoming_bookings


@framed
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, embed: Embed) -> HttpResponse:
    """The classes of one club on one day. ``POST`` is how a signed-in page asks for another day."""
    now = timezone.now()
    token = request.POST.get("token", "")
    member = services.member_of(embed, token, now=now)
    return _schedule(request, embed, member, token if member else "", now, over=bool(token) and member is None)


@framed
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email", "password")
def sign_in(request: HttpRequest, embed: Embed) -> HttpResponse:
    """Sign in inside the frame."""
    now = timezone.now()
    sent = request.method == "POST" and "email" in request.POST
    form = SignInForm(request.POST if sent else None, audience=User.Audience.MEMBER, business=embed.business)
    if sent and form.is_valid():
        assert form.user is not None
        token = services.begin(embed, form.user, now=now)
        member = services.member_of(embed, token, now=now)
        if member is not None:
            return _schedule(request, embed, member, token, now, said=_("You are signed in on this page."))
    return _page(request, embed, "sign_in.html", {"form": form, **_where(request)}, status=form.status)


@framed
@require_POST
def sign_out(request: HttpRequest, embed: Embed) -> HttpResponse:
    """End the sign-in of this frame; works although it may have ended already."""
    services.end(embed, request.POST.get("token", ""))
    return _schedule(request, embed, None, "", timezone.now(), said=_("You are signed out."))


@framed
@require_POST
def act(request: HttpRequest, embed: Embed, what: str, pk: int) -> HttpResponse:
    """Book, cancel, wait, leave a waiting list, or take an offer; then the day again."""
    now, token = timezone.now(), request.POST.get("token", "")
    member = services.member_of(embed, token, now=now)
    if member is None:
        return _schedule(request, embed, None, "", now, over=True, status=401)
    do, done = _deed(embed, member, what, pk, now)
    said = refused = ""
    try:
        do()
        said = done
    except ScheduleError as error:
        refused = str(error)
    return _schedule(request, embed, member, token, now, said=said, refused=refused, status=409 if refused else 200)


# --- parts ------------------------------------------------------------------------------------------------------------
def _deed(embed: Embed, member: Client, what: str, pk: int, now: datetime.datetime) -> tuple[Callable[[], object], str]:
    """What to do and what to say of it. Raises ``Http404`` for what is not there, or is another's."""
    if what in {"book", "wait"}:
        classes = Session.objects.filter(club__business_id=embed.business_id, kind=Session.Kind.CLASS)
        session = get_object_or_404(classes.select_related("club"), pk=pk)
        if what == "book":
            return lambda: schedule.book(member, session, now=now), _("The place is yours.")
        said = _("You are on the waiting list. We write to you when a place is free.")
        return lambda: schedule.join_waiting_list(member, session, now=now), said
    if what == "cancel":
        booking = get_object_or_404(Booking, pk=pk, client=member)

        def cancel() -> None:
            mine = upcoming_bookings(now).filter(pk=booking.pk)
            if not schedule.cancel_bookings(mine, now=now, tell_clients=False).bookings:
                raise AlreadyOver

        return cancel, _("The booking was cancelled.")
    entry = get_object_or_404(WaitingListEntry.objects.select_related("session__club", "client"), pk=pk, client=member)
    if what == "leave":
        said = _("You are no longer on this waiting list.")
        return lambda: schedule.leave_waiting_list(entry, now=now), said
    if what == "accept":
        return lambda: schedule.accept_offer(entry, now=now), _("The place is yours.")
    raise Http404


def _where(request: HttpRequest) -> dict[str, str]:
    """The club and the day that were on the screen."""
    asked = request.POST if request.method == "POST" else request.GET
    return {"asked_club": asked.get("club", "")[:20], "asked_day": asked.get("day", "")[:10]}


def _schedule(
    request: HttpRequest,
    embed: Embed,
    member: Client | None,
    token: str,
    now: datetime.datetime,
    *,
    said: str = "",
    refused: str = "",
    over: bool = False,
    status: int = 200,
) -> HttpResponse:
    clubs, where = selectors.clubs_of(embed.business), _where(request)
    club = chosen_club(where["asked_club"], clubs, member.home_club_id if member else 0)
    context: dict[str, Any] = {"clubs": clubs, "said": said, "refused": refused, "over": over, "token": token}
    if club is not None:
        today = now.astimezone(selectors.zone_of(club)).date()
        days = [today + datetime.timedelta(days=ahead) for ahead in range(selectors.DAYS)]
        asked = date_of(where["asked_day"])
        day = asked if asked in days else today
        context |= {"club": club, "days": days, "day": day, "rows": selectors.classes(member, club, day, now)}
    return _page(request, embed, "schedule.html", context | {"person": member}, status=status)


def _page(request: HttpRequest, embed: Embed, page: str, context: dict[str, Any], *, status: int) -> HttpResponse:
    known = {"embed": embed, "business": embed.business, "member": None}
    return render(request, f"embed/{page}", known | context, status=status)
