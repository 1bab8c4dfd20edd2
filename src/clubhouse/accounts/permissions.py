"""Who may do what: asked by views (as the first line above them), by templates and by the navigation.

A permission is read from the database with each request, so a change works with the next one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_htmx.http import HttpResponseClientRedirect

from clubhouse.team.models import AccessGroup, StaffMember

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

View = Callable[..., HttpResponseBase]
AREAS = ("contacts", "schedule", "retail", "access")
AREAS_SAID = {"contacts": _("Contacts"), "schedule": _("Schedule"), "retail": _("Retail"), "access": _("Access")}

TEAM_ONLY = _("This is for the team of a club. You are signed in as a member.")
ADMINISTRATORS_ONLY = _("Only administrators of your business can do this. Ask one of them.")
AREA_NEEDED = _(
    "Your Team Access Group does not include {area}. An administrator can switch it on under "
    "Team settings > Team Access Group."
)
REPORTS_NEEDED = _(
    "Reports are for administrators, and for the manager of a club. Ask one of them, or ask an administrator to change "
    "your role under Team settings."
)
DELETE_NEEDED = _(
    "Only administrators with “Delete Accounts” switched on can delete an account. An administrator finds it under "
    "Team settings > Team Access Group > Access > Administrator Access."
)


def is_administrator(staff: StaffMember | None) -> bool:
    """An administrator, by role and by group: both have to say so."""
    return (
        staff is not None
        and staff.role == StaffMember.Role.ADMINISTRATOR
        and staff.access_group.account_type == AccessGroup.AccountType.ADMINISTRATOR
    )


def may(staff: StaffMember | None, area: str) -> bool:
    """Whether a colleague's Team Access Group includes an area; Access is for administrators only (row H19)."""
    if area not in AREAS:
        raise ValueError(f"There is no area {area!r}; the areas are {', '.join(AREAS)}.")
    if staff is None or not getattr(staff.access_group, area):
        return False
    return area != "access" or is_administrator(staff)


def may_delete_accounts(staff: StaffMember | None) -> bool:
    """Row H19: an administrator whose group has "Delete Accounts" switched on."""
    return staff is not None and is_administrator(staff) and staff.access_group.delete_accounts


def may_read_reports(staff: StaffMember | None) -> bool:
    """Administrators read reports of every club, a manager of their own; employees do not."""
    if staff is None:
        return False
    return is_administrator(staff) or (staff.role == StaffMember.Role.MANAGER and staff.club_id is not None)


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    if getattr(request, "htmx", False):
        return HttpResponseClientRedirect(resolve_url("sign-in"))
    # Only a page can be come back to after signing in; a form that was sent cannot.
    return redirect_to_login(request.get_full_path() if request.method == "GET" else resolve_url("home"))


def _gate(allowed: Callable[[StaffMember], bool], refusal: StrOrPromise) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            staff: StaffMember | None = request.staff  # type: ignore[attr-defined]
            if staff is None:
                raise PermissionDenied(str(TEAM_ONLY))
            if not allowed(staff):
                raise PermissionDenied(str(refusal))
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def team_required(view: View) -> View:
    """For any colleague of a business."""
    return _gate(lambda staff: True, "")(view)


def administrator_required(view: View) -> View:
    """For administrators of a business."""
    return _gate(is_administrator, ADMINISTRATORS_ONLY)(view)


def needs(area: str) -> Callable[[View], View]:
    """For colleagues whose Team Access Group includes ``area``: contacts, schedule, retail or access."""
    return _gate(lambda staff: may(staff, area), format_lazy(AREA_NEEDED, area=AREAS_SAID[area]))


def delete_accounts_required(view: View) -> View:
    """For administrators with "Delete Accounts" (row H19)."""
    return _gate(may_delete_accounts, DELETE_NEEDED)(view)


def reports_required(view: View) -> View:
    """For administrators, and for managers of a club."""
    return _gate(may_read_reports, REPORTS_NEEDED)(view)


def member_required(view: View) -> View:
    """For members: clients who are signed in themselves. Others go to the members' sign-in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.member is None:  # type: ignore[attr-defined]
            return redirect_to_login(request.get_full_path(), login_url=resolve_url("member-sign-in"))
        return view(request, *args, **kwargs)

    return guarded
