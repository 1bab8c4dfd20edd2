"""A member's tokens go with the sign-in, in the erasing transaction (row H14)."""

from __future__ import annotations

from clubhouse.api.models import ApiAnswer, ApiToken
from lethe import Policy, delete_rows, register


@register(ApiToken)
class ApiTokenPolicy(Policy):
    """The next request with one is answered by 401."""

    path = "user__client"
    rows = delete_rows()
    secrets = ("token_hash", "form")
    not_sought = ("scopes",)


@register(ApiAnswer)
class ApiAnswerPolicy(Policy):
    """What was answered to it goes along."""

    path = "token__user__client"
    rows = delete_rows()
    secrets = ("key", "request")
