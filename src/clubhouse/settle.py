"""What the settle actions of a profile share: find the client, refuse a deleted one, say what happened, go back."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from django.contrib import messages
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext

from clubhouse.accounts.permissions import is_administrator
from clubhouse.billing.exceptions import BillingError
from clubhouse.clients.models import Client
from clubhouse.clients.selectors import find
from clubhouse.clients.services import ErasedClientError, refuse_erased
from clubhouse.schedule.exceptions import ScheduleError
from clubhouse.sets import hold_clients


class NothingChosen(Exception):
    """Nothing was chosen, so nothing was changed. Choose at least one line, then press the button."""

    def __init__(self) -> None:
        super().__init__(gettext(str(self.__doc__)))


class Unclear(Exception):
    """What was sent cannot be understood; the message says what to enter."""


def owner_of(request: HttpRequest, rows: models.QuerySet[Any], pk: int) -> int:
    """The key of the client whose row this is. Raises ``Http404`` where there is no such row in the business."""
    business = request.business  # type: ignore[attr-defined]
    client = rows.filter(pk=pk, client__business=business).values_list("client_id", flat=True).first()
    if client is None:
        raise Http404
    return int(client)


def settle(
    request: HttpRequest, client_pk: int, section: str, act: Callable[[Client], str], *, also: Collection[int] = ()
) -> HttpResponse:
    """Do something for a client and go back to that section of the profile with a message.

    ``act`` returns the words of the message; ``also`` are other clients whom it ties to this one. Raises ``Http404``
    for a client whom the colleague does not see; a deleted one, and whatever the services refuse, is a message that
    says why.
    """
    client = find(request.staff, client_pk)  # type: ignore[attr-defined]
    try:
        refuse_erased(client)
        with transaction.atomic():
            # An erasure that ends in this very moment is waited for, and then refused like any other.
            # All at once, because one after the other could wait for each other.
            if client.pk not in hold_clients([client.pk, *also], using="default"):
                raise ErasedClientError
            said = act(client)
        messages.success(request, said)
    except (BillingError, ErasedClientError, NothingChosen, ScheduleError, Unclear) as error:
        messages.error(request, str(error))
    users = request.POST.get("door") == "users" and is_administrator(request.staff)  # type: ignore[attr-defined]
    return redirect(reverse("users:profile" if users else "clients:profile", args=[client.pk]) + f"#{section}")


def chosen(request: HttpRequest, name: str, rows: models.QuerySet[Any]) -> models.QuerySet[Any]:
    """Those of the rows that were ticked, or all of them where "all" was pressed. Raises :class:`NothingChosen`."""
    if "all" in request.POST:
        return rows
    keys = [int(key) for key in request.POST.getlist(name) if key.isdecimal() and len(key) < 19]
    if not keys:
        raise NothingChosen
    return rows.filter(pk__in=keys)
