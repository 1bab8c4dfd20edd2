"""Settings > Preferences > "Delete My Account": password or code, "Confirm Deletion", receipt, "Logout" (row F1)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.member import confirming, settling
from clubhouse.member.forms import ConfirmForm
from clubhouse.member.gate import member_of, needs_deletion, open_page, show, to_sign_in
from clubhouse.member.models import AppBuild
from clubhouse.member.selectors import settled_by_member
from clubhouse.privacy.orders import MEMBER as REASON
from clubhouse.privacy.selectors import look, result
from clubhouse.privacy.services import erase
from clubhouse.privacy.views import progress_part
from clubhouse.privacy.wording import change_words
from lethe.exceptions import Blocked, Changed
from lethe.models import Receipt

#: The last screen is found again for a day by the browser that ordered the deletion, and for an hour by its page.
COOKIE, COOKIE_LASTS, TICKET_LASTS = "deleted", 24 * 60 * 60, 60 * 60
TICKET = "clubhouse.member.deletion"
CONFIRMATION_MISSING = {"the confirmation": (0, 0)}


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "code")
@never_cache
@open_page
def delete_account(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """What the deletion means, what has to be settled first, and the last step. A second click is a success."""
    needs_deletion(build)
    member = member_of(request, build)
    if member is None:
        number = _ordered_before(request.POST.get("ticket", "")) or _remembered(request)
        return _to_receipt(build, number) if number else to_sign_in(request, build)
    user: User = request.user  # type: ignore[assignment]
    key = user.pk
    try:
        return _delete(request, build, member, user)
    except confirming.AccountGone:
        logout(request)
        number = _receipt_of(key)
        return _to_receipt(build, number) if number else to_sign_in(request, build)


def _delete(request: HttpRequest, build: AppBuild, member: Client, user: User) -> HttpResponse:
    if request.method != "POST":
        return _page(request, build, member, ConfirmForm(user=user))
    form = ConfirmForm(request.POST, user=user)
    try:
        confirming.confirm(member, user, request.POST.get(form.proof, ""), now=timezone.now())
    except confirming.NotConfirmed as error:
        form.refuse(error.message)
        return _page(request, build, member, form, status=422)
    return _erase(request, build, member, user)


def _erase(request: HttpRequest, build: AppBuild, member: Client, user: User) -> HttpResponse:
    fingerprint = request.POST.get("fingerprint", "")
    if not fingerprint:
        return _page(
            request, build, member, ConfirmForm(user=user), changed=change_words(CONFIRMATION_MISSING), status=409
        )
    key = user.pk
    try:
        done = erase(member, by=user, reason=REASON, fingerprint=fingerprint)
    except Blocked:
        return _page(request, build, member, ConfirmForm(user=user), status=409)
    except Changed as error:
        return _page(
            request, build, member, ConfirmForm(user=user), changed=change_words(error.differences), status=409
        )
    # The sessions went with the account; this empties what this request still holds of its own.
    logout(request)
    return _to_receipt(build, done.number or _receipt_of(key))


def _page(
    request: HttpRequest,
    build: AppBuild,
    member: Client,
    form: ConfirmForm,
    *,
    changed: dict[str, tuple[int, int]] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page before the last step, always with a fresh preview (rows N7, P8)."""
    check = confirming.prepare(member, form.user)
    found = look(member)
    now = timezone.now()
    names = {item.name for item in found.blockers}
    context: dict[str, Any] = {
        "look": found,
        "form": form,
        "changed": changed,
        "ticket": signing.dumps(form.user.pk, salt=TICKET),
        "code_sent": bool(check.code_hash and check.code_expires_at and check.code_expires_at > now),
        "obstacles": settling.obstacles(found.blockers),
        "club": member.home_club,
    } | settled_by_member(names, member, now)
    template = "delete_blocked.html" if found.blocked else "delete.html"
    return show(request, build, template, context, status=status)


