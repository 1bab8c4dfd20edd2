"""Who orders erasures: what the record of a run says of it, and the one word that other systems are told.

Never a person's words, so never a person's name. Which account it was, the run alone knows.
"""

from __future__ import annotations

TOGGLE = "Deleted by an administrator: Client Information"
STATUS = "Deleted by an administrator: user status"
API = "Deleted by an administrator: API"
MEMBER = "Deleted by the member in the member app"
OPERATOR = "Deleted by the operator on a support request"

_WORDS = {
    TOGGLE: "administrator",
    STATUS: "administrator",
    API: "administrator",
    MEMBER: "member",
    OPERATOR: "operator",
}


def ordered_by(reason: str) -> str:
    """``administrator``, ``member``, ``operator``, or ``command`` for whoever runs the engine itself."""
    return _WORDS.get(reason, "command")
