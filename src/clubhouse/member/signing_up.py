"""Opening an account in a build that allows it: an address, a mailed link, then a name and a password (row F2)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from clubhouse.accounts.signing_in import begin as begin_sign_in
from clubhouse.member import accounts
from clubhouse.member.gate import member_of, needs_sign_up, open_page, show
from clubhouse.member.models import AppBuild
from clubhouse.member.selectors import clubs_of
from clubhouse.member.sign_up_forms import FinishForm, SignUpForm


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email")
@never_cache
@open_page
def begin(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Ask for the address and mail a link. The answer is the same whether or not the address has an account."""
    needs_sign_up(build)
    if member_of(request, build) is not None:
        return redirect("member:home", build.slug)
    if not clubs_of(build.business):
        return show(request, build, "sign_up.html", {"form": None})
    form = SignUpForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            accounts.mail_link(build, form.cleaned_data["email"], now=timezone.now(), link=_link(request, build))
        except accounts.NoMail as error:
            form.add_error(None, str(error))
        else:
            return redirect("member:sign-up-mailed", build.slug)
    return show(request, build, "sign_up.html", {"form": form}, status=422 if form.is_bound else 200)


def _link(request: HttpRequest, build: AppBuild) -> accounts.Link:
    def absolute(token: str) -> str:
        name, rest = ("member:sign-up-finish", [build.slug, token]) if token else ("member:sign-in", [build.slug])
        return request.build_absolute_uri(reverse(name, args=rest))

    return absolute


@require_safe
@open_page
def mailed(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """What to do next."""
    needs_sign_up(build)
    return show(request, build, "sign_up_mailed.html")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email", "password", "first_name", "last_name", "token")
@sensitive_variables("token", "form")
@never_cache
@open_page
def finish(request: HttpRequest, build: AppBuild, token: str = "") -> HttpResponse:
    """The mailed link: works once and for a day. Makes the account and signs in.

    The form is sent to an address without the token: what is refused is logged with its address.
    """
    needs_sign_up(build)
    token = token or request.POST.get("token", "")
    if not accounts.is_open(build, token, now=timezone.now()):
        return show(request, build, "sign_up_over.html", status=410)
    form = FinishForm(request.POST or None, clubs=clubs_of(build.business))
    if request.method == "POST" and form.is_valid():
        try:
            user = accounts.open_account(build, token, now=timezone.now(), **form.cleaned_data)
        except accounts.OtherAddress as error:
            form.add_error("email", str(error))
        except accounts.LinkOver:
            return show(request, build, "sign_up_over.html", status=410)
        else:
            begin_sign_in(request, user)
            messages.success(request, _("Your account is open."))
            return redirect("member:home", build.slug)
    context = {"form": form, "token": token}
    return show(request, build, "sign_up_finish.html", context, status=422 if form.is_bound else 200)
