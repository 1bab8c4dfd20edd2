"""A key that is drawn with a form, so that a second click, a second tab or a reload does not do it a second time."""

from __future__ import annotations

import re
import secrets

from django.http import HttpRequest

_KEY = re.compile(r"[0-9a-f]{32}")


def new_key() -> str:
    """A key for a form that is about to be shown. It is random, and says nothing."""
    return secrets.token_hex(16)


def key_of(request: HttpRequest) -> str:
    """The key that a form carries; "" where there is none, or none of ours."""
    sent = request.POST.get("once_key", "")
    return sent if _KEY.fullmatch(sent) else ""
