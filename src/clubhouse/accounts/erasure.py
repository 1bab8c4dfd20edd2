"""What becomes of a member's sign-in (row H14). A colleague's sign-in is another account and is not touched."""

from __future__ import annotations

from clubhouse.accounts.models import Session, User
from lethe import Policy, delete_rows, register


@register(User)
class UserPolicy(Policy):
    """The member's account goes: user name, password, and with it every way in."""

    path = "client"
    rows = delete_rows()
    secrets = ("password", "login")


@register(Session)
class SessionPolicy(Policy):
    """Signed out everywhere, with the next request."""

    path = "user__client"
    rows = delete_rows()
    secrets = ("session_key", "session_data")
