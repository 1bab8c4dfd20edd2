"""The price list: everybody of Retail reads it, administrators with Retail change it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.permissions import administrator_required, is_administrator, needs
from clubhouse.memberships import prices
from clubhouse.memberships.forms import PriceItemForm
from clubhouse.memberships.models import PriceItem


@needs("retail")
@require_safe
def price_list(request: HttpRequest) -> HttpResponse:
    """What the business sells, and apart what it has stopped selling."""
    business = request.business  # type: ignore[attr-defined]
    context = {
        "items": list(prices.items(business)),
        "retired": list(prices.items(business, retired=True)),
        "may_change": is_administrator(request.staff),  # type: ignore[attr-defined]
    }
    return render(request, "memberships/price_list.html", context)


@administrator_required
@needs("retail")
@require_http_methods(["GET", "HEAD", "POST"])
def add_item(request: HttpRequest) -> HttpResponse:
    """Add a line."""
    business = request.business  # type: ignore[attr-defined]
    return _item(request, PriceItem(business=business, currency=business.currency))


@administrator_required
@needs("retail")
@require_http_methods(["GET", "HEAD", "POST"])
def edit_item(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a line. What was sold before keeps its name and price."""
    return _item(request, _find(request, pk))


@administrator_required
@needs("retail")
@require_POST
def retire_item(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a line off sale."""
    item = _find(request, pk)
    if prices.retire_item(item, now=timezone.now()):
        messages.success(request, _("“%(item)s” is no longer sold. What was sold stays.") % {"item": item.name})
    else:
        messages.info(request, _("“%(item)s” was off sale already.") % {"item": item.name})
    return redirect("memberships:price-list")


@administrator_required
@needs("retail")
@require_POST
def offer_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a line back on sale."""
    item = _find(request, pk)
    try:
        prices.offer_again(item)
        messages.success(request, _("“%(item)s” is on sale.") % {"item": item.name})
    except prices.NameTaken as error:
        messages.error(request, str(error))
    return redirect("memberships:price-list")


def _find(request: HttpRequest, pk: int) -> PriceItem:
    return get_object_or_404(PriceItem, pk=pk, business=request.business)  # type: ignore[attr-defined]


def _item(request: HttpRequest, item: PriceItem) -> HttpResponse:
    name, new = item.name, item.pk is None
    form = PriceItemForm(request.POST or None, instance=item)
    if request.method == "POST" and form.is_valid():
        try:
            prices.save_item(item, form.cleaned_data)
        except prices.NameTaken as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("“%(item)s” was saved.") % {"item": item.name})
            return redirect("memberships:price-list")
    context = {"form": form, "item": item, "item_name": name, "new": new}
    return render(request, "memberships/price_item.html", context, status=422 if request.method == "POST" else 200)
