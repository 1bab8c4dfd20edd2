"""Where each blocker is settled: on the client's own profile, in the section that holds it (row N7)."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

#: Blocker name to the profile's section and the words of the link.
SECTIONS = {
    "debts": ("invoices", _("Settle the invoices")),
    "future_sessions": ("bookings", _("Cancel the bookings")),
    "account_credits": ("credits", _("Refund or forfeit the credits")),
    "paid_by": ("linkings", _("Change who pays")),
    "unused_credits": ("packages", _("Use up or forfeit the packages")),
    "active_membership": ("memberships", _("Cancel the membership")),
    "guardian": ("linkings", _("Name another guardian")),
}

#: Where an amount without a currency counts credits.
COUNTED = {"unused_credits", "forfeit_packages"}


def where(blocker: str, client_pk: int) -> str:
    """The address where a blocker is settled; the top of the profile for one that has no section."""
    section, _ = SECTIONS.get(blocker, ("", ""))
    address = reverse("clients:profile", args=[client_pk])
    return f"{address}#{section}" if section else address


def words(blocker: str) -> str:
    """The words of the link to :func:`where`."""
    return str(SECTIONS.get(blocker, ("", gettext("Settle this on the profile")))[1])
