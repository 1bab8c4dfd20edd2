"""The clients' screens."""

from __future__ import annotations

import mimetypes

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from clubhouse.accounts.again import Refusal
from clubhouse.accounts.permissions import administrator_required, may_delete_accounts, needs
from clubhouse.billing.once import new_key
from clubhouse.clients import selectors, services
from clubhouse.clients.models import Client, ClientLinking
from clubhouse.privacy.selectors import Look, look

PAGE = 50
LONGEST_QUERY = 200
#: What is shown as a picture; anything else that was stored as one is not handed out.
PICTURES = {"image/jpeg", "image/png", "image/webp", "image/gif"}
STATUSES = [choice for choice in Client.Status.choices if choice[0] != Client.Status.DELETED]


def query_of(request: HttpRequest) -> str:
    """What was typed into the search field, without what no database takes."""
    return request.GET.get("q", "").replace("\x00", "")[:LONGEST_QUERY].strip()


def page_of(request: HttpRequest, rows: QuerySet) -> Page:  # type: ignore[type-arg]
    """The page that was asked for; the nearest one where there is no such page."""
    return Paginator(rows, PAGE).get_page(request.GET.get("page"))


@needs("contacts")
@require_safe
def client_list(request: HttpRequest) -> HttpResponse:
    """Clients, searched by name, e-mail address, phone number or id (row H1)."""
    query, status = query_of(request), request.GET.get("status", "")
    status = status if status in dict(STATUSES) else ""
    page = page_of(request, selectors.search(request.staff, query, status))  # type: ignore[attr-defined]
    context = {"page": page, "query": query, "status": status, "statuses": STATUSES}
    return render(request, "clients/list.html", context)


@needs("contacts")
@require_safe
def profile(request: HttpRequest, pk: int) -> HttpResponse:
    """Who a client is, what they have, and what happened."""
    return show_record(request, selectors.find(request.staff, pk), door="clients")  # type: ignore[attr-defined]


def show_record(request: HttpRequest, client: Client, *, door: str) -> HttpResponse:
    """The profile, as both doors show it: ``door`` is ``clients`` or ``users`` and says where "Edit" and back lead."""
    record = selectors.profile(request.staff, client, everything=request.GET.get("all", ""))  # type: ignore[attr-defined]
    context = {
        "client": client,
        "profile": record,
        "door": door,
        "once_key": new_key(),
        "list_url": reverse("clients:deleted" if client.is_erased else f"{door}:list"),
        "edit_url": reverse(f"{door}:edit", args=[client.pk]),
        "age": selectors.age(client.dob, timezone.localdate()),
        "address": [
            line for line in (client.address_2, client.address_3, client.town, client.postcode, client.country) if line
        ],
    }
    return render(request, "clients/profile.html", context)


@needs("contacts")
@require_safe
def image(request: HttpRequest, pk: int) -> FileResponse:
    """A client's picture, for those who may see the client. Files have no address of their own."""
    client = selectors.find(request.staff, pk)  # type: ignore[attr-defined]
    picture = selectors.image_of(client)
    copies = [picture.thumbnail, picture.medium, picture.original] if picture else []
    if request.GET.get("size") in {"medium", "original"}:
        copies = copies[::-1] if request.GET["size"] == "original" else copies[1:]
    file = next((copy for copy in copies if copy), None)
    if file is None or not file.name or not file.storage.exists(file.name):
        raise Http404
    kind = mimetypes.guess_type(file.name)[0]
    if kind not in PICTURES:
        raise Http404
    return FileResponse(file.open(), content_type=kind)


@needs("contacts")
@require_safe
def information(request: HttpRequest, pk: int) -> HttpResponse:
    """Client Information: every field, and the toggle "Delete this client" (rows H2-H12).

    ``?delete=on`` is the toggle switched on: the scan runs, and the page shows either the checklist or the button. It
    reads only, so the address may be reloaded and shared.
    """
    client = selectors.find(request.staff, pk)  # type: ignore[attr-defined]
    found = None
    if request.GET.get("delete") == "on" and may_delete_accounts(request.staff) and not client.is_erased:  # type: ignore[attr-defined]
        found = look(client)
    return show_information(request, client, found, confirming="confirm" in request.GET)


def show_information(
    request: HttpRequest,
    client: Client,
    found: Look | None,
    *,
    confirming: bool = False,
    changed: dict[str, tuple[int, int]] | None = None,
    refusal: Refusal | None = None,
    status: int = 200,
) -> HttpResponse:
    """The Client Information page after a scan; ``changed`` names what is different from the preview that was
    confirmed."""
    context = {
        "client": client,
        "look": found,
        "on": found is not None and not found.blocked,
        "confirming": confirming and found is not None and not found.blocked,
        "changed": changed,
        "refusal": refusal,
        "age": selectors.age(client.dob, timezone.localdate()),
    }
    return render(request, "clients/information.html", context, status=status)


@administrator_required
@require_safe
def deleted_clients(request: HttpRequest) -> HttpResponse:
    """Deleted Clients: read-only (row H18). Found by number only, because nothing else is left."""
    staff = request.staff  # type: ignore[attr-defined]
    if not staff.business.show_deleted_clients:
        raise Http404
    query = query_of(request)
    rows = selectors.erased(staff).select_related("home_club").order_by("-pk")
    if query:
        rows = rows.filter(number__iexact=query.lstrip("#"))
    return render(request, "clients/deleted.html", {"page": page_of(request, rows), "query": query})


@needs("contacts")
@require_POST
def remove_linking(request: HttpRequest, pk: int) -> HttpResponse:
    """Take apart a linking, from the profile of either side."""
    reach = selectors.visible(request.staff)  # type: ignore[attr-defined]
    linking = (
        (ClientLinking.objects.filter(Q(client__in=reach) | Q(other__in=reach)).select_related("client", "other"))
        .filter(pk=pk)
        .first()
    )
    if linking is None:
        raise Http404
    services.remove_linking(linking)
    messages.success(request, _("The linking “%(kind)s” was removed.") % {"kind": linking.get_kind_display()})
    back = request.POST.get("client", "")
    chosen = back if back in {str(linking.client_id), str(linking.other_id)} else linking.client_id
    return redirect(reverse("clients:profile", args=[chosen]) + "#linkings")