@require_POST
@never_cache
@open_page
def mail_code(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Mail a member without a password a one-time code."""
    needs_deletion(build)
    member = member_of(request, build)
    if member is None:
        return to_sign_in(request, build)
    user: User = request.user  # type: ignore[assignment]
    if user.has_usable_password():
        return redirect("member:delete", build.slug)
    form = ConfirmForm(user=user)
    try:
        confirming.mail_code(member, user, now=timezone.now())
    except confirming.NotConfirmed as error:
        form = ConfirmForm({}, user=user)
        form.refuse(error.message)
        return _page(request, build, member, form, status=422)
    except confirming.AccountGone:
        logout(request)
        return to_sign_in(request, build)
    messages.success(request, _("The code was mailed. It works for 10 minutes."))
    return redirect(reverse("member:delete", args=[build.slug]) + "#confirm")


@require_POST
@never_cache
@open_page
def settle(request: HttpRequest, build: AppBuild, kind: str, pk: int | None = None) -> HttpResponse:
    """Settle one thing that stands in the way, or all of its kind, and come back to the list."""
    needs_deletion(build)
    member = member_of(request, build)
    if member is None:
        return to_sign_in(request, build)
    try:
        said = settling.settle(member, kind, pk, understood="understood" in request.POST, now=timezone.now())
        messages.success(request, said)
    except settling.Unsettled as error:
        messages.error(request, str(error))
    return redirect("member:delete", build.slug)


# --- after ---------------------------------------------------------------------------------------------------------
@require_safe
@never_cache
@open_page
def deleted(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """The last screen: the receipt to keep, what was removed, what is kept and why (rows F12, P11)."""
    number = _remembered(request)
    if not number:
        return to_sign_in(request, build)
    receipt = Receipt.objects.select_related("run").filter(number=number).first()
    return show(request, build, "deleted.html", {"result": result(receipt) if receipt else None})


@require_safe
@never_cache
@open_page
def progress(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """How far what lies outside the records has come, for the last screen, which asks by itself (row F12)."""
    receipt = Receipt.objects.select_related("run").filter(number=_remembered(request)).first()
    if receipt is None:
        # Logged out in another tab.
        return HttpResponseClientRedirect(reverse("member:goodbye", args=[build.slug]))
    return progress_part(request, receipt.run, request.path)


@require_POST
@never_cache
@open_page
def log_out(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """ "Logout" after a deletion: acknowledges, and works although the sign-in has already ended (row F1)."""
    logout(request)
    response = redirect("member:goodbye", build.slug)
    response.delete_cookie(COOKIE, path=_app(build), samesite="Lax")
    return response


@require_safe
@never_cache
@open_page
def goodbye(request: HttpRequest, build: AppBuild) -> HttpResponse:
    """Logged out, and the account no longer usable. Says nothing of whose it was."""
    if member_of(request, build) is not None:
        return redirect("member:home", build.slug)
    return show(request, build, "goodbye.html")


def _to_receipt(build: AppBuild, number: str) -> HttpResponse:
    """To the last screen. The number is in a signed cookie and not in the address: addresses are logged."""
    response = redirect("member:deleted", build.slug)
    response.set_signed_cookie(
        COOKIE,
        number or "unknown",
        salt=TICKET,
        max_age=COOKIE_LASTS,
        path=_app(build),
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response


def _app(build: AppBuild) -> str:
    return reverse("member:home", args=[build.slug])


def _remembered(request: HttpRequest) -> str:
    return str(request.get_signed_cookie(COOKIE, default="", salt=TICKET, max_age=COOKIE_LASTS) or "")


def _ordered_before(ticket: str) -> str:
    """The receipt of the deletion that this page ordered already, by a second click or in another tab; "" for none."""
    try:
        account = signing.loads(ticket, salt=TICKET, max_age=TICKET_LASTS)
    except signing.BadSignature:
        return ""
    return _receipt_of(account)


def _receipt_of(account: int) -> str:
    """The receipt that an account's own order gave. The record of a run knows the account's key, and no more."""
    mine = Receipt.objects.filter(run__by=f"account:{account}", run__reason=REASON)
    return mine.values_list("number", flat=True).first() or ""
