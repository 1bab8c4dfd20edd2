"""What the member app keeps of a member goes with the sign-in (row H14)."""

from __future__ import annotations

from clubhouse.member.models import DeletionCheck
from lethe import Policy, delete_rows, register


@register(DeletionCheck)
class DeletionCheckPolicy(Policy):
    """The code that confirmed the deletion, too."""

    path = "user__client"
    rows = delete_rows()
