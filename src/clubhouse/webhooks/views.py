"""The screens for webhooks: which systems are told of erasures, and whether they took it (row P14)."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.permissions import administrator_required
from clubhouse.privacy.wording import cause_words
from clubhouse.webhooks import selectors, services
from clubhouse.webhooks.forms import EndpointForm

PER_PAGE = 50


@administrator_required
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """Every endpoint."""
    rows = selectors.endpoints(request.business)  # type: ignore[attr-defined]
    return render(request, "webhooks/list.html", {"endpoints": rows})


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Add an endpoint; its page shows the secret."""
    business = request.business  # type: ignore[attr-defined]
    form = EndpointForm(request.POST or None, business=business)
    if request.method == "POST" and form.is_valid():
        made = services.add(business, **form.cleaned_data)
        messages.success(request, _("The endpoint was added. Give its signing secret to the other system."))
        return redirect("webhooks:endpoint", made.pk)
    return render(request, "webhooks/new.html", {"form": form}, status=422 if form.is_bound else 200)


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
def endpoint(request: HttpRequest, pk: int) -> HttpResponse:
    """One endpoint: change it, see its secret and its log."""
    business = request.business  # type: ignore[attr-defined]
    found = selectors.find(business, pk)
    form = EndpointForm(request.POST or None, business=business, endpoint=found)
    if request.method == "POST" and form.is_valid():
        services.change(found, **form.cleaned_data)
        messages.success(request, _("The endpoint was saved."))
        return redirect("webhooks:endpoint", pk)
    page = Paginator(selectors.log(found), PER_PAGE).get_page(request.GET.get("page"))
    page.object_list = [*page.object_list]
    for delivery in page.object_list:
        # It is kept as the worker wrote it, and said in the language of who reads it.
        delivery.cause = cause_words(delivery.error)
    context = {
        "endpoint": found,
        "form": form,
        "page": page,
        "old_secret_until": selectors.old_secret_until(found, timezone.now()),
    }
    return render(request, "webhooks/endpoint.html", context, status=422 if form.is_bound else 200)


@administrator_required
@require_POST
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Draw a new secret."""
    services.rotate(selectors.find(request.business, pk), now=timezone.now())  # type: ignore[attr-defined]
    messages.success(
        request, _("There is a new secret. For 24 hours messages are signed with both, then with the new one.")
    )
    return redirect("webhooks:endpoint", pk)


@administrator_required
@require_POST
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test."""
    services.send_test(selectors.find(request.business, pk))  # type: ignore[attr-defined]
    messages.success(request, _("A test is on its way. Reload this page to see what became of it."))
    return redirect("webhooks:endpoint", pk)


@administrator_required
@require_POST
def resend(request: HttpRequest, pk: int, delivery: int) -> HttpResponse:
    """Send a message again."""
    services.send_again(selectors.find_delivery(request.business, pk, delivery))  # type: ignore[attr-defined]
    messages.success(request, _("The message is sent again. Reload this page to see what became of it."))
    return redirect("webhooks:endpoint", pk)


@administrator_required
@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an endpoint and its log."""
    services.remove(selectors.find(request.business, pk))  # type: ignore[attr-defined]
    messages.success(request, _("The endpoint and its log were removed."))
    return redirect("webhooks:list")
