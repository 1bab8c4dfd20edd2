"""Team settings: Team Access Groups and the team (row H19)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.permissions import administrator_required, needs
from clubhouse.team import selectors, services
from clubhouse.team.forms import GroupForm, MemberForm
from clubhouse.team.models import AccessGroup

PER_PAGE = 50


@administrator_required
@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    """What there is to set."""
    return render(request, "team/settings.html")


# --- Team Access Groups ------------------------------------------------------------------------------------------
@needs("access")
@require_safe
def groups(request: HttpRequest) -> HttpResponse:
    """Every group, and what it includes."""
    return render(request, "team/groups.html", {"groups": selectors.groups(request.business)})  # type: ignore[attr-defined]


@needs("access")
@require_http_methods(["GET", "HEAD", "POST"])
def new_group(request: HttpRequest) -> HttpResponse:
    """Add a group; "Delete Accounts" begins off, save in the first administrators' group of a business."""
    business = request.business  # type: ignore[attr-defined]
    blank = AccessGroup(business=business, delete_accounts=services.starts_with_delete_accounts(business))
    return _group(request, blank, _("The group was added."))


@needs("access")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_group(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a group; it works with its members' next request."""
    group = selectors.find_group(request.business, pk)  # type: ignore[attr-defined]
    return _group(request, group, _("The group was saved. It works with its colleagues' next click."))


def _group(request: HttpRequest, group: AccessGroup, said: str) -> HttpResponse:
    name = group.name
    form = GroupForm(request.POST or None, instance=group)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_group(form.instance)
        except ValidationError as error:
            form.add_error(None, error)
        except services.LastAdministrator as error:
            form.add_error("access", str(error))
        else:
            messages.success(request, said)
            return redirect("team:groups")
    context: dict[str, Any] = {"form": form, "group": group if group.pk else None, "group_name": name}
    return render(request, "team/group.html", context, status=422 if form.is_bound else 200)


# --- the team -------------------------------------------------------------------------------------------------------
@needs("access")
@require_safe
def members(request: HttpRequest) -> HttpResponse:
    """Every colleague."""
    page = Paginator(selectors.members(request.business), PER_PAGE).get_page(request.GET.get("page"))  # type: ignore[attr-defined]
    return render(request, "team/members.html", {"page": page})


@needs("access")
@require_http_methods(["GET", "HEAD", "POST"])
def new_member(request: HttpRequest) -> HttpResponse:
    """Add a colleague, who then gets a sign-in link."""
    business = request.business  # type: ignore[attr-defined]
    form = MemberForm(request.POST or None, business=business)
    if request.method == "POST" and form.is_valid():
        staff = services.add_member(business, **form.cleaned_data)
        messages.success(request, _("The colleague was added. Make a sign-in link for them now."))
        return redirect("team:member", staff.pk)
    return render(request, "team/member.html", {"form": form}, status=422 if form.is_bound else 200)


@needs("access")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a colleague's role, group or club; it works with their next request."""
    staff = selectors.find_member(request.business, pk)  # type: ignore[attr-defined]
    name, active = staff.name, staff.user.is_active
    form = MemberForm(request.POST or None, business=request.business, instance=staff)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        try:
            services.update_member(form.instance, email=form.cleaned_data["email"])
        except services.LastAdministrator as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("The colleague was saved."))
            return redirect("team:members")
    context = {"form": form, "colleague": staff, "colleague_name": name, "active": active}
    return render(request, "team/member.html", context, status=422 if form.is_bound else 200)


@needs("access")
@require_POST
def set_activity(request: HttpRequest, pk: int) -> HttpResponse:
    """Deactivate a colleague, who is signed out everywhere, or let them in again."""
    staff = selectors.find_member(request.business, pk)  # type: ignore[attr-defined]
    active = request.POST.get("active") == "yes"
    try:
        services.set_active(staff, active=active, by=request.staff)  # type: ignore[attr-defined]
    except (services.LastAdministrator, services.OwnAccount) as error:
        messages.error(request, str(error))
    else:
        said = _("The colleague can sign in again.") if active else _("The colleague was deactivated and signed out.")
        messages.success(request, said)
    return redirect("team:member", staff.pk)
