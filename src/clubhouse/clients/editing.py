"""The edit form, and the second of the administrator's two doors: the user status "Deleted" (row F3).

Choosing "Deleted" shows what stands in the way and what it means, in the form; "Update" is the one confirmation. With a
script the choice shows it at once; without one the first "Update" does, and the second confirms.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from clubhouse.accounts import again
from clubhouse.accounts.permissions import (
    DELETE_NEEDED,
    administrator_required,
    delete_accounts_required,
    may_delete_accounts,
    needs,
)
from clubhouse.clients import selectors, services
from clubhouse.clients.forms import ClientForm
from clubhouse.clients.models import Client
from clubhouse.privacy.doors import confirm
from clubhouse.privacy.orders import STATUS
from clubhouse.privacy.selectors import Look, look


@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters(again.FIELD)
def edit_client(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit a record from "Clients"."""
    return _edit(request, pk, door="clients")


@administrator_required
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters(again.FIELD)
def edit_user(request: HttpRequest, pk: int) -> HttpResponse:
    """Edit a record from "Users"."""
    return _edit(request, pk, door="users")


def _edit(request: HttpRequest, pk: int, *, door: str) -> HttpResponse:
    staff = request.staff  # type: ignore[attr-defined]
    if request.method != "POST":
        client = selectors.find(staff, pk)
        services.refuse_erased(client)
        return _show(request, client, ClientForm(instance=client, may_delete=may_delete_accounts(staff)), door=door)
    if request.POST.get("status") == Client.Status.DELETED:
        if not may_delete_accounts(staff):
            raise PermissionDenied(DELETE_NEEDED)
        return _delete(request, selectors.find_even_erased(staff, pk), door=door)
    client = selectors.find(staff, pk)
    form = ClientForm(request.POST, instance=client, may_delete=may_delete_accounts(staff))
    if not form.is_valid():
        return _show(request, client, form, door=door, status=422)
    services.update_client(client.pk, form.cleaned_data)
    messages.success(request, _("The record was updated."))
    return redirect(f"{door}:profile", client.pk)


def _delete(request: HttpRequest, client: Client, *, door: str) -> HttpResponse:
    """ "Update" with the status "Deleted": the confirmation, where the preview it is bound to was on the form."""
    result = confirm(request, client, reason=STATUS)
    if result.response is not None:
        return result.response
    # What was typed beside the status is not saved: the fields are about to be emptied.
    fresh = Client.objects.select_related("home_club").get(pk=client.pk)
    fresh.business = client.business
    form = ClientForm(instance=fresh, may_delete=True, initial={"status": Client.Status.DELETED})
    return _show(
        request,
        fresh,
        form,
        door=door,
        found=result.look,
        changed=result.changed,
        asked=True,
        refusal=result.refusal,
        status=result.status,
    )


@delete_accounts_required
@require_safe
def consequences(request: HttpRequest, pk: int) -> HttpResponse:
    """What the status "Deleted" would do, as a part of the form; nothing for any other status."""
    client = selectors.find(request.staff, pk)  # type: ignore[attr-defined]
    chosen = request.GET.get("status") == Client.Status.DELETED and not client.is_erased
    return render(request, "clients/_consequences.html", {"client": client, "look": look(client) if chosen else None})


def _show(
    request: HttpRequest,
    client: Client,
    form: ClientForm,
    *,
    door: str,
    found: Look | None = None,
    changed: dict[str, tuple[int, int]] | None = None,
    asked: bool = False,
    refusal: again.Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {
        "client": client,
        "form": form,
        "door": door,
        "look": found,
        "changed": changed,
        "asked": asked,
        "refusal": refusal,
        "back": reverse(f"{door}:profile", args=[client.pk]),
        "consequences_url": reverse("users:consequences", args=[client.pk]),
    }
    return render(request, "clients/edit.html", context, status=status)
