"""What is still to be done, as its page asks for it by itself, and the buttons beside it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from clubhouse.accounts.permissions import administrator_required
from clubhouse.privacy import outstanding


@administrator_required
@require_safe
def part(request: HttpRequest) -> HttpResponse:
    """The list alone. 204 where nothing is new, so that a screen reader is not told the same every few seconds."""
    found = outstanding.find(request.business)  # type: ignore[attr-defined]
    if request.GET.get("seen") == found.token:
        return HttpResponse(status=204)
    return render(request, "privacy/_outstanding.html", {"outstanding": found, "told": True})


@administrator_required
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Try one effect now. One that is done by now, or another business's, is said to be no longer there."""
    return _answer(request, outstanding.retry(request.business, pk))  # type: ignore[attr-defined]


@administrator_required
@require_POST
def retry_all(request: HttpRequest) -> HttpResponse:
    """Try everything that fails now, or all of one kind that failed by one cause."""
    kind, cause = request.POST.get("kind", ""), request.POST.get("cause", "")
    alike = (kind, cause) if kind and cause else None
    return _answer(request, outstanding.retry(request.business, alike=alike))  # type: ignore[attr-defined]


def _answer(request: HttpRequest, count: int) -> HttpResponse:
    if count:
        said = ngettext(
            "It is tried now. This page shows what becomes of it.",
            "%(count)s are tried now. This page shows what becomes of them.",
            count,
        )
        messages.success(request, said % {"count": count})
    else:
        messages.info(request, _("There was nothing left to try: it has been done in the meantime."))
    return redirect(reverse("privacy:settings") + "#outstanding")
