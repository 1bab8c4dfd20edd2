"""Where each blocker is settled: on the client's own profile, in the section that holds it (row N7)."""

from __future__ import annotations

from django.urls import reverse

#: Blocker name to the profile's section and the words of the link.
SECTIONS = {
    "debts": ("invoices", "Settle the invoices"),
    "future_sessions": ("bookings", "Cancel the bookings"),
    "account_credits": ("credits", "Refund or forfeit the credits"),
    "paid_by": ("linkings", "Change who pays"),
    "unused_credits": ("packages", "Use up or forfeit the packages"),
    "active_membership": ("memberships", "Cancel the membership"),
    "guardian": ("linkings", "Name another guardian"),
}

#: What an amount without a currency counts.
COUNTED = {"unused_credits": "credits", "forfeit_packages": "credits"}


def where(blocker: str, client_pk: int) -> str:
    """The address where a blocker is settled; the top of the profile for one that has no section."""
    section, _ = SECTIONS.get(blocker, ("", ""))
    address = reverse("clients:profile", args=[client_pk])
    return f"{address}#{section}" if section else address


def words(blocker: str) -> str:
    """The words of the link to :func:`where`."""
    return SECTIONS.get(blocker, ("", "Settle this on the profile"))[1]
