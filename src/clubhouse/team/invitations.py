"""Sign-in links: a colleague sets a password that nobody else has seen."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.models import User
from clubhouse.accounts.permissions import needs
from clubhouse.team import selectors, services
from clubhouse.team.forms import PasswordForm


class SignInLinks(PasswordResetTokenGenerator):
    """Tokens that end with the first use, with a sign-in, with a new address, and after three days."""

    key_salt = "clubhouse.team.sign-in-link"


tokens = SignInLinks()


@needs("access")
@require_POST
@never_cache
def make_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a sign-in link and show it, once, to be handed over."""
    staff = selectors.find_member(request.business, pk)  # type: ignore[attr-defined]
    if not staff.user.is_active:
        messages.error(request, _("This colleague is deactivated. Let them sign in again first."))
        return redirect("team:member", staff.pk)
    address = reverse("team:join", args=[staff.user_id, tokens.make_token(staff.user)])
    return render(request, "team/link.html", {"colleague": staff, "link": request.build_absolute_uri(address)})


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password", "token")
@never_cache
def join(request: HttpRequest, pk: int, token: str = "") -> HttpResponse:
    """Set the password. A link that was used, or is too old, says so.

    The form is sent to an address without the token: what is refused is logged with its address.
    """
    token = token or request.POST.get("token", "")
    found = User.objects.select_related("business").filter(pk=pk, audience=User.Audience.TEAM, is_active=True).first()
    if found is None or not tokens.check_token(found, token):
        return render(request, "team/join_over.html", status=410)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        services.set_password(found, form.cleaned_data["password"])
        messages.success(request, _("Your password is set. Sign in with it."))
        return redirect("business-sign-in", found.business.slug)  # type: ignore[union-attr]
    context = {"form": form, "business": found.business, "token": token, "key": pk}
    return render(request, "team/join.html", context, status=422 if form.is_bound else 200)
