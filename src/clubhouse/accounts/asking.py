"""Who asks, behind a gate that has let them in."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from clubhouse.accounts.models import User


def account_of(request: HttpRequest) -> User:
    """The account that is signed in. Raises ``PermissionDenied`` where none is, which the gates of views rule out."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
