"""Effects that the engine itself knows how to do."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import storages

from lethe.outbox import handler


@handler("file.delete")
def delete_file(payload: dict[str, Any]) -> dict[str, Any]:
    """Delete a stored file. Payload: ``{"name": key in the storage, "storage": alias}``. Gone already is done."""
    storage = storages[payload.get("storage", "default")]
    existed = storage.exists(payload["name"])
    if existed:
        storage.delete(payload["name"])
    return {"file": "deleted" if existed else "was gone"}
