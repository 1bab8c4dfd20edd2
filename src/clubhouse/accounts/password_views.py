"""Forgotten passwords: ask for a link, and choose a new password with it; the team's door and the member app's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from clubhouse.accounts import resets
from clubhouse.accounts.models import Business, User
from clubhouse.accounts.password_forms import AskForm, ChooseForm
from clubhouse.member.gate import open_page
from clubhouse.member.models import AppBuild


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email")
@never_cache
def ask(request: HttpRequest, slug: str = "") -> HttpResponse:
    """The team's: of one business, or of the one that is named."""
    business = get_object_or_404(Business, slug=slug) if slug else None
    back = ("business-sign-in", [slug]) if slug else ("sign-in", [])
    return _ask(request, User.Audience.TEAM, business, back)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email")
@never_cache
@open_page
def member_ask(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """The member app's."""
    return _ask(request, User.Audience.MEMBER, build.business, ("member:sign-in", [build.slug]))


def _ask(request: HttpRequest, audience: str, business: Business | None, back: tuple[str, list[str]]) -> HttpResponse:
    form = AskForm(request.POST or None, business=business)
    if request.method == "POST" and form.is_valid():
        named = business.slug if business else form.cleaned_data["business"]
        resets.ask(audience, named, form.cleaned_data["email"], now=timezone.now())
        return redirect("password-asked")
    context: dict[str, Any] = {"form": form, "business": business, "back": back[0], "back_to": back[1]}
    return render(request, "accounts/password_ask.html", context, status=422 if form.is_bound else 200)


@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    """What to do next; the same whether or not there is an account."""
    return render(request, "accounts/password_asked.html")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "token")
@sensitive_variables("token", "form")
@never_cache
def choose(request: HttpRequest, token: str = "") -> HttpResponse:
    """The mailed link. A link that was used, or is too old, says so.

    The form is sent to an address without the token: what is refused is logged with its address.
    """
    token = token or request.POST.get("token", "")
    user = resets.account_of(token, now=timezone.now())
    if user is None:
        return render(request, "accounts/password_over.html", status=410)
    form = ChooseForm(request.POST or None, user=user)
    if request.method == "POST" and form.is_valid():
        try:
            resets.use(token, form.cleaned_data["password"], now=timezone.now())
        except resets.LinkOver:
            return render(request, "accounts/password_over.html", status=410)
        messages.success(request, _("Your password is set, and every earlier sign-in has ended. Sign in with it."))
        door = "business-sign-in" if user.audience == User.Audience.TEAM else "business-member-sign-in"
        return redirect(door, user.business.slug)  # type: ignore[union-attr]
    context = {"form": form, "token": token, "business": user.business}
    return render(request, "accounts/password_choose.html", context, status=422 if form.is_bound else 200)
