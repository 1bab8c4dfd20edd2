"""One's own sign-ins: on what kind of device and when, and ending them all."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from clubhouse.accounts import signing_in
from clubhouse.accounts.permissions import team_required
from clubhouse.identities.selectors import ways
from clubhouse.member.gate import member_page
from clubhouse.member.models import AppBuild

#: The latest are listed, and all of them end.
LISTED = 50
ENDED = _("You are signed out on every device.")


def _listed(request: HttpRequest) -> list[signing_in.Row]:
    rows = signing_in.sign_ins(request.user, now=timezone.now())[:LISTED]  # type: ignore[arg-type]
    return signing_in.told_apart(rows, here=request.session.session_key or "")


@team_required
@require_safe
def sign_ins(request: HttpRequest) -> HttpResponse:
    """A colleague's."""
    minutes = request.business.team_idle_minutes  # type: ignore[attr-defined]
    return render(request, "accounts/sign_ins.html", {"rows": _listed(request), "minutes": minutes})


@team_required
@require_POST
def end_everywhere(request: HttpRequest) -> HttpResponse:
    """End all of a colleague's, this one too, with the next request."""
    slug = request.business.slug  # type: ignore[attr-defined]
    signing_in.end_everywhere(request.user, request)  # type: ignore[arg-type]
    messages.success(request, ENDED)
    return redirect("business-sign-in", slug)


@require_safe
@never_cache
@member_page
def member_sign_ins(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """A member's."""
    context = {"build": build, "member": request.member, "rows": _listed(request), "here": "settings"}  # type: ignore[attr-defined]
    context["ways"] = ways(request.member)  # type: ignore[attr-defined]
    return render(request, "accounts/member_sign_ins.html", context)


@require_POST
@member_page
def member_end(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """End all of a member's."""
    signing_in.end_everywhere(request.user, request)  # type: ignore[arg-type]
    messages.success(request, ENDED)
    return redirect("member:sign-in", build.slug)
