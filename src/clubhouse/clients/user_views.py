""" "Users": clients and colleagues in one place, as the first of the two documents has it (row F3)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from clubhouse.accounts.permissions import administrator_required
from clubhouse.clients import selectors
from clubhouse.clients.views import STATUSES, page_of, query_of, show_record
from clubhouse.team.models import StaffMember

#: Colleagues shown above the clients; a business with more searches for them.
COLLEAGUES = 20


@administrator_required
@require_safe
def user_list(request: HttpRequest) -> HttpResponse:
    """Everybody of the business, searched; colleagues are marked as such."""
    staff = request.staff  # type: ignore[attr-defined]
    query, status = query_of(request), request.GET.get("status", "")
    status = status if status in dict(STATUSES) else ""
    page = page_of(request, selectors.search(staff, query, status))
    # Colleagues have no status of this kind, and stand on the first page only.
    shown = [] if status or page.number > 1 else list(selectors.colleagues(staff, query)[:COLLEAGUES])
    context = {"page": page, "colleagues": shown, "query": query, "status": status, "statuses": STATUSES}
    return render(request, "users/list.html", context)


@administrator_required
@require_safe
def user_record(request: HttpRequest, pk: int) -> HttpResponse:
    """A client's record, with the ✏️ button."""
    return show_record(request, selectors.find(request.staff, pk), door="users")  # type: ignore[attr-defined]


@administrator_required
@require_safe
def colleague_record(request: HttpRequest, pk: int) -> HttpResponse:
    """A colleague's record. It is changed under Team settings."""
    business = request.staff.business  # type: ignore[attr-defined]
    people = StaffMember.objects.select_related("user", "access_group", "club")
    return render(request, "users/colleague.html", {"colleague": get_object_or_404(people, pk=pk, business=business)})
