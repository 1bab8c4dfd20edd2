"""Files in a store: nothing of one is left (row F15).

:func:`purge_all` takes files with every version and whatever else hides in a bucket, for storages of
``django-storages`` and for any other storage that has a ``purge(name)`` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.core.files.storage import Storage

Receipt = dict[str, Any]


def purge(storage: Storage, name: str) -> Receipt:
    """Delete a file with all its versions; returns a receipt of numbers. Gone already is done.

    Raises ``lethe.outbox.Retry`` where the object store refused anything; the cause is its error code, never a key.
    """
    (answer,) = purge_all(storage, [name])
    if isinstance(answer, Exception):
        raise answer
    return answer


def purge_all(
    storage: Storage, names: Sequence[str], working: Callable[[], None] = lambda: None
) -> list[Receipt | Exception]:
    """Delete files with all their versions; returns for each, in order, a receipt or what :func:`purge` would raise.

    ``working`` is called between steps, none of which takes longer than the store's own timeouts.
    """
    found: dict[str, Receipt | Exception] = {}
    if not hasattr(storage, "purge") and _is_s3(storage):
        from lethe.contrib.s3 import purge_keys

        found = purge_keys(storage, list(dict.fromkeys(names)), working)
    answers: list[Receipt | Exception] = []
    seen: set[str] = set()
    for name in names:
        if name not in found:
            working()
            answers.append(_purged(storage, name))
        elif name not in seen:
            answers.append(found[name])
        else:
            # As if one had been done after the other.
            answers.append(_again(found[name]))
        seen.add(name)
    return answers


def _again(answer: Receipt | Exception) -> Receipt | Exception:
    return answer if isinstance(answer, Exception) else dict.fromkeys(answer, 0) | {"file": "was gone"}


def _purged(storage: Any, name: str) -> Receipt | Exception:
    try:
        if hasattr(storage, "purge"):
            return dict(storage.purge(name))
        existed = storage.exists(name)
        if existed:
            storage.delete(name)
    except Exception as error:
        return error
    return {"file": "deleted" if existed else "was gone"}


def _is_s3(storage: Storage) -> bool:
    try:
        from storages.backends.s3 import S3Storage
    except ImportError:  # without django-storages there can be no storage of its kind
        return False
    return isinstance(storage, S3Storage)
