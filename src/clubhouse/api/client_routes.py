"""What an administrator's token is for: searching clients, previewing a deletion, and deleting (rows F3, H19, P8)."""

from __future__ import annotations

from typing import Annotated, Any

from django.core.paginator import Paginator
from django.http import HttpRequest
from django.utils import timezone
from ninja import Header, Router

from clubhouse.accounts import again, lockout
from clubhouse.accounts.permissions import may, may_delete_accounts
from clubhouse.api import schemas as s
from clubhouse.api.answers import once
from clubhouse.api.member_routes import ERASES, ERRORS, WRITES
from clubhouse.api.previews import preview_of
from clubhouse.api.problems import Problem
from clubhouse.api.serving import BearerToken
from clubhouse.api.tokens import Caller
from clubhouse.clients import selectors
from clubhouse.clients.models import Client
from clubhouse.privacy.orders import API as REASON
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember

router = Router(tags=["Administrators"])
PER_PAGE = 50
PASSWORD_NEEDED = (
    "This business asks for a password right before a deletion. Send the one of the person this token belongs to, as "  # noqa: S105
    "“password” beside the fingerprint. Nothing was deleted."
)


def _staff(request: HttpRequest) -> StaffMember:
    caller: Caller = request.auth  # type: ignore[attr-defined]
    assert caller.staff is not None
    return caller.staff


@router.get("/clients", auth=BearerToken("clients:read"), response={200: s.ClientsOut} | ERRORS)
def search(request: HttpRequest, q: s.Query = "", page: s.Page = 1) -> Any:
    """Clients by name, e-mail address, phone number or id, fifty a page. Deleted ones are not among them."""
    staff = _staff(request)
    if not may(staff, "contacts"):
        raise Problem(403, "Your Team Access Group does not include Contacts.")
    found = Paginator(selectors.search(staff, q), PER_PAGE).get_page(page)
    rows = [
        {
            "id": client.pk,
            "number": client.number,
            "name": client.display_name,
            "email": client.email,
            "status": client.status,
            "home_club": client.home_club.name,
        }
        for client in found
    ]
    return {"total": found.paginator.count, "page": found.number, "pages": found.paginator.num_pages, "clients": rows}


@router.get(
    "/clients/{client}/deletion", auth=BearerToken("clients:preview"), response={200: s.ClientPreviewOut} | WRITES
)
def preview(request: HttpRequest, client: s.Key) -> Any:
    """What a deletion would do, what stands in its way, the fingerprint that the deletion asks for, and whether it asks
    for a password."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    proof = "password" if caller.business.password_before_deletion else ""
    return preview_of(look(_living(request, client))) | {"proof": proof}


@router.post("/clients/{client}/deletion", auth=BearerToken("clients:erase"), response={200: s.ErasedOut} | ERASES)
def delete(
    request: HttpRequest,
    sent: s.EraseIn,
    client: s.Key,
    idempotency_key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            min_length=16,
            max_length=200,
            pattern=r"^[!-~]+$",
            description="Random, drawn for this one deletion; the same when the request is sent again.",
        ),
    ],
) -> Any:
    """Delete a client as previewed. Sent again under the same key, it gives the same receipt and deletes nothing more.

    Where the business asks for the own password once more, send that of the person the token belongs to; a wrong one
    counts to the lockout of that person's sign-in. A client who was deleted before, by whatever door, is a success
    without a receipt, and takes no password.
    """
    caller: Caller = request.auth  # type: ignore[attr-defined]
    found = _anyone(request, client)
    if caller.business.password_before_deletion and not found.is_erased:
        _same_person(caller, sent.password)

    def do() -> str:
        if found.is_erased:
            return ""
        return erase(found, by=caller.user, reason=REASON, fingerprint=sent.fingerprint).number

    asked = f"{client} {sent.fingerprint}"
    receipt = once(caller.token, idempotency_key, asked, do, now=timezone.now())
    return {"receipt": receipt, "already": not receipt}


def _same_person(caller: Caller, password: str) -> None:
    """Refuse the order unless the person the token belongs to stands behind it. Raises ``Problem``."""
    refusal = again.wrong_with(caller.user, password)
    if refusal is None:
        return
    if not password:
        raise Problem(422, PASSWORD_NEEDED, errors=[{"where": "body.sent.password", "what": "Field required"}])
    if refusal.status == 429:
        until = lockout.locked_until(caller.user)
        wait = (until - timezone.now()).total_seconds() if until else 0
        raise Problem(429, str(refusal.message), headers={"Retry-After": str(max(1, int(wait)))})
    raise Problem(refusal.status, str(refusal.message))


def _anyone(request: HttpRequest, pk: int) -> Client:
    """A client of the colleague's reach, erased or not, for whoever may delete. Raises ``Http404`` for another's."""
    staff = _staff(request)
    if not may_delete_accounts(staff):
        raise Problem(403, "Only administrators with “Delete Accounts” switched on may do this.")
    return selectors.find_even_erased(staff, pk)


def _living(request: HttpRequest, pk: int) -> Client:
    client = _anyone(request, pk)
    if client.is_erased:
        raise Problem(409, "This client is deleted already.")
    return client
