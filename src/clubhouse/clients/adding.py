"""A new client at the desk."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clubhouse.accounts.models import Business
from clubhouse.accounts.permissions import needs
from clubhouse.clients import selectors
from clubhouse.clients.forms import ClientForm
from clubhouse.clients.models import Client
from clubhouse.clients.search import search_text
from clubhouse.typed import field_of


class AddressTaken(Exception):
    """Another client of the business has this e-mail address."""


def free_number(business: Business) -> str:
    """An id for a new client that nobody of the business has. It is drawn, and says nothing."""
    while True:
        number = f"N{secrets.randbelow(90_000_000) + 10_000_000}"
        if not Client.objects.filter(business=business, number=number).exists():
            return number


def add_client(business: Business, values: Mapping[str, Any], *, number: str) -> tuple[Client, bool]:
    """Make a client under a number that was drawn with the form; returns them, and whether they are new.

    The same form sent twice makes one client. Raises :class:`AddressTaken`.
    """
    names = {name: values[name] for name in ("first_name", "last_name", "email")}
    for _try in range(2):
        first = Client.objects.filter(business=business, number=number).first()
        if first is not None and {name: getattr(first, name) for name in names} == names:
            return first, False
        email = names["email"]
        if email and Client.objects.filter(business=business, email__iexact=email).exists():
            raise AddressTaken
        client = Client(business=business, joined_on=timezone.localdate(), **values)
        client.number = free_number(business) if first is not None or not number else number
        client.search_text = search_text(client)
        try:
            with transaction.atomic():
                client.save()
        except IntegrityError:
            # Somebody was quicker, by a moment: what they made is seen in the second round.
            continue
        return client, True
    raise AddressTaken


@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
def new_client(request: HttpRequest) -> HttpResponse:
    """Add a client. An address that somebody has already leads to who has it."""
    staff = request.staff  # type: ignore[attr-defined]
    blank = Client(business=staff.business, status=Client.Status.LEAD)
    clubs = staff.business.clubs.order_by("name")
    own = clubs.filter(pk=staff.club_id) if staff.role == staff.Role.MANAGER and staff.club_id else clubs
    form = ClientForm(request.POST or None, instance=blank, may_delete=False, initial={"home_club": own.first()})
    field_of(form, "home_club", forms.ModelChoiceField).queryset = own
    number = request.POST.get("number", "")[:40] if request.method == "POST" else free_number(staff.business)
    if request.method == "POST":
        same = _again(form, staff.business, number)
        if same is not None or form.is_valid():
            try:
                client, new = (same, False) if same else add_client(staff.business, form.cleaned_data, number=number)
            except AddressTaken:
                form.add_error(
                    "email", _("Another client of this business has this address. Give one of them another.")
                )
            else:
                if new:
                    messages.success(request, _("The client was added."))
                return redirect("clients:profile", client.pk)
    typed = (form.data.get("email") or "").strip() if form.errors.get("email") else ""
    has_it = selectors.visible(staff).filter(email__iexact=typed).first() if typed else None
    context = {"form": form, "number": number, "has_it": has_it}
    return render(request, "clients/new.html", context, status=422 if request.method == "POST" else 200)


def _again(form: ClientForm, business: Business, number: str) -> Client | None:
    """The client whom this very form has made before: its number, with the same names."""
    sent = {name: (form.data.get(name) or "").strip() for name in ("first_name", "last_name", "email")}
    made = Client.objects.filter(business=business, number=number, **sent) if number and sent["first_name"] else None
    return made.exclude(status=Client.Status.DELETED).first() if made is not None else None
