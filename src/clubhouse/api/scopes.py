"""What a token may be given: its scopes. A token never does more than its account may do on the screens."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

#: Scopes of a member's token, and what each is for.
MEMBER = {
    "profile:read": _("Read your profile"),
    "schedule:read": _("Read the schedule"),
    "bookings:read": _("Read your bookings and waiting lists"),
    "bookings:write": _("Book, cancel, wait and stop waiting"),
    "account:delete": _("Delete your account, with your password or a code"),
}
#: Scopes of an administrator's token.
TEAM = {
    "clients:read": _("Search clients"),
    "clients:preview": _("Preview a deletion"),
    "clients:erase": _("Delete clients"),
}
