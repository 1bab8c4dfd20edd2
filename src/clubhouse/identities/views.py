"""Signing in to the member app with an account at an OpenID provider (row P15).

An identity opens the account it is connected to and no other. An address that the provider names connects nothing:
whoever has an account here already signs in to it by its own means first.
"""

from __future__ import annotations

import hmac
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.signing_in import begin
from clubhouse.clients.models import Identity
from clubhouse.identities import journey, protocol, selectors, services
from clubhouse.identities.forms import OpenForm
from clubhouse.identities.models import Provider
from clubhouse.identities.sealing import Unreadable
from clubhouse.identities.wire import NotReached
from clubhouse.member.gate import member_of, member_page, open_page
from clubhouse.member.models import AppBuild
from clubhouse.member.selectors import clubs_of


def back_address() -> str:
    """Where providers send browsers back to; one for the deployment, to be registered there."""
    return settings.SITE_URL.rstrip("/") + reverse("openid-back")


@require_safe
@never_cache
@open_page
def set_out(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """ "Sign in with …": to the provider, with a state, a nonce and a proof key that only this browser has."""
    provider = get_object_or_404(selectors.providers(build.business), pk=pk)
    try:
        start = protocol.start(provider, redirect_uri=back_address())
    except NotReached:
        return _not_reached(request, build, provider)
    journey.set_out(request, start, build=build.slug, provider=provider.pk, wanted=request.GET.get("next", ""))
    return redirect(start.url)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("code", "said", "way")
@sensitive_post_parameters("code", "user", "id_token")
@never_cache
def come_back(request: HttpRequest) -> HttpResponse:
    """Back from the provider. The state, which only this browser's session knows, takes the place of a CSRF token."""
    if request.method == "POST":
        # Posted from another site, so without our cookie: asked for again by this one. A name in it goes no further.
        kept = {name: request.POST[name] for name in ("code", "state", "error") if name in request.POST}
        response = redirect(reverse("openid-back") + "?" + urlencode(kept))
        response.status_code = 303
        return response
    way = journey.come_back(request)
    build = AppBuild.objects.select_related("business").filter(slug=way.build).first() if way else None
    if way is None or build is None:
        messages.error(request, _("This sign-in was begun in another browser, or too long ago. Begin it again."))
        return redirect("member-sign-in")
    provider = selectors.providers(build.business).filter(pk=way.provider).first()
    code, state = request.GET.get("code", ""), request.GET.get("state", "")
    if provider is None or not hmac.compare_digest(state.encode(), way.state.encode()):
        return _not_signed_in(request, build, _("The sign-in did not come back as it set out. Begin it again."))
    if not code:
        return _not_signed_in(request, build, _("You were not signed in. Nothing was changed."))
    try:
        said = protocol.finish(provider, code=code, nonce=way.nonce, verifier=way.verifier, redirect_uri=back_address())
    except (protocol.Refused, Unreadable, ValueError):
        return _not_signed_in(
            request, build, _("The sign-in could not be checked. Begin it again, or use your password.")
        )
    except NotReached:
        return _not_reached(request, build, provider)
    return _arrived(request, build, provider, said, way.wanted)


def _arrived(
    request: HttpRequest, build: AppBuild, provider: Provider, said: protocol.Said, wanted: str
) -> HttpResponse:
    """To the account that the identity opens; to the member who is signed in; else to the last page of signing up."""
    if member_of(request, build) is None and (user := services.sign_in(provider, said)) is not None:
        begin(request, user)
        return redirect(_destination(request, wanted, build))
    journey.arrive(request, build=build.slug, provider=provider.pk, said=said)
    return redirect("openid:connect" if member_of(request, build) is not None else "openid:finish", build.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("first_name", "last_name")
@sensitive_variables("there", "form")
@never_cache
@open_page
def finish(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Nobody has this identity yet: open an account, or say how to connect the one there is."""
    if member_of(request, build) is not None:
        return redirect("member:home", build.slug)
    there, provider = _there(request, build)
    if there is None or provider is None:
        return _not_signed_in(request, build, _("This took too long. Begin the sign-in again."))
    context = {"provider": provider, "connect": reverse("openid:connect", args=[build.slug])}
    if there.said.email and selectors.is_known(build.business, there.said.email):
        return _show(request, build, "known.html", context)
    clubs = clubs_of(build.business)
    if not there.said.email or not build.sign_up or not clubs:
        return _show(request, build, "closed.html", context | {"named": bool(there.said.email)})
    initial = {"first_name": there.said.first_name, "last_name": there.said.last_name}
    form = OpenForm(request.POST or None, initial=initial, clubs=clubs)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.open_account(provider, there.said, now=timezone.now(), **form.cleaned_data)
        except services.Taken:
            journey.forget(request)
            return _not_signed_in(request, build, _("Your account is open. Sign in once more."))
        except services.Known:
            return redirect("openid:finish", build.slug)
        journey.forget(request)
        begin(request, user)
        messages.success(request, _("Your account is open."))
        return redirect("member:home", build.slug)
    context |= {"form": form, "email": there.said.email}
    return _show(request, build, "finish.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_variables("there")
@never_cache
@member_page
def connect(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Connect an identity to the account that is signed in: the account's own sign-in is the proof."""
    there, provider = _there(request, build)
    if there is None or provider is None:
        return redirect("member-sign-ins", build.slug)
    if request.method != "POST":
        return _show(request, build, "connect.html", {"provider": provider, "here": "settings"})
    journey.forget(request)
    try:
        services.connect(provider, there.said, request.member)  # type: ignore[attr-defined]
    except (services.Taken, services.Gone) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("You can sign in with %(name)s from now on.") % {"name": provider.name})
    return redirect("member-sign-ins", build.slug)


@require_POST
@member_page
def disconnect(request: HttpRequest, build: AppBuild, pk: int) -> HttpResponse:
    """Take an identity from one's own account. A second click changes nothing."""
    member = request.member  # type: ignore[attr-defined]
    if not member.identities.filter(pk=pk).exists() and Identity.objects.filter(pk=pk).exists():
        raise Http404
    try:
        services.disconnect(member, pk)
    except services.LastWay as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It was disconnected, and is told so at the other side."))
    return redirect("member-sign-ins", build.slug)


# --- parts ------------------------------------------------------------------------------------------------------------
def _show(
    request: HttpRequest, build: AppBuild, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    known = {"build": build, "business": build.business, "member": member_of(request, build)}
    return render(request, f"identities/{template}", known | context, status=status)


def _there(request: HttpRequest, build: AppBuild) -> tuple[journey.Arrived | None, Provider | None]:
    found = journey.arrived(request, build=build.slug)
    if found is None:
        return None, None
    return found, selectors.providers(build.business).filter(pk=found.provider).first()


def _destination(request: HttpRequest, wanted: str, build: AppBuild) -> str:
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and safe else reverse("member:home", args=[build.slug])


def _not_signed_in(request: HttpRequest, build: AppBuild, said: str) -> HttpResponse:
    messages.error(request, said)
    return redirect("member:sign-in", build.slug)


def _not_reached(request: HttpRequest, build: AppBuild, provider: Provider) -> HttpResponse:
    said = _("%(name)s did not answer. Try again in a minute, or use your password.")
    return _not_signed_in(request, build, said % {"name": provider.name})
