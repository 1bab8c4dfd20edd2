"""The clubs of a business, and what becomes of a freed place: for administrators."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clubhouse.accounts.permissions import administrator_required
from clubhouse.schedule import desk
from clubhouse.schedule.forms import ClubForm, WaitingListForm
from clubhouse.schedule.models import Club
from clubhouse.schedule.planning import NameTaken, save_club, set_waiting_lists


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def clubs(request: HttpRequest) -> HttpResponse:
    """Every club, and the way of the waiting lists."""
    business = request.business  # type: ignore[attr-defined]
    form = WaitingListForm(request.POST if request.method == "POST" else None, instance=business)
    if request.method == "POST" and form.is_valid():
        set_waiting_lists(business, form.cleaned_data)
        messages.success(request, _("The way of the waiting lists was saved. Offers that stand are not changed."))
        return redirect("schedule:clubs")
    context = {"clubs": desk.clubs_of(request.staff), "form": form}  # type: ignore[attr-defined]
    return render(request, "schedule/clubs.html", context, status=422 if form.is_bound else 200)


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def add_club(request: HttpRequest) -> HttpResponse:
    """Add a club."""
    business = request.business  # type: ignore[attr-defined]
    return _club(request, Club(business=business, timezone=business.timezone), _("The club was added."))


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit_club(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a club's name, town or time zone."""
    club = get_object_or_404(Club, pk=pk, business=request.business)  # type: ignore[attr-defined]
    return _club(request, club, _("The club was saved."))


def _club(request: HttpRequest, club: Club, said: str) -> HttpResponse:
    name = club.name
    form = ClubForm(request.POST if request.method == "POST" else None, instance=club)
    if request.method == "POST" and form.is_valid():
        try:
            save_club(form.instance)
        except NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, said)
            return redirect("schedule:clubs")
    context = {"form": form, "club": club, "club_name": name}
    return render(request, "schedule/club.html", context, status=422 if form.is_bound else 200)
