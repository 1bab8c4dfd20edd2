"""Taking payments, writing off, refunding and forfeiting, from a profile."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from clubhouse.accounts.permissions import needs
from clubhouse.billing import exceptions, services
from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client
from clubhouse.memberships.models import AccountCredit
from clubhouse.settle import Unclear, chosen, counted, owner_of, settle

#: Ways to pay and be paid, and reasons to write off: chosen from a list, so that no free text names a person.
METHODS = ("card", "cash", "bank transfer", "direct debit")
REASONS = ("not collectable", "goodwill", "entered in error")
DESK = "desk"


@needs("retail")
@require_POST
def pay_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a payment of ``amount`` by ``method``."""
    owner = owner_of(request, Invoice.objects.all(), pk)

    def act(client: Client) -> str:
        invoice, amount = get_object_or_404(Invoice, pk=pk), _amount(request)
        services.record_payment(invoice, amount, _one_of(request, "method", METHODS), now=timezone.now())
        return f"Payment of {amount:.2f} {invoice.currency} recorded."

    return settle(request, owner, "invoices", act)


@needs("retail")
@require_POST
def write_off_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Write off what is open on an invoice, with a ``reason``."""
    owner = owner_of(request, Invoice.objects.all(), pk)
    return settle(request, owner, "invoices", lambda client: _write_off(request, Invoice.objects.filter(pk=pk)))


@needs("retail")
@require_POST
def write_off_invoices(request: HttpRequest, pk: int) -> HttpResponse:
    """Write off several of a client's debts: those that are ticked, or with ``all`` every one."""

    def act(client: Client) -> str:
        return _write_off(request, chosen(request, "invoice", Invoice.objects.filter(client=client)))

    return settle(request, pk, "invoices", act)


@needs("retail")
@require_POST
def refund_credit(request: HttpRequest, pk: int) -> HttpResponse:
    """Pay out what is left of an account credit, by ``method``."""
    owner = owner_of(request, AccountCredit.objects.all(), pk)

    def act(client: Client) -> str:
        credit = get_object_or_404(AccountCredit, pk=pk)
        paid = services.refund_credit(credit, now=timezone.now(), method=_one_of(request, "method", METHODS))
        return f"{paid.amount:.2f} {credit.currency} paid out."

    return settle(request, owner, "credits", act)


@needs("retail")
@require_POST
def forfeit_credit(request: HttpRequest, pk: int) -> HttpResponse:
    """Forfeit what is left of an account credit."""
    owner = owner_of(request, AccountCredit.objects.all(), pk)
    return settle(request, owner, "credits", lambda client: _forfeit(AccountCredit.objects.filter(pk=pk)))


@needs("retail")
@require_POST
def forfeit_credits(request: HttpRequest, pk: int) -> HttpResponse:
    """Forfeit what is left of several of a client's credits: those that are ticked, or with ``all`` every one."""

    def act(client: Client) -> str:
        return _forfeit(chosen(request, "credit", AccountCredit.objects.filter(client=client)))

    return settle(request, pk, "credits", act)


def _write_off(request: HttpRequest, rows: models.QuerySet[Invoice]) -> str:
    count = services.write_off(rows, reason=_one_of(request, "reason", REASONS))
    if not count:
        raise exceptions.NothingDue
    return f"{counted(count, 'invoice')} written off."


def _forfeit(rows: models.QuerySet[AccountCredit]) -> str:
    count = services.forfeit_credits(rows, reason=DESK)
    if not count:
        raise exceptions.NothingLeft
    return f"{counted(count, 'account credit')} forfeited."


def _amount(request: HttpRequest) -> Decimal:
    """The amount that was typed. Raises :class:`Unclear` for anything but a number with at most two decimals."""
    typed = request.POST.get("amount", "").strip().replace(",", ".")
    try:
        amount = Decimal(typed) if len(typed) <= 12 else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount != amount.quantize(Decimal("0.01")):
        raise Unclear("Enter the amount as a number such as 12.50; nothing was changed.")
    return amount


def _one_of(request: HttpRequest, name: str, choices: tuple[str, ...]) -> str:
    """What was chosen from a list; its first where nothing was. Raises :class:`Unclear` for anything else."""
    value = request.POST.get(name, choices[0])
    if value not in choices:
        raise Unclear(f"Choose the {name} from the list: {', '.join(choices)}. Nothing was changed.")
    return value
