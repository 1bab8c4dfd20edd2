"""The way into the member app: sign-in by business, address and password, and each member's own build."""

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
from clubhouse.accounts.permissions import member_required
from clubhouse.accounts.signing_in import begin
from clubhouse.identities.selectors import providers
from clubhouse.member.gate import member_of, open_page, show
from clubhouse.member.models import AppBuild
from clubhouse.member.selectors import default_build


def _destination(request: HttpRequest, fallback: str) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else fallback


@member_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """To the member's own app; a business without one says so."""
    member = request.member  # type: ignore[attr-defined]
    build = default_build(member.business)
    if build is None:
        return render(request, "accounts/member_home.html", {"member": member})
    return redirect("member:home", build.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email", "password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in by business, address and password; for whoever does not know the app's own address."""
    fallback = resolve_url("member-home")
    if request.method != "POST" and request.member is not None:  # type: ignore[attr-defined]
        return redirect(_destination(request, fallback))
    form = SignInForm(request.POST or None, audience=User.Audience.MEMBER)
    if request.method == "POST" and form.is_valid():
        begin(request, form.user)  # type: ignore[arg-type]
        return redirect(_destination(request, fallback))
    context = {"form": form, "next": _destination(request, fallback)}
    return render(request, "member/sign_in.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email", "password")
@never_cache
@open_page
def build_sign_in(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Sign in to one app, whose business is known."""
    fallback = resolve_url("member:home", build.slug)
    if request.method != "POST" and member_of(request, build) is not None:
        return redirect(_destination(request, fallback))
    form = SignInForm(request.POST or None, audience=User.Audience.MEMBER, business=build.business)
    if request.method == "POST" and form.is_valid():
        begin(request, form.user)  # type: ignore[arg-type]
        return redirect(_destination(request, fallback))
    context = {"form": form, "next": _destination(request, fallback), "providers": providers(build.business)}
    return show(request, build, "sign_in.html", context, status=form.status)


@require_http_methods(["GET", "HEAD", "POST"])
def of_business(request: HttpRequest, slug: str) -> HttpResponse:
    """The members' sign-in at the address of a business: to its app, or the one for all where it has none."""
    build = default_build(get_object_or_404(Business, slug=slug))
    return redirect("member:sign-in", build.slug) if build else redirect("member-sign-in")


@require_POST
@open_page
def sign_out(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """End this browser's sign-in; works although it may have ended already."""
    logout(request)
    return redirect("member:sign-in", build.slug)
