"""A preview as the API gives it."""

from __future__ import annotations

from typing import Any

from clubhouse.privacy.selectors import Item, Look


def preview_of(look: Look) -> dict[str, Any]:
    """Counts, what stands in the way, and the fingerprint that the deletion asks for."""
    return {
        "fingerprint": look.fingerprint,
        "blockers": [_item(item) for item in look.blockers],
        "settles": [_item(item) for item in look.consequences],
        "removed": [{"label": str(line.label), "count": line.count} for line in look.removed],
        "kept": [
            {
                "title": str(one.title),
                "count": one.count,
                "reasons": [str(reason) for reason in one.reasons],
                "until": str(one.until),
            }
            for one in look.kept
        ],
    }


def _item(item: Item) -> dict[str, Any]:
    return {"name": item.name, "label": str(item.label), "count": item.count, "worth": str(item.worth)}
