"""The screens of tokens: a member's, under Preferences, and an administrator's, in Team settings."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.models import User
from clubhouse.accounts.permissions import administrator_required
from clubhouse.api import scopes, tokens
from clubhouse.api.forms import TokenForm
from clubhouse.api.models import ApiToken
from clubhouse.member.gate import member_page, show
from clubhouse.member.models import AppBuild

PER_PAGE = 50
Shown = Callable[..., HttpResponse]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@member_page
def of_member(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """A member's own tokens, and a new one."""

    def page(**context: object) -> HttpResponse:
        status = int(context.pop("status", 200))  # type: ignore[call-overload]
        return show(request, build, "tokens.html", {"here": "settings"} | context, status=status)

    return _tokens(request, tokens.of_member(_account(request)), TokenForm, page)


@require_POST
@member_page
def revoke_own(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """End a token of one's own."""
    token = get_object_or_404(ApiToken, pk=pk, user=_account(request))
    tokens.revoke(token, now=timezone.now())
    messages.success(request, _("The token was revoked. It stops working with the next request."))
    return redirect("member:tokens", build.slug)


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def of_team(request: HttpRequest) -> HttpResponse:
    """The team's tokens, and a new one in one's own name."""

    def page(**context: object) -> HttpResponse:
        status = int(context.pop("status", 200))  # type: ignore[call-overload]
        return render(request, "api/tokens.html", context, status=status)

    return _tokens(request, tokens.of_team(request.business), TokenForm, page)  # type: ignore[attr-defined]


@administrator_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token that anybody of the team made."""
    token = get_object_or_404(tokens.of_team(request.business), pk=pk)  # type: ignore[attr-defined]
    tokens.revoke(token, now=timezone.now())
    messages.success(request, _("The token was revoked. It stops working with the next request."))
    return redirect("tokens:list")


def _tokens(request: HttpRequest, rows: QuerySet[ApiToken], kind: type[TokenForm], page: Shown) -> HttpResponse:
    """List them; make one and show it, this once."""
    user, now = _account(request), timezone.now()
    known = scopes.MEMBER if user.audience == User.Audience.MEMBER else scopes.TEAM
    form = kind(request.POST or None, scopes=known)
    made, said, status = None, "", 422 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            made, said = tokens.make(user, **form.cleaned_data, now=now)
        except tokens.TooMany as error:
            form.add_error(None, str(error))
        else:
            form, status = kind(scopes=known), 200
    listed = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    return page(form=form, made=made, token=said, page=listed, now=now, status=status)


def _account(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
