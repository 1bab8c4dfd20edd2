"""The button "Try now" beside what is still to be done."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clubhouse.accounts.permissions import administrator_required
from clubhouse.privacy import outstanding


@administrator_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try one effect now. One that is done by now, or another business's, is said to be no longer there."""
    return _answer(request, outstanding.retry(request.business, pk))  # type: ignore[attr-defined]


@administrator_required
@require_POST
def retry_all(request: HttpRequest) -> HttpResponse:
    """Try everything that fails now."""
    return _answer(request, outstanding.retry(request.business))  # type: ignore[attr-defined]


def _answer(request: HttpRequest, count: int) -> HttpResponse:
    if count:
        messages.success(request, _("It is tried now. Reload this page to see what became of it."))
    else:
        messages.info(request, _("There was nothing left to try: it has been done in the meantime."))
    return redirect("privacy:settings")
