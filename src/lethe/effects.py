"""Effects that the engine itself knows how to do."""

from __future__ import annotations

from typing import Any

from django.core.files.storage import storages

from lethe.cleaning import KIND as CLEAN
from lethe.cleaning import clean
from lethe.contrib.storages import purge
from lethe.outbox import handler


@handler("file.delete")
def delete_file(payload: dict[str, Any]) -> dict[str, Any]:
    """Delete a stored file and all its versions. Payload: ``{"name": key in the storage, "storage": alias}``. Gone
    already is done."""
    return purge(storages[payload.get("storage", "default")], payload["name"])


@handler(CLEAN)
def clean_bytes(payload: dict[str, Any]) -> dict[str, Any]:
    """Rewrite the database's files, for every erasure so far (row N11). Payload: ``{"using": database alias}``."""
    return clean(payload["using"]).as_receipt()
