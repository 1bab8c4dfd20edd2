"""Selling from a client's profile."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from clubhouse.accounts.permissions import is_administrator, needs
from clubhouse.billing.exceptions import BillingError
from clubhouse.billing.once import key_of, new_key
from clubhouse.clients.models import Client
from clubhouse.clients.selectors import find
from clubhouse.clients.services import ErasedClientError, refuse_erased
from clubhouse.memberships import prices, sales
from clubhouse.memberships.forms import SaleForm
from clubhouse.templatetags.house import money


@needs("retail")
@require_http_methods(["GET", "HEAD", "POST"])
def sell(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose what to sell, from when and who pays; then take the payment on the invoice's page."""
    client = find(request.staff, pk)  # type: ignore[attr-defined]
    payers = sales.payers_of(client)
    try:
        refuse_erased(client)
    except ErasedClientError as error:
        messages.error(request, str(error))
        return redirect("clients:profile", client.pk)
    if request.method != "POST":
        return _show(request, client, SaleForm(client=client, payers=payers), new_key())
    form = SaleForm(request.POST, client=client, payers=payers)
    # A form without a key of ours is answered with one; it sells nothing.
    key = key_of(request)
    if not key:
        form.add_error(None, _("This form was too old. Check it and press “Sell” again."))
    if not form.is_valid():
        return _show(request, client, form, key or new_key(), status=422)
    values = form.cleaned_data
    try:
        sale = sales.sell(client, once_key=key, now=timezone.now(), **values)
    except BillingError as error:
        form.add_error(None, str(error))
        return _show(request, client, form, key, status=422)
    said = {"item": sale.invoice.description, "amount": money(sale.invoice.amount, sale.invoice.currency)}
    if sale.new:
        messages.success(request, _("“%(item)s” was sold for %(amount)s. Take the payment here.") % said)
    else:
        messages.info(request, _("“%(item)s” was sold already, so nothing was sold a second time.") % said)
    return redirect("billing:invoice", sale.invoice.pk)


def _show(request: HttpRequest, client: Client, form: SaleForm, key: str, *, status: int = 200) -> HttpResponse:
    context = {
        "client": client,
        "form": form,
        "once_key": key,
        "nothing_on_sale": not prices.items(client.business).exists(),
        "may_change": is_administrator(request.staff),  # type: ignore[attr-defined]
    }
    return render(request, "memberships/sell.html", context, status=status)
