"""Choosing a language on a sign-in page, and language and time zone among one's own preferences."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.permissions import administrator_required, team_required
from clubhouse.localisation import services
from clubhouse.localisation.forms import BusinessForm, ReaderForm
from clubhouse.localisation.models import ReaderChoice
from clubhouse.localisation.selectors import language_of_business, language_of_request, languages
from clubhouse.member.gate import member_page, show
from clubhouse.member.models import AppBuild


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Take another language: this browser remembers it, and the account too where somebody is signed in."""
    language = request.POST.get("language", "")
    if language not in languages():
        return HttpResponseBadRequest(render(request, "400.html").content)
    wanted = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    if request.user.is_authenticated:
        services.choose(request.user, language=language)
        services.put(request, language=language)
    response = redirect(wanted if safe else "home")
    services.remember_in_browser(response, language)
    return response


def _form(request: HttpRequest) -> ReaderForm:
    choice = ReaderChoice.objects.filter(user=request.user.pk).first()
    initial = {"language": choice.language, "timezone": choice.timezone} if choice else None
    return ReaderForm(request.POST if request.method == "POST" else None, initial=initial)


def _keep(request: HttpRequest, form: ReaderForm, response: HttpResponse) -> HttpResponse:
    """Keep the choice, and say so in the language that was chosen."""
    services.choose(request.user, **form.cleaned_data)  # type: ignore[arg-type]
    services.put(request, **form.cleaned_data)
    services.remember_in_browser(response, form.cleaned_data["language"])
    with override(form.cleaned_data["language"] or language_of_request(request)):
        messages.success(request, _("Language and time zone were saved."))
    return response


@team_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """A colleague's own language and time zone."""
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        return _keep(request, form, redirect("localisation:preferences"))
    return render(request, "localisation/preferences.html", {"form": form}, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@member_page
def member_preferences(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """A member's own language and time zone, under Settings > Preferences."""
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        return _keep(request, form, redirect("member:preferences", build.slug))
    context = {"here": "settings", "form": form}
    return show(request, build, "language.html", context, status=422 if form.is_bound else 200)


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def business(request: HttpRequest) -> HttpResponse:
    """The business's own language, set by an administrator."""
    house = request.business  # type: ignore[attr-defined]
    sent = request.POST if request.method == "POST" else None
    form = BusinessForm(sent, initial={"language": language_of_business(house)})
    if sent is not None and form.is_valid():
        services.set_business_language(house, form.cleaned_data["language"])
        messages.success(request, _("The language of the business was saved."))
        return redirect("localisation:business")
    return render(request, "localisation/business.html", {"form": form}, status=422 if form.is_bound else 200)
