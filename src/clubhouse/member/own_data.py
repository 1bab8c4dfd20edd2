"""Settings > Preferences: a copy of one's data, a new password and a new address; each with the proof of who it is (row
P5)."""

from __future__ import annotations

import datetime
import io

from django.contrib import messages
from django.contrib.auth import logout
from django.db.models import F
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts import addresses, signing_in
from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.member import confirming
from clubhouse.member.forms import AddressForm, ConfirmForm, PasswordForm
from clubhouse.member.gate import member_page, show, to_sign_in
from clubhouse.member.models import AppBuild, DeletionCheck
from clubhouse.member.services import change_password
from lethe import pipeline
from lethe.exceptions import SubjectNotFound

#: Copies that a member may have made in a day.
COPIES, WITHIN = 3, datetime.timedelta(days=1)
ENOUGH = gettext_lazy("You have had three copies within a day. Come back tomorrow, or ask your club.")
MAILED_ENOUGH = gettext_lazy("You have asked for three links within a day. Come back tomorrow, or ask your club.")
FILE = "my-data.zip"


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code")
@never_cache
@member_page
def copy(request: HttpRequest, build: AppBuild) -> HttpResponseBase:
    """A copy of everything the club keeps about the member, made in memory and handed out once."""
    member: Client = request.member  # type: ignore[attr-defined]
    user: User = request.user  # type: ignore[assignment]
    form = ConfirmForm(request.POST or None, user=user)
    if request.method != "POST":
        return _page(request, build, "copy.html", form)
    try:
        _confirmed(request, member, form)
        if not _one_more(user, timezone.now()):
            form.refuse(ENOUGH)
            return _page(request, build, "copy.html", form, status=429)
        found = pipeline.export(Client, member.pk)
    except confirming.NotConfirmed as error:
        form.refuse(error.plain)
        return _page(request, build, "copy.html", form, status=422)
    except (confirming.AccountGone, SubjectNotFound):
        logout(request)
        return to_sign_in(request, build)
    stream = io.BytesIO()
    found.write(stream)
    stream.seek(0)
    return FileResponse(stream, as_attachment=True, filename=FILE, content_type="application/zip")


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code", "new_password")
@never_cache
@member_page
def password(request: HttpRequest, build: AppBuild) -> HttpResponseBase:
    """A new password; every other sign-in ends."""
    member: Client = request.member  # type: ignore[attr-defined]
    user: User = request.user  # type: ignore[assignment]
    form = PasswordForm(request.POST or None, user=user)
    if request.method != "POST":
        return _page(request, build, "password.html", form)
    if not form.is_valid():
        return _page(request, build, "password.html", form, status=422)
    try:
        _confirmed(request, member, form)
        change_password(member, user, form.cleaned_data["new_password"])
    except confirming.NotConfirmed as error:
        form.refuse(error.plain)
        return _page(request, build, "password.html", form, status=422)
    except confirming.AccountGone:
        logout(request)
        return to_sign_in(request, build)
    signing_in.begin(request, user)
    messages.success(request, _("The password was changed. You are signed out everywhere else."))
    return redirect("member:preferences", build.slug)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code", "new_email")
@never_cache
@member_page
def address(request: HttpRequest, build: AppBuild) -> HttpResponseBase:
    """A new e-mail address: a link is mailed to it, and nothing changes before that is used."""
    member: Client = request.member  # type: ignore[attr-defined]
    user: User = request.user  # type: ignore[assignment]
    form, now = AddressForm(request.POST or None, user=user), timezone.now()
    if request.method != "POST":
        return _page(request, build, "address.html", form, pending=addresses.pending(user, now=now))
    if not form.is_valid():
        return _page(request, build, "address.html", form, status=422)
    try:
        _confirmed(request, member, form)
        if not addresses.ask(member, user, form.cleaned_data["new_email"], now=now):
            raise confirming.AccountGone
    except confirming.NotConfirmed as error:
        form.refuse(error.plain)
        return _page(request, build, "address.html", form, status=422)
    except addresses.AskedEnough:
        form.add_error("new_email", MAILED_ENOUGH)
        return _page(request, build, "address.html", form, status=429)
    except confirming.AccountGone:
        logout(request)
        return to_sign_in(request, build)
    messages.success(request, _("A link was mailed to the new address. Nothing changes until you open it and confirm."))
    return redirect("member:address", build.slug)


@require_POST
@never_cache
@member_page
def mail_code(request: HttpRequest, build: AppBuild) -> HttpResponseBase:
    """Mail a member without a password a one-time code, and go back to the page it is for."""
    member: Client = request.member  # type: ignore[attr-defined]
    user: User = request.user  # type: ignore[assignment]
    asked = request.POST.get("for")
    back = asked if asked in {"change-password", "address"} else "copy"
    if not user.has_usable_password():
        try:
            confirming.mail_code(member, user, now=timezone.now(), purpose="other")
            messages.success(request, _("The code was mailed. It works for 10 minutes."))
        except confirming.NotConfirmed as error:
            messages.error(request, error.plain)
        except confirming.AccountGone:
            logout(request)
            return to_sign_in(request, build)
    return redirect(f"member:{back}", build.slug)


# --- parts ---------------------------------------------------------------------------------------------------------
def _page(
    request: HttpRequest, build: AppBuild, page: str, form: ConfirmForm, *, status: int = 200, **more: object
) -> HttpResponse:
    return show(request, build, page, {"here": "settings", "form": form} | more, status=status)


def _confirmed(request: HttpRequest, member: Client, form: ConfirmForm) -> None:
    """Raises ``NotConfirmed`` and ``AccountGone``. A code is used up by it."""
    confirming.confirm(member, form.user, request.POST.get(form.proof, ""), now=timezone.now())
    confirming.use_up_code(form.user)


def _one_more(user: User, now: datetime.datetime) -> bool:
    """Count a copy; whether there may be one more. Two at once are counted one after the other."""
    mine = DeletionCheck.objects.filter(user=user)
    mine.filter(copies_since__lte=now - WITHIN).update(copies=0, copies_since=now)
    return bool(mine.filter(copies__lt=COPIES).update(copies=F("copies") + 1))
