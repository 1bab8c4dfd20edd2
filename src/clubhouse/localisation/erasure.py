"""What a member read in goes with the member's sign-in (row H14)."""

from __future__ import annotations

from clubhouse.localisation.models import ReaderChoice
from lethe import Policy, delete_rows, register


@register(ReaderChoice)
class ReaderChoicePolicy(Policy):
    """A language and a time zone narrow down who somebody was."""

    path = "user__client"
    rows = delete_rows()
    not_sought = ("language", "timezone")
