"""A member who is erased is signed out of every frame with the next request (row H14)."""

from __future__ import annotations

from clubhouse.embed.models import EmbedSignIn
from lethe import Policy, delete_rows, register


@register(EmbedSignIn)
class EmbedSignInPolicy(Policy):
    """What the frame's pages carry stops working."""

    path = "user__client"
    rows = delete_rows()
    secrets = ("token_hash", "password_state")
