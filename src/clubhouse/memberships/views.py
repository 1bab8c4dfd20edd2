"""Ending memberships and forfeiting packages, from a profile."""

from __future__ import annotations

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from clubhouse.accounts.permissions import needs
from clubhouse.clients.models import Client
from clubhouse.memberships import sales, selectors, services
from clubhouse.memberships.models import Membership, Package
from clubhouse.settle import Unclear, chosen, owner_of, settle

DESK = "desk"


@needs("retail")
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End a membership today."""
    owner = owner_of(request, Membership.objects.all(), pk)
    return settle(request, owner, "memberships", lambda client: _cancel(Membership.objects.filter(pk=pk)))


@needs("retail")
@require_POST
def cancel_several(request: HttpRequest, pk: int) -> HttpResponse:
    """End several of a client's memberships today: those that are ticked, or with ``all`` every one."""

    def act(client: Client) -> str:
        return _cancel(
            chosen(request, "membership", selectors.active_memberships(timezone.now()).filter(client=client))
        )

    return settle(request, pk, "memberships", act)


@needs("retail")
@require_POST
def remove_payer(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a client whose membership another pays for pay for it themself (Paid By, row H6)."""
    owner = owner_of(request, Membership.objects.all(), pk)

    def act(client: Client) -> str:
        if not services.remove_payer(Membership.objects.filter(pk=pk)):
            raise Unclear(_("Nobody else pays for this membership; nothing was changed."))
        return _("The payer was removed: the client pays for this membership from now on.")

    return settle(request, owner, "memberships", act)


@needs("retail")
@require_POST
def set_payer(request: HttpRequest, pk: int) -> HttpResponse:
    """Let another client pay for a membership from now on: one who is linked to its client by Paid By."""
    owner = owner_of(request, Membership.objects.all(), pk)

    typed = request.POST.get("payer", "")
    payers = {int(typed)} if typed.isdecimal() and len(typed) < 19 else set()

    def act(client: Client) -> str:
        if not payers:
            raise Unclear(_("Choose who pays, or add a Paid By linking first; nothing was changed."))
        payer = sales.set_payer(pk, *payers)
        return _("%(client)s pays for this membership from now on.") % {"client": payer.display_name}

    return settle(request, owner, "memberships", act, also=payers)


@needs("retail")
@require_POST
def forfeit_package(request: HttpRequest, pk: int) -> HttpResponse:
    """Forfeit the credits that are left of a package."""
    owner = owner_of(request, Package.objects.all(), pk)
    return settle(request, owner, "packages", lambda client: _forfeit(Package.objects.filter(pk=pk)))


@needs("retail")
@require_POST
def forfeit_packages(request: HttpRequest, pk: int) -> HttpResponse:
    """Forfeit what is left of several of a client's packages: those that are ticked, or with ``all`` every one."""

    def act(client: Client) -> str:
        return _forfeit(chosen(request, "package", Package.objects.filter(client=client)))

    return settle(request, pk, "packages", act)


def _cancel(rows: models.QuerySet[Membership]) -> str:
    count = services.cancel_memberships(rows, on=timezone.localdate(), reason=DESK)
    if not count:
        raise Unclear(_("This membership was cancelled before; nothing was changed."))
    said = ngettext(
        "%(count)s membership cancelled as of today.", "%(count)s memberships cancelled as of today.", count
    )
    return said % {"count": count}


def _forfeit(rows: models.QuerySet[Package]) -> str:
    packages, unused = services.forfeit_packages(rows, now=timezone.now(), reason=DESK)
    if not packages:
        raise Unclear(_("Nothing is left of this package, or it has expired; nothing was changed."))
    return _("%(credits)s of %(packages)s forfeited.") % {
        "credits": ngettext("%(count)s credit", "%(count)s credits", unused) % {"count": unused},
        "packages": ngettext("%(count)s package", "%(count)s packages", packages) % {"count": packages},
    }
