"""The operator's console: support requests of every business, and nothing else (row F4)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clubhouse.accounts.models import User
from clubhouse.accounts.signing_in import begin
from clubhouse.privacy.selectors import look, result
from clubhouse.support import selectors, services
from clubhouse.support.exceptions import SupportError
from clubhouse.support.gate import is_operator, operator_required
from clubhouse.support.models import Case
from clubhouse.support.operators import OperatorSignInForm
from clubhouse.support.views import act
from lethe.exceptions import Blocked, Changed
from lethe.models import Receipt

PER_PAGE = 50


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("email", "password")
@never_cache
def sign_in(request: HttpRequest) -> HttpResponse:
    """The operator's sign-in."""
    fallback = reverse("operator:cases")
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    destination = wanted if safe else fallback
    if request.method != "POST" and is_operator(request):
        return redirect(destination)
    form = OperatorSignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and form.user is not None:
        begin(request, form.user)
        return redirect(destination)
    context = {"form": form, "next": destination}
    return render(request, "support/operator/sign_in.html", context, status=form.status)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this browser's sign-in; works although it may have ended already."""
    logout(request)
    return redirect("operator:sign-in")


@operator_required
@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    """The requests that wait, and those that do not."""
    page = Paginator(selectors.others(), PER_PAGE).get_page(request.GET.get("page"))
    queue = list(selectors.queue()[: PER_PAGE * 4])
    return render(request, "support/operator/cases.html", {"queue": queue, "page": page})


@operator_required
@require_safe
def case(request: HttpRequest, pk: int) -> HttpResponse:
    """One request: each detail beside the record's own."""
    return _show(request, selectors.any_case(pk))


def _show(request: HttpRequest, found: Case) -> HttpResponse:
    receipt = Receipt.objects.select_related("run").filter(number=found.receipt).first() if found.receipt else None
    waits = found.state in (Case.State.OPEN, Case.State.OPENED)
    context: dict[str, Any] = {
        "case": found,
        "waits": waits,
        "comparison": selectors.compare(found) if waits else None,
        "has_administrator": waits and selectors.deleters(found.business_id).exists(),
        "steps": found.steps.order_by("at", "pk"),
        "result": result(receipt) if receipt else None,
    }
    return render(request, "support/operator/case.html", context)


@operator_required
@require_safe
def screenshot(request: HttpRequest, pk: int) -> FileResponse:
    """The picture of an open request. Files have no address of their own."""
    found = selectors.any_case(pk)
    if not found.screenshot.name or not found.screenshot.storage.exists(found.screenshot.name):
        raise Http404
    return FileResponse(found.screenshot.open(), content_type="image/png")


@operator_required
@require_POST
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Answer with what to send."""
    found = selectors.any_case(pk)
    said = _("The business was asked to send the details again.")
    act(request, lambda: services.ask(found, by=_operator(request), now=timezone.now()), said)
    return redirect("operator:cases")


@operator_required
@require_POST
def refuse(request: HttpRequest, pk: int) -> HttpResponse:
    """Close a request without a deletion."""
    found = selectors.any_case(pk)
    said = _("The request was closed. What was typed and the screenshot were removed.")
    act(request, lambda: services.refuse(found, by=_operator(request), now=timezone.now()), said)
    return redirect("operator:case", pk)


@operator_required
@require_POST
def open_deletion(request: HttpRequest, pk: int) -> HttpResponse:
    """Open the deletion, where every detail matches."""
    found = selectors.any_case(pk)
    said = _("The deletion is open. Nothing is deleted until you confirm.")
    if act(request, lambda: services.open_deletion(found, by=_operator(request), now=timezone.now()), said):
        return redirect("operator:deletion", pk)
    return redirect("operator:case", pk)


@operator_required
@require_http_methods(["GET", "HEAD", "POST"])
def deletion(request: HttpRequest, pk: int) -> HttpResponse:
    """The same preview, checklist and last step as an administrator's. A second confirmation is a success."""
    found = selectors.any_case(pk)
    comparison = selectors.compare(found)
    if found.state != Case.State.OPENED or comparison.client is None or not comparison.all_match:
        return redirect("operator:case", pk)
    changed, status = None, 200
    if request.method == "POST":
        if not (fingerprint := request.POST.get("fingerprint", "")):
            changed, status = {_("the confirmation"): (0, 0)}, 409
        else:
            try:
                services.delete(found, by=_operator(request), fingerprint=fingerprint)
            except SupportError as error:
                messages.error(request, error.message)
                return redirect("operator:case", pk)
            except Blocked:
                status = 409
            except Changed as error:
                changed, status = error.differences, 409
            else:
                return redirect("operator:case", pk)
    context = {"case": found, "client": comparison.client, "look": look(comparison.client), "changed": changed}
    return render(request, "support/operator/deletion.html", context, status=status)


def _operator(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
