"""The first screen of the schedule: a day of a club."""

from __future__ import annotations

import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from clubhouse.accounts.permissions import needs
from clubhouse.schedule import desk
from clubhouse.schedule.clock import DAY, FIRST_DAY, LAST_DAY, today
from clubhouse.schedule.forms import DayForm


@needs("schedule")
@require_safe
def day(request: HttpRequest) -> HttpResponse:
    """Classes and appointments of one club on one day; the colleague's own club, today, unless another is chosen."""
    staff, now = request.staff, timezone.now()  # type: ignore[attr-defined]
    clubs = desk.clubs_of(staff)
    if not clubs:
        return render(request, "schedule/day.html", {"clubs": []})
    form = DayForm(request.GET, clubs=clubs, home=staff.club_id, now=now)
    if not form.is_valid():
        return render(request, "schedule/day.html", {"clubs": clubs, "form": form}, status=400)
    club, chosen = form.chosen_club, form.cleaned_data["day"]
    lines = desk.day_of(club, chosen, now, staff)
    context = {
        "clubs": clubs,
        "form": form,
        "club": club,
        "day": chosen,
        "today": today(club, now),
        "previous": _neighbour(chosen, -DAY),
        "next": _neighbour(chosen, DAY),
        "lines": lines,
        "late": desk.into_the_day(club, chosen, now),
    }
    return render(request, "schedule/day.html", context)


def _neighbour(day: datetime.date, step: datetime.timedelta) -> datetime.date | None:
    """The day beside, or None at either end of the calendar."""
    found = day + step
    return found if FIRST_DAY <= found <= LAST_DAY else None
