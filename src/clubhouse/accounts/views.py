"""Signing in and out, and the way home."""

from __future__ import annotations

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.forms import SignInForm
from clubhouse.accounts.models import Business, User
from clubhouse.accounts.permissions import may
from clubhouse.accounts.signing_in import begin


def _destination(request: HttpRequest, fallback: str) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else resolve_url(fallback)


def _sign_in(request: HttpRequest, *, audience: str, slug: str, home: str, template: str) -> HttpResponse:
    business = get_object_or_404(Business, slug=slug) if slug else None
    form = SignInForm(request.POST or None, audience=audience, business=business)
    if request.method == "POST" and form.is_valid():
        begin(request, form.user)  # type: ignore[arg-type]
        return redirect(_destination(request, home))
    context = {"form": form, "business": business, "next": _destination(request, home)}
    return render(request, template, context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email", "password")
@never_cache
def sign_in(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The team's sign-in, of one business or of the one that the address and password fit."""
    if request.method != "POST" and getattr(request, "staff", None) is not None:
        return redirect(_destination(request, "home"))
    return _sign_in(request, audience=User.Audience.TEAM, slug=slug, home="home", template="accounts/sign_in.html")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this browser's session. Works although the sign-in may have ended already."""
    member = request.user.is_authenticated and request.user.audience == User.Audience.MEMBER
    logout(request)
    return redirect("member-sign-in" if member else "sign-in")


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Where each person starts."""
    if not request.user.is_authenticated:
        return redirect("sign-in")
    if request.user.audience == User.Audience.OPERATOR:
        return redirect("operator:cases")
    if request.staff is None:  # type: ignore[attr-defined]
        return redirect("member-home")
    if may(request.staff, "contacts"):  # type: ignore[attr-defined]
        return redirect("clients:list")
    return render(request, "accounts/home.html")
