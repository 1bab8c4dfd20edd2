"""What a member's token is for: the own profile, the schedule, bookings, waiting lists, and deleting the account."""

from __future__ import annotations

import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Router, Status

from clubhouse.accounts.models import User
from clubhouse.api import schemas as s
from clubhouse.api.previews import preview_of
from clubhouse.api.problems import Problem
from clubhouse.api.serving import BearerToken
from clubhouse.api.tokens import Caller
from clubhouse.clients.models import Client
from clubhouse.member import confirming, selectors
from clubhouse.member.models import AppBuild
from clubhouse.privacy.orders import MEMBER as REASON
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.schedule import services
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.schedule.selectors import upcoming_bookings, waiting_of

router = Router(tags=["Members"])
ERRORS = {401: s.ProblemOut, 403: s.ProblemOut, 429: s.ProblemOut, 422: s.ProblemOut}
WRITES = ERRORS | {400: s.ProblemOut, 404: s.ProblemOut, 409: s.ProblemOut}
#: An erasure waits for a mail that is on its way, and says so where that takes too long.
ERASES = WRITES | {503: s.ProblemOut}
#: Days around today that the schedule is asked for.
DAYS = 366


def _me(request: HttpRequest) -> Client:
    caller: Caller = request.auth  # type: ignore[attr-defined]
    assert caller.member is not None
    return caller.member


@router.get("/me", auth=BearerToken("profile:read"), response={200: s.ProfileOut} | ERRORS)
def own_profile(request: HttpRequest) -> Any:
    """Your own profile."""
    return _me(request)


@router.get("/clubs", auth=BearerToken("schedule:read"), response={200: list[s.ClubOut]} | ERRORS)
def clubs(request: HttpRequest) -> Any:
    """The clubs of the business, by name."""
    return selectors.clubs_of(_me(request).business)


@router.get(
    "/schedule",
    auth=BearerToken("schedule:read"),
    response={200: list[s.ClassOut]} | ERRORS | {404: s.ProblemOut},
)
def schedule(request: HttpRequest, club: s.Key, day: datetime.date) -> Any:
    """The classes of one club on one day of its own calendar, and how you stand to each."""
    member, now = _me(request), timezone.now()
    found = next((one for one in selectors.clubs_of(member.business) if one.pk == club), None)
    if found is None:
        raise Http404
    if abs((day - now.date()).days) > DAYS:
        raise Problem(422, f"Ask for a day within {DAYS} days of today.")
    rows = selectors.classes(member, found, day, now)
    return [
        _session(row.session) | {"free": row.free, "over": row.over, "booking": row.booking, "waiting": row.entry}
        for row in rows
    ]


@router.get("/bookings", auth=BearerToken("bookings:read"), response={200: list[s.BookingOut]} | ERRORS)
def bookings(request: HttpRequest) -> Any:
    """Your upcoming places, soonest first."""
    mine = upcoming_bookings(timezone.now()).filter(client=_me(request))
    return [_booking(row) for row in mine.select_related("session__trainer").order_by("session__starts_at", "pk")]


@router.post("/bookings", auth=BearerToken("bookings:write"), response={201: s.BookingOut} | WRITES)
def book(request: HttpRequest, sent: s.SessionIn) -> Any:
    """Book a place. A second request for the same class is answered by 409, and nothing is booked twice."""
    member = _me(request)
    return Status(201, _booking(services.book(member, _upcoming(member, sent.session), now=timezone.now())))


@router.delete("/bookings/{booking}", auth=BearerToken("bookings:write"), response={200: s.BookingOut} | WRITES)
def cancel(request: HttpRequest, booking: s.Key) -> Any:
    """Cancel a place of yours; the credit comes back. Trainer and managers are told."""
    member, now = _me(request), timezone.now()
    rows = Booking.objects.filter(pk=booking, client=member)
    if not rows.exists():
        raise Http404
    if not services.cancel_bookings(rows, now=now, tell_clients=False).bookings:
        raise Problem(409, "This booking was cancelled before, or the class has begun. Nothing was changed.")
    return _booking(rows.select_related("session__trainer").get())


@router.get("/waiting-list", auth=BearerToken("bookings:read"), response={200: list[s.WaitingOut]} | ERRORS)
def waiting_list(request: HttpRequest) -> Any:
    """The waiting lists you are on, with your position and any offer."""
    now = timezone.now()
    return [_waiting(row, now) for row in waiting_of(_me(request).pk, now).select_related("session__trainer")]


