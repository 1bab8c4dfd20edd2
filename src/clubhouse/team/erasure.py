"""Colleagues are not clients: one who is both has two accounts, and only the client's is forgotten."""

from __future__ import annotations

from clubhouse.team.models import StaffMember
from lethe import Policy, not_personal, register


@register(StaffMember)
class StaffMemberPolicy(Policy):
    """Never a client's account."""

    rows = not_personal("a colleague's record belongs to a team account, which no client's record points at")
