"""Who may open a page of the member app: the first line above its views."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild

View = Callable[..., HttpResponseBase]
Page = Callable[[HttpRequest, AppBuild], HttpResponseBase]


def open_page(view: View) -> View:
    """For anybody: finds the build by its address. Raises ``Http404`` where there is none."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponseBase:
        return view(request, get_object_or_404(AppBuild.objects.select_related("business"), slug=slug), **kwargs)

    return guarded


def member_page(view: View) -> View:
    """For members of the build's business. Everybody else, strangers from another business too, is asked to sign in."""

    @open_page
    @functools.wraps(view)
    def guarded(request: HttpRequest, build: AppBuild, **kwargs: Any) -> HttpResponseBase:
        if member_of(request, build) is None:
            return to_sign_in(request, build)
        return view(request, build, **kwargs)

    return guarded


def member_of(request: HttpRequest, build: AppBuild) -> Client | None:
    """The member who is signed in to this build's business."""
    member: Client | None = request.member  # type: ignore[attr-defined]
    return member if member is not None and member.business_id == build.business_id else None


def to_sign_in(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """To the build's sign-in, and back to the page that was wanted; a form that was sent cannot be come back to."""
    address = reverse("member:sign-in", args=[build.slug])
    return redirect_to_login(request.get_full_path(), address) if request.method == "GET" else redirect(address)


def needs_deletion(build: AppBuild) -> None:
    """A build without account deletion does not serve it (row F2). Raises ``Http404``."""
    if not build.account_deletion:
        raise Http404


def needs_sign_up(build: AppBuild) -> None:
    """A build without sign-up does not serve it (row F2). Raises ``Http404``."""
    if not build.sign_up:
        raise Http404


def show(
    request: HttpRequest, build: AppBuild, template: str, context: dict[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a page of the app, in the business's name whoever is signed in."""
    known = {"build": build, "business": build.business, "member": member_of(request, build)}
    return render(request, f"member/{template}", known | (context or {}), status=status)
