"""Taking payments, writing off, refunding and forfeiting, from a profile."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_lazy, gettext_noop, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clubhouse.accounts.permissions import needs
from clubhouse.billing import charges, exceptions, refunds, services
from clubhouse.billing.models import Invoice, Payment
from clubhouse.clients.models import Client
from clubhouse.memberships.models import AccountCredit
from clubhouse.settle import Unclear, chosen, owner_of, settle

#: Ways to pay and be paid, and reasons to write off: chosen from a list, so that no free text names a person.
METHODS = (
    gettext_noop("card"),
    gettext_noop("cash"),
    gettext_noop("bank transfer"),
    gettext_noop("direct debit"),
)
REASONS = (gettext_noop("not collectable"), gettext_noop("goodwill"), gettext_noop("entered in error"))
#: A way back only: to the card that paid, by the provider.
STORED_CARD = gettext_noop("stored card")
#: What is said of a choice that the list does not have.
NOT_ONE_OF = {
    "method": gettext_lazy("Choose the method from the list: %(choices)s. Nothing was changed."),
    "reason": gettext_lazy("Choose the reason from the list: %(choices)s. Nothing was changed."),
}
DESK = "desk"


@needs("retail")
@require_POST
def pay_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Record a payment of ``amount`` by ``method``."""
    owner = owner_of(request, Invoice.objects.all(), pk)

    def act(client: Client) -> str:
        invoice, amount = get_object_or_404(Invoice, pk=pk), _amount(request)
        method = _one_of(request, "method", METHODS)
        services.record_payment(invoice, amount, method, now=timezone.now(), shown=_shown(request))
        return _("Payment of %(amount)s %(currency)s recorded.") % {
            "amount": f"{amount:.2f}",
            "currency": invoice.currency,
        }

    return _back(request, pk, settle(request, owner, "invoices", act))


@needs("retail")
@require_POST
def charge_card(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for ``amount`` from the stored ``card``; the provider takes it after this request."""
    owner = owner_of(request, Invoice.objects.all(), pk)
    payer = Invoice.objects.filter(pk=pk, paid_by__isnull=False).values_list("paid_by", flat=True)

    def act(client: Client) -> str:
        invoice, amount = get_object_or_404(Invoice, pk=pk), _amount(request)
        card = request.POST.get("card", "")
        if not card.isdecimal() or len(card) > 18:
            raise exceptions.NoCard
        charges.charge_card(invoice, amount, int(card), now=timezone.now(), shown=_shown(request))
        return _("The card is being charged. The invoice shows when the payment has come through.")

    return _back(request, pk, settle(request, owner, "invoices", act, also=list(payer)))


@needs("retail")
@require_POST
def refund_payment(request: HttpRequest, pk: int) -> HttpResponse:
    """Give back ``amount`` of a payment by ``method``; "stored card" is sent by the provider after this request."""
    business = request.business  # type: ignore[attr-defined]
    payment = get_object_or_404(Payment.objects.select_related("invoice"), pk=pk, invoice__client__business=business)

    def act(client: Client) -> str:
        amount, method = _amount(request), _one_of(request, "method", (*METHODS, STORED_CARD))
        to_card = method == STORED_CARD
        refunds.refund_payment(payment, amount, method, now=timezone.now(), shown=_shown(request), to_card=to_card)
        said = {"amount": f"{amount:.2f}", "currency": payment.invoice.currency}
        if to_card:
            return _("%(amount)s %(currency)s are on their way back to the card.") % said
        return _("%(amount)s %(currency)s refunded.") % said

    return _back(request, payment.invoice_id, settle(request, payment.invoice.client_id, "invoices", act))


@needs("retail")
@require_POST
def write_off_invoice(request: HttpRequest, pk: int) -> HttpResponse:
    """Write off what is open on an invoice, with a ``reason``."""
    owner = owner_of(request, Invoice.objects.all(), pk)
    done = settle(request, owner, "invoices", lambda client: _write_off(request, Invoice.objects.filter(pk=pk)))
    return _back(request, pk, done)


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
        return _("%(amount)s %(currency)s paid out.") % {
            "amount": number_format(paid.amount, decimal_pos=2),
            "currency": credit.currency,
        }

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
    return ngettext("%(count)s invoice written off.", "%(count)s invoices written off.", count) % {"count": count}


def _forfeit(rows: models.QuerySet[AccountCredit]) -> str:
    count = services.forfeit_credits(rows, reason=DESK)
    if not count:
        raise exceptions.NothingLeft
    return ngettext("%(count)s account credit forfeited.", "%(count)s account credits forfeited.", count) % {
        "count": count
    }


def _back(request: HttpRequest, invoice: int, done: HttpResponse) -> HttpResponse:
    """Back to the invoice's own page for who came from there, else where the settling led."""
    return redirect("billing:invoice", invoice) if request.POST.get("back") == "invoice" else done


def _shown(request: HttpRequest) -> Decimal | None:
    """What the form said was open; None for a form that says nothing of it."""
    return _number(request.POST["shown"]) if "shown" in request.POST else None


def _amount(request: HttpRequest) -> Decimal:
    """The amount that was typed. Raises :class:`Unclear` for anything but a number with at most two decimals."""
    return _number(request.POST.get("amount", ""))


def _number(typed: str) -> Decimal:
    typed = typed.strip().replace(",", ".")
    try:
        amount = Decimal(typed) if len(typed) <= 12 else Decimal("NaN")
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount != amount.quantize(Decimal("0.01")):
        raise Unclear(_("Enter the amount as a number such as 12.50; nothing was changed."))
    return amount


def _one_of(request: HttpRequest, name: str, choices: tuple[str, ...]) -> str:
    """What was chosen from a list; its first where nothing was. Raises :class:`Unclear` for anything else."""
    value = request.POST.get(name, choices[0])
    if value not in choices:
        said = ", ".join(gettext(choice) for choice in choices)
        raise Unclear(str(NOT_ONE_OF[name]) % {"choices": said})
    return value
