"""Where both doors meet: the last step, bound to the preview that was confirmed."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from clubhouse.accounts import again
from clubhouse.accounts.permissions import delete_accounts_required
from clubhouse.clients.models import Client
from clubhouse.clients.selectors import find_even_erased
from clubhouse.privacy.orders import TOGGLE
from clubhouse.privacy.selectors import Look, look
from clubhouse.privacy.services import erase
from clubhouse.privacy.wording import change_words
from lethe.exceptions import Blocked, Changed


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """Either where to go next, or what has to be shown again and with which status."""

    response: HttpResponse | None = None
    look: Look | None = None
    changed: dict[str, tuple[int, int]] | None = None
    refusal: again.Refusal | None = None
    status: int = 409


def confirm(request: HttpRequest, client: Client, *, reason: str) -> Confirmation:
    """Erase, if a preview was shown and still holds; otherwise show it, again or for the first time.

    The callers have asked for the permission. A client who is erased already is a success.
    """
    fingerprint = request.POST.get("fingerprint", "")
    if client.is_erased:
        return Confirmation(response=redirect("privacy:already-deleted"))
    if not fingerprint:
        return Confirmation(look=look(client), status=200)
    asks: bool = request.business.password_before_deletion  # type: ignore[attr-defined]
    if asks and (refusal := again.refusal(request)) is not None:
        return Confirmation(look=look(client), refusal=refusal, status=refusal.status)
    try:
        done = erase(client, by=request.user, reason=reason, fingerprint=fingerprint)  # type: ignore[arg-type]
    except Blocked:
        return Confirmation(look=look(client))
    except Changed as error:
        return Confirmation(look=look(client), changed=change_words(error.differences))
    if done.already:
        return Confirmation(response=redirect("privacy:already-deleted"))
    return Confirmation(response=redirect("privacy:receipt", done.number))


@delete_accounts_required
@require_POST
@sensitive_post_parameters(again.FIELD)
def delete_client(request: HttpRequest, pk: int) -> HttpResponse:
    """ "Confirm" in the box "… account deletion confirmation" (row H12)."""
    from clubhouse.clients.views import show_information

    client = find_even_erased(request.staff, pk)  # type: ignore[attr-defined]
    result = confirm(request, client, reason=TOGGLE)
    if result.response is not None:
        return result.response
    return show_information(
        request,
        client,
        result.look,
        confirming=True,
        changed=result.changed,
        refusal=result.refusal,
        status=result.status,
    )
