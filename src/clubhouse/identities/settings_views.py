"""Team settings > Sign in with: the OpenID providers of a business."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from clubhouse.accounts.permissions import needs
from clubhouse.identities import services
from clubhouse.identities.forms import ProviderForm
from clubhouse.identities.models import Provider
from clubhouse.identities.views import back_address


@needs("access")
@require_safe
def providers(request: HttpRequest) -> HttpResponse:
    """Every provider, and whether it is on."""
    found = Provider.objects.filter(business=request.business).order_by("name", "pk")  # type: ignore[attr-defined]
    return render(request, "identities/providers.html", {"providers": found})


@needs("access")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("secret")
@sensitive_variables("form")
def new(request: HttpRequest) -> HttpResponse:
    """Add a provider. It is asked who it is before it is saved."""
    return _form(request, Provider(business=request.business), _("The provider was added."))  # type: ignore[attr-defined]


@needs("access")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("secret")
@sensitive_variables("form")
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a provider, or switch it off. Its issuer stays: members are known by it."""
    found = get_object_or_404(Provider, business=request.business, pk=pk)  # type: ignore[attr-defined]
    return _form(request, found, _("The provider was saved."))


def _form(request: HttpRequest, provider: Provider, said: str) -> HttpResponse:
    name = provider.name
    form = ProviderForm(request.POST or None, instance=provider, business=request.business)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        services.save_provider(form.instance, secret=form.cleaned_data["secret"])
        messages.success(request, said)
        return redirect("openid-providers:list")
    context = {"form": form, "provider": provider if provider.pk else None, "name": name, "back": back_address()}
    return render(request, "identities/provider.html", context, status=422 if form.is_bound else 200)
