"""A client's own timeline."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from clubhouse.accounts.permissions import needs
from clubhouse.clients import selectors
from clubhouse.clients.timeline import Cursor
from clubhouse.clients.timeline import timeline as entries_of


@needs("contacts")
@require_safe
def timeline(request: HttpRequest, pk: int) -> HttpResponse:
    """What happened to a client, newest first; ``?before=`` is where the page before it ended."""
    staff = request.staff  # type: ignore[attr-defined]
    client = selectors.find(staff, pk)
    after = Cursor.parse(request.GET.get("before", ""))
    entries, older = entries_of(staff, client, after)
    context = {"client": client, "entries": entries, "older": older, "newest": after is None}
    return render(request, "clients/timeline.html", context)
