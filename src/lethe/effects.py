"""Effects that the engine itself knows how to do."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.files.storage import Storage, storages

from lethe.afterwards import KIND as SEARCH
from lethe.afterwards import search_again
from lethe.cleaning import KIND as CLEAN
from lethe.cleaning import clean
from lethe.contrib.storages import purge
from lethe.files import KIND as DELETE_FILE
from lethe.outbox import handler


@handler(DELETE_FILE)
def delete_file(payload: dict[str, Any]) -> dict[str, Any]:
    """Delete a stored file, all its versions and its copies; returns a receipt of numbers. Gone already is done.

    Payload: ``{"name": key in the storage, "storage": alias, "copies": patterns, one a line}``.
    """
    storage = storages[payload.get("storage", "default")]
    patterns = payload.get("copies", "").split("\n") if payload.get("copies") else []
    names = list(dict.fromkeys(_copies(storage, payload["name"], patterns)))
    # The copies first: as long as the file is there, a copy can be made again by whoever asks for one.
    copies = [purge(storage, name) for name in names]
    receipt = purge(storage, payload["name"])
    return receipt | ({"copies": sum(copy.get("file") == "deleted" for copy in copies)} if patterns else {})


def _copies(storage: Storage, key: str, patterns: Sequence[str]) -> Iterator[str]:
    folder, name = posixpath.split(key)
    stem, ext = posixpath.splitext(name)
    for pattern in patterns:
        made = pattern.format(folder=folder, name=name, stem=stem, ext=ext).lstrip("/")
        if not pattern.endswith("*"):
            if made != key:
                yield made
            continue
        within, begins = posixpath.split(made[:-1])
        try:
            _, there = storage.listdir(within)
        except FileNotFoundError:
            continue
        for other in there:
            if other.startswith(begins):
                yield posixpath.join(within, other)


@handler(CLEAN)
def clean_bytes(payload: dict[str, Any]) -> dict[str, Any]:
    """Rewrite the database's files, for every erasure so far (row N11). Payload: ``{"using": database alias}``."""
    return clean(payload["using"]).as_receipt()


@handler(SEARCH)
def search_residue(payload: dict[str, Any]) -> dict[str, Any]:
    """Search for what still names whoever was erased (row N1). Payload: the values, sealed, and whose run it was."""
    return search_again(payload)
