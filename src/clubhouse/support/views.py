"""Support, as a business sees it: its requests to delete a client, where no administrator of its own can (row F4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.asking import account_of
from clubhouse.accounts.permissions import needs
from clubhouse.support import selectors, services
from clubhouse.support.exceptions import SupportError
from clubhouse.support.forms import RequestForm
from clubhouse.support.models import Case

PER_PAGE = 50
#: Django's error reports leave these out.
DETAILS = ("typed_name", "typed_email", "typed_id")


@needs("contacts")
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """The requests of the business; a business with an administrator is told to ask them."""
    business = request.business  # type: ignore[attr-defined]
    page = Paginator(selectors.of_business(business), PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "deleters": list(selectors.deleters(business.pk))}
    return render(request, "support/list.html", context)


@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters(*DETAILS)
def new(request: HttpRequest) -> HttpResponse:
    """Send a request; the same page sent twice is one."""
    business = request.business  # type: ignore[attr-defined]
    form = RequestForm(request.POST or None, request.FILES or None)
    deleters = list(selectors.deleters(business.pk))
    status = 200 if request.method != "POST" else 409 if deleters else 422
    if request.method == "POST" and not deleters and form.is_valid():
        try:
            case = services.send(
                business, form=form.cleaned_data["form"], **form.details, by=account_of(request), now=timezone.now()
            )
        except SupportError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The request was sent. Its number is %(number)s.") % {"number": case.number})
            return redirect("support:case", case.pk)
    return render(request, "support/new.html", {"form": form, "deleters": deleters}, status=status)


@needs("contacts")
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters(*DETAILS)
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One request: its state and its record; and the details once more, where they did not match."""
    found = selectors.find(request.business, pk)  # type: ignore[attr-defined]
    form = RequestForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.correct(found, **form.details, by=account_of(request), now=timezone.now())
        except SupportError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("The details were sent again."))
            return redirect("support:case", pk)
    return show_case(request, found, form, status=422 if request.method == "POST" else 200)


def show_case(request: HttpRequest, found: Case, form: RequestForm, *, status: int = 200) -> HttpResponse:
    """The page of one request."""
    context: dict[str, Any] = {
        "case": found,
        "form": form if found.state == Case.State.ANSWERED or form.errors else None,
        "steps": found.steps.order_by("at", "pk"),
    }
    return render(request, "support/case.html", context, status=status)


@needs("contacts")
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a request back: what was typed goes, and the screenshot."""
    found = selectors.find(request.business, pk)  # type: ignore[attr-defined]
    said = _("The request was withdrawn. What you typed and the screenshot were removed.")
    act(request, lambda: services.withdraw(found, by=account_of(request), now=timezone.now()), said)
    return redirect("support:case", pk)


def act(request: HttpRequest, do: Callable[[], object], said: str) -> bool:
    """Do it and say so, or say why not; whether it was done."""
    try:
        do()
    except SupportError as error:
        messages.error(request, error.message)
        return False
    messages.success(request, said)
    return True
