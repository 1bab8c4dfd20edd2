"""The link that was mailed to a new address: who follows it, on whatever device, says so once more with a button."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods

from clubhouse.accounts import addresses, signing_in


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("token")
@sensitive_variables("token", "found")
@never_cache
def confirm(request: HttpRequest, token: str = "") -> HttpResponse:
    """Show what the link is for; with the button, change the address. A link that is over says so.

    Following it changes nothing, for mail programs follow links too. The form is sent to an address without the token:
    what is refused is logged with its address.
    """
    token = token or request.POST.get("token", "")
    found = addresses.change_of(token, now=timezone.now())
    if found is None:
        return render(request, "accounts/address_over.html", status=410)
    if request.method != "POST":
        context = {"token": token, "email": found.new_email, "business": found.user.business}
        return render(request, "accounts/address_confirm.html", context)
    try:
        user = addresses.confirm(token, now=timezone.now())
    except addresses.LinkOver:
        return render(request, "accounts/address_over.html", status=410)
    slug = found.user.business.slug  # type: ignore[union-attr]
    if request.user.pk == user.pk:
        # This browser's sign-in ended with the others, and another begins: who holds it has just shown that it is them.
        logout(request)
        signing_in.begin(request, user)
        messages.success(request, _("Your e-mail address was changed. You are signed out everywhere else."))
        return redirect("member-home")
    messages.success(
        request, _("Your e-mail address was changed, and every earlier sign-in has ended. Sign in with it.")
    )
    return redirect("business-member-sign-in", slug)
