"""Adding classes, appointments and series; changing one; cancelling one, or the rest of its series."""

from __future__ import annotations

import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from clubhouse.accounts.permissions import needs
from clubhouse.schedule import desk, rosters
from clubhouse.schedule.clock import today
from clubhouse.schedule.exceptions import NothingOpen, PlacesTaken, ScheduleError, StartsInThePast
from clubhouse.schedule.forms import SessionForm
from clubhouse.schedule.models import Club, Session
from clubhouse.schedule.planning import Plan, add_sessions, change_session
from clubhouse.schedule.sessions import Cancelled, cancel_sessions, is_open


@needs("schedule")
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a class or, with ``kind=appointment``, a one-to-one appointment; every week where it repeats."""
    staff, now = request.staff, timezone.now()  # type: ignore[attr-defined]
    asked = request.POST if request.method == "POST" else request.GET
    kind = Session.Kind.APPOINTMENT if asked.get("kind") == "appointment" else Session.Kind.CLASS
    clubs = desk.clubs_of(staff)
    if not clubs:
        messages.error(request, _("A session belongs to a club, and there is none yet. Add a club first."))
        return redirect("schedule:day")
    if request.method != "POST":
        club = next((c for c in clubs if str(c.pk) == asked.get("club")), None) or _own(clubs, staff.club_id)
        initial = {"club": club.pk, "day": _day(asked.get("day", "")) or today(club, now), "weeks": 1}
        form = SessionForm(kind=kind, clubs=clubs, business=request.business, initial=initial)  # type: ignore[attr-defined]
        return _show_add(request, form, kind)
    form = SessionForm(request.POST, kind=kind, clubs=clubs, business=request.business)  # type: ignore[attr-defined]
    if not form.is_valid():
        return _show_add(request, form, kind, status=422)
    data = form.cleaned_data
    plan = Plan(
        club=data["club"],
        kind=kind,
        title=data["title"],
        day=data["day"],
        start=data["start"],
        end=data["end"],
        capacity=form.places,
        weeks=data["weeks"],
        token=data["token"],
        trainer=data["trainer"],
    )
    try:
        first = add_sessions(plan, now=now)
    except StartsInThePast as error:
        form.add_error("day", str(error))
        return _show_add(request, form, kind, status=422)
    added = ngettext("It is on the schedule.", "%(weeks)d are on the schedule, one a week.", plan.weeks)
    messages.success(request, added % {"weeks": plan.weeks})
    return redirect("schedule:session", first.pk)


@needs("schedule")
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change one session: title, trainer, time, places. The others of its series stay as they are."""
    staff, now = request.staff, timezone.now()  # type: ignore[attr-defined]
    session = desk.find_session(staff, pk, now)
    if not is_open(session, now):
        return _too_late(request, session)
    line = desk.line_of(session, now)
    initial = {
        "title": session.title,
        "trainer": session.trainer_id,
        "day": line.starts.date(),
        "start": line.starts.time(),
        "end": line.ends.time(),
        "capacity": session.capacity,
    }
    form = SessionForm(
        request.POST if request.method == "POST" else None,
        kind=session.kind,
        clubs=[session.club],
        business=request.business,  # type: ignore[attr-defined]
        session=session,
        initial=initial,
    )
    if request.method != "POST":
        return _show_edit(request, form, line)
    if not form.is_valid():
        return _show_edit(request, form, line, status=422)
    starts_at, minutes = form.changed_times(session)
    try:
        done = change_session(
            session,
            title=form.cleaned_data["title"],
            trainer=form.cleaned_data["trainer"],
            starts_at=starts_at,
            minutes=minutes,
            capacity=form.places if session.kind == Session.Kind.CLASS else session.capacity,
            now=now,
        )
    except (PlacesTaken, StartsInThePast) as error:
        form.add_error("capacity" if isinstance(error, PlacesTaken) else "day", str(error))
        return _show_edit(request, form, line, status=422)
    except NothingOpen:
        return _too_late(request, session)
    said = [_("The session was saved.")]
    if done.told:
        more = ngettext("%(n)d client is told of it.", "%(n)d clients are told of it.", done.told)
        said.append(more % {"n": done.told})
    if n := done.passed_on:
        more = ngettext("%(n)d place went to the waiting list.", "%(n)d places went to the waiting list.", n)
        said.append(more % {"n": n})
    messages.success(request, " ".join(said))
    return redirect("schedule:session", session.pk)


@needs("schedule")
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what cancelling a session means; then cancel it or, with ``series``, every later one of its series too."""
    staff, now = request.staff, timezone.now()  # type: ignore[attr-defined]
    session = desk.find_session(staff, pk, now)
    this, later = Session.objects.filter(pk=pk), rosters.later_sessions(session, now)
    if request.method == "POST":
        try:
            done = cancel_sessions(later if "series" in request.POST else this, now=now)
            if not done.sessions:
                raise NothingOpen
        except ScheduleError as error:
            messages.error(request, str(error))
            return redirect("schedule:session", pk)
        messages.success(request, _said(done))
        return redirect("schedule:session", pk)
    if not is_open(session, now):
        return _too_late(request, session)
    context = {
        "session": session,
        "line": desk.line_of(session, now),
        "this": rosters.consequences(this),
        "later": rosters.consequences(later) if session.series_id else None,
    }
    return render(request, "schedule/cancel.html", context)


def _said(done: Cancelled) -> str:
    n = done.sessions
    said = [ngettext("The session was cancelled.", "%(n)d sessions were cancelled.", n) % {"n": n}]
    if n := done.bookings:
        line = ngettext("%(n)d client is told.", "%(n)d bookings went with it, and their clients are told.", n)
        said.append(line % {"n": n})
    if n := done.waiting_told:
        said.append(ngettext("%(n)d client who waited is told.", "%(n)d clients who waited are told.", n) % {"n": n})
    if n := done.credits_returned:
        said.append(ngettext("%(n)d credit was given back.", "%(n)d credits were given back.", n) % {"n": n})
    return " ".join(said)


def _too_late(request: HttpRequest, session: Session) -> HttpResponse:
    messages.error(request, str(NothingOpen()))
    return redirect("schedule:session", session.pk)


def _show_add(request: HttpRequest, form: SessionForm, kind: str, status: int = 200) -> HttpResponse:
    return render(request, "schedule/add.html", {"form": form, "kind": kind}, status=status)


def _show_edit(request: HttpRequest, form: SessionForm, line: desk.Line, status: int = 200) -> HttpResponse:
    context = {"form": form, "line": line, "session": line.session, "kind": line.session.kind}
    return render(request, "schedule/edit.html", context, status=status)


def _own(clubs: list[Club], key: int | None) -> Club:
    return next((club for club in clubs if club.pk == key), clubs[0])


def _day(text: str) -> datetime.date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None