@router.post("/waiting-list", auth=BearerToken("bookings:write"), response={201: s.WaitingOut} | WRITES)
def wait(request: HttpRequest, sent: s.SessionIn) -> Any:
    """Wait for a place in a full class; who waits already keeps the place in the line."""
    member, now = _me(request), timezone.now()
    entry = services.join_waiting_list(member, _upcoming(member, sent.session), now=now)
    return Status(201, _waiting(waiting_of(member.pk, now).select_related("session__trainer").get(pk=entry.pk), now))


@router.delete("/waiting-list/{entry}", auth=BearerToken("bookings:write"), response={200: s.SaidOut} | WRITES)
def stop_waiting(request: HttpRequest, entry: s.Key) -> Any:
    """Leave a waiting list; a place that was on offer goes to the next."""
    services.leave_waiting_list(_entry(request, entry), now=timezone.now())
    return {"detail": "You are no longer on this waiting list."}


@router.post("/waiting-list/{entry}/accept", auth=BearerToken("bookings:write"), response={201: s.BookingOut} | WRITES)
def accept(request: HttpRequest, entry: s.Key) -> Any:
    """Take the place that is on offer."""
    return Status(201, _booking(services.accept_offer(_entry(request, entry), now=timezone.now())))


# --- deleting the account ---------------------------------------------------------------------------------------------
@router.get("/me/deletion", auth=BearerToken("account:delete"), response={200: s.OwnPreviewOut} | WRITES)
def preview_deletion(request: HttpRequest) -> Any:
    """What deleting your account would do, what stands in its way, and what confirms it."""
    member, user = _deletable(request)
    confirming.prepare(member, user)
    proof = "password" if user.has_usable_password() else "code"
    return preview_of(look(member)) | {"proof": proof}


@router.post("/me/deletion/code", auth=BearerToken("account:delete"), response={202: s.SaidOut} | WRITES)
def mail_code(request: HttpRequest) -> Any:
    """Mail a one-time code to a member who has no password."""
    member, user = _deletable(request)
    if user.has_usable_password():
        raise Problem(409, "You have a password. Confirm with it.")
    try:
        confirming.mail_code(member, user, now=timezone.now())
    except confirming.NotConfirmed as error:
        raise Problem(409, str(error.message)) from None
    return Status(202, {"detail": "The code was mailed. It works for 10 minutes."})


@router.post("/me/deletion", auth=BearerToken("account:delete"), response={200: s.ErasedOut} | ERASES)
def delete_account(request: HttpRequest, sent: s.ConfirmIn) -> Any:
    """Delete your account, as it was previewed, with your password or the code. Your tokens stop with it."""
    member, user = _deletable(request)
    entered = sent.password if user.has_usable_password() else sent.code
    try:
        confirming.confirm(member, user, entered, now=timezone.now())
    except confirming.NotConfirmed as error:
        raise Problem(422, str(error.message)) from None
    if not sent.fingerprint:
        raise Problem(409, "Send the fingerprint of the preview that you have read.")
    done = erase(member, by=user, reason=REASON, fingerprint=sent.fingerprint)
    return {"receipt": done.number, "already": done.already}


def _deletable(request: HttpRequest) -> tuple[Client, User]:
    """The member, where an app of the business has account deletion (row F2)."""
    member = _me(request)
    if not AppBuild.objects.filter(business=member.business_id, account_deletion=True).exists():
        raise Http404
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return member, caller.user


# --- parts ------------------------------------------------------------------------------------------------------------
def _upcoming(member: Client, pk: int) -> Session:
    mine = Session.objects.filter(pk=pk, club__business_id=member.business_id, kind=Session.Kind.CLASS)
    session = mine.select_related("club", "trainer").first()
    if session is None:
        raise Http404
    return session


def _entry(request: HttpRequest, pk: int) -> WaitingListEntry:
    mine = WaitingListEntry.objects.filter(pk=pk, client=_me(request))
    entry = mine.select_related("session__club", "client").first()
    if entry is None:
        raise Http404
    return entry


def _session(session: Session) -> dict[str, Any]:
    return {
        "id": session.pk,
        "title": session.title,
        "club": session.club_id,
        "trainer": session.trainer.name if session.trainer else "",
        "starts_at": session.starts_at,
        "minutes": session.minutes,
    }


def _booking(booking: Booking) -> dict[str, Any]:
    return {"id": booking.pk, "status": booking.status, "session": _session(booking.session)}


def _waiting(entry: Any, now: datetime.datetime) -> dict[str, Any]:
    until = entry.offered_until if entry.offered_until and entry.offered_until > now else None
    return {
        "id": entry.pk,
        "position": entry.position,
        "offered_until": until,
        "session": _session(entry.session),
    }
