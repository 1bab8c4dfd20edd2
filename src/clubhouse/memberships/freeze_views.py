"""Freezing and unfreezing a membership, and ending it with its period."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from clubhouse.accounts.permissions import needs
from clubhouse.clients.models import Client
from clubhouse.clients.selectors import find
from clubhouse.clients.services import ErasedClientError
from clubhouse.memberships import freezing
from clubhouse.memberships.forms import FreezeForm
from clubhouse.memberships.models import Membership
from clubhouse.memberships.sales import NotLive
from clubhouse.settle import owner_of, settle


@needs("retail")
@require_http_methods(["GET", "HEAD", "POST"])
def freeze(request: HttpRequest, pk: int) -> HttpResponse:
    """Freeze a membership from one day to another."""
    client = find(request.staff, owner_of(request, Membership.objects.all(), pk))  # type: ignore[attr-defined]
    membership = get_object_or_404(Membership, pk=pk)
    form = FreezeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        first, last = form.cleaned_data["frozen_from"], form.cleaned_data["frozen_until"]

        def act(held: Client) -> str:
            freezing.freeze(pk, first, last, today=timezone.localdate())
            said = {"first": date_format(first), "last": date_format(last)}
            return _("The membership is frozen from %(first)s to %(last)s.") % said

        return settle(request, client.pk, "memberships", act)
    if client.is_erased or membership.status == Membership.Status.CANCELLED:
        messages.error(request, str(ErasedClientError() if client.is_erased else NotLive()))
        return redirect(reverse("clients:profile", args=[client.pk]) + "#memberships")
    context = {"client": client, "membership": membership, "form": form}
    return render(request, "memberships/freeze.html", context, status=422 if request.method == "POST" else 200)


@needs("retail")
@require_POST
def unfreeze(request: HttpRequest, pk: int) -> HttpResponse:
    """End a freeze today, or give up a planned one."""
    owner = owner_of(request, Membership.objects.all(), pk)

    def act(client: Client) -> str:
        freezing.unfreeze(pk, today=timezone.localdate())
        return _("The membership is no longer frozen.")

    return settle(request, owner, "memberships", act)


@needs("retail")
@require_POST
def end_with_period(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a membership end with the period that is paid for."""
    owner = owner_of(request, Membership.objects.all(), pk)

    def act(client: Client) -> str:
        day = freezing.end_with_period(pk, today=timezone.localdate())
        return _("The membership ends with %(day)s and is not billed again.") % {"day": date_format(day)}

    return settle(request, owner, "memberships", act)
