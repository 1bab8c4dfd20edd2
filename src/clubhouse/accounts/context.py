"""What every template may ask for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from clubhouse.accounts.permissions import is_administrator, may, may_delete_accounts
from clubhouse.navigation import links


def business(request: HttpRequest) -> dict[str, Any]:
    """The business, the colleague, what the colleague may do, and the menu. Anonymous pages get empty values."""
    staff = getattr(request, "staff", None)
    found: dict[str, Any] = {"business": getattr(request, "business", None), "staff": staff, "navigation": []}
    if staff is not None:
        found["navigation"] = links(request, staff)
        found["can"] = {
            "contacts": may(staff, "contacts"),
            "schedule": may(staff, "schedule"),
            "retail": may(staff, "retail"),
            "access": may(staff, "access"),
            "administrate": is_administrator(staff),
            "delete": may_delete_accounts(staff),
        }
    return found
