"""A client's invoices, and one of them: what came in, what went back, and what is open."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from clubhouse.accounts.permissions import needs
from clubhouse.billing import charges, refunds, selectors
from clubhouse.billing.models import Invoice
from clubhouse.clients.selectors import find
from clubhouse.settle import owner_of

PAGE = 50


@needs("retail")
@require_safe
def client_invoices(request: HttpRequest, pk: int) -> HttpResponse:
    """The invoices of a client, the latest first; ``?status=`` chooses those of one state."""
    client = find(request.staff, pk)  # type: ignore[attr-defined]
    status = request.GET.get("status", "")
    status = status if status in Invoice.Status.values else ""
    rows = selectors.invoices_of(client.pk)
    if status:
        rows = rows.filter(status=status)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {"client": client, "page": page, "status": status, "statuses": Invoice.Status.choices}
    return render(request, "billing/invoices.html", context)


@needs("retail")
@require_safe
def invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """One invoice, with every way to settle it. A fixed number of queries."""
    client = find(request.staff, owner_of(request, Invoice.objects.all(), pk))  # type: ignore[attr-defined]
    row = get_object_or_404(selectors.invoices_of(client.pk), pk=pk)
    lines = selectors.lines_of(row.pk)
    context = {
        "client": client,
        "invoice": row,
        "lines": [(line, refunds.by_provider(line.payment)) for line in lines],
        "open": row.status in selectors.DEBT,
        "under_way": any(line.payment.status == "pending" for line in lines),
        "cards": [] if client.is_erased else list(charges.cards_for(row)),
    }
    return render(request, "billing/invoice.html", context)
