"""What becomes of a member's sign-in (row H14). A colleague's sign-in is another account and is not touched."""

from __future__ import annotations

from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog

from clubhouse.accounts.models import AddressChange, PasswordReset, Session, User
from lethe import Policy, by_value, delete_rows, not_personal, register


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
    not_sought = ("device",)


@register(PasswordReset)
class PasswordResetPolicy(Policy):
    """A link that was mailed stops working with the next request."""

    path = "user__client"
    rows = delete_rows()
    secrets = ("token_hash", "asked_today")


@register(AddressChange)
class AddressChangePolicy(Policy):
    """The new address was never confirmed, or the old one not told yet: both are theirs, and the link stops working."""

    path = "user__client"
    rows = delete_rows()
    secrets = ("token_hash", "asked_today")


@register(AccessAttempt)
class AccessAttemptPolicy(Policy):
    """Bad tries at the member's sign-in, counted under the account's key; the other columns are always blank."""

    path = by_value("username", of="user", fold=False)
    rows = delete_rows()
    secrets = ("username",)
    not_sought = ("user_agent", "ip_address", "http_accept", "path_info", "get_data", "post_data")


@register(AccessAttemptExpiration)
class AccessAttemptExpirationPolicy(Policy):
    """Of no use where the cool-off counts from the last try."""

    rows = not_personal("switched off: no row is ever written to this table")


@register(AccessLog, AccessFailureLog)
class AccessLogPolicy(Policy):
    """axes can log every sign-in; here it does not."""

    rows = not_personal("switched off: no row is ever written to these tables")
