"""The team's sign-ins, for administrators: how long one may rest, and who is locked out."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts import lockout, selectors, services
from clubhouse.accounts.forms import IdleForm
from clubhouse.accounts.models import User
from clubhouse.accounts.permissions import administrator_required


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_settings(request: HttpRequest) -> HttpResponse:
    """The idle limit, and whom too many tries keep out just now."""
    business = request.business  # type: ignore[attr-defined]
    sent = request.method == "POST"
    form = IdleForm(request.POST if sent else None, initial={"minutes": business.team_idle_minutes})
    if sent and form.is_valid():
        services.set_idle_limit(business, minutes=form.cleaned_data["minutes"])
        messages.success(request, _("The limit was saved. It works with each colleague’s next click."))
        return redirect("sign-in-settings")
    context = {"form": form, "locked": selectors.locked(business)}
    return render(request, "accounts/sign_in_settings.html", context, status=422 if sent else 200)


@administrator_required
@require_POST
def unlock(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a colleague or a member of the business try again. A second click changes nothing."""
    business = request.business  # type: ignore[attr-defined]
    if lockout.unlock(get_object_or_404(User, pk=pk, business=business)):
        messages.success(request, _("The sign-in was unlocked. It can be tried again now."))
    else:
        messages.info(request, _("This sign-in is not locked any more."))
    return redirect("sign-in-settings")
