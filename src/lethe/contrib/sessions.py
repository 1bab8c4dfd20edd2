"""Signing the person out everywhere, for ``django.contrib.sessions``: call :func:`install` in an ``erasure.py``.

A stored session says whose it is only inside its signed data, so no statement can find it: every session is read once
for all the subjects of a batch, and theirs are deleted in the erasing transaction. With the engine ``cached_db`` the
copy in the cache is deleted after commit. Sessions that live in cookies, files or a cache alone cannot be listed:
there the sign-in ends with the next request because the account's password, or the account, is gone.
"""

from __future__ import annotations

import datetime
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.core.signing import BadSignature
from django.db import models as db
from django.utils.translation import gettext_lazy as _

from lethe.batch import Batch
from lethe.graph import Model
from lethe.outbox import handler
from lethe.policy import Action
from lethe.registry import Registry, registry

#: Sessions read, and deleted, at once.
CHUNK = 2_000


def models() -> list[Model]:
    """What is answered for here."""
    return [_store().get_model_class() if _is_stored() else Session]


def install(to: Registry = registry) -> None:
    """Have each erasure of somebody with an account end their sessions, first of all.

    Raises ``ImproperlyConfigured`` where sessions are not in the database.
    """
    if not _is_stored():
        raise ImproperlyConfigured(
            f"SESSION_ENGINE is {settings.SESSION_ENGINE}, whose sessions cannot be listed. Leave out "
            'sessions.install(), or use "django.contrib.sessions.backends.db" or "cached_db".'
        )
    to.when_read(_install)


def _install(source: Registry) -> None:
    account = get_user_model()
    policy = source.get(account)
    if policy is None:
        return
    for subject in source.subjects():
        paths = ("pk",) if subject is policy else tuple(_to(policy.paths(), account, subject.model))
        if paths and not any(action.name == "sessions" for action in subject.first):
            action = Action(
                "sessions",
                _("Accounts signed out everywhere"),
                _accounts,
                run=partial(_end, path=paths),
                path=paths if len(paths) > 1 else paths[0],
            )
            subject.first = (*subject.first, action)


def _to(paths: tuple[str, ...], account: Model, subject: Model) -> list[str]:
    from lethe.graph import concrete, end_of

    return [path for path in paths if end_of(account, path) is concrete(subject)]


def _accounts(now: datetime.datetime) -> db.QuerySet[Any]:
    return get_user_model()._base_manager.all()


def _end(batch: Batch, *, path: tuple[str, ...]) -> dict[str, int]:
    """Delete the sessions of the subjects' accounts."""
    mine = db.Q()
    for one in path:
        mine |= db.Q(**{f"{one}__in": batch.ids})
    accounts = get_user_model()._base_manager.using(batch.using).filter(mine)
    wanted = {str(key) for key in accounts.values_list("pk", flat=True)}
    store = _store()
    kept = store.get_model_class()._base_manager.using(batch.using)
    found = [row.session_key for row in kept.all().iterator(chunk_size=CHUNK) if _whose(store, row) in wanted]
    for start in range(0, len(found), CHUNK):
        kept.filter(session_key__in=found[start : start + CHUNK]).delete()
    if found and hasattr(store(), "_cache"):
        batch.emit("session.forget", {"sessions": found})
    return {"sessions": len(found)}


def _whose(store: Any, row: Any) -> str:
    try:
        return str(store().decode(row.session_data).get(SESSION_KEY, ""))
    except (BadSignature, ValueError):
        return ""


def _store() -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore


def _is_stored() -> bool:
    return hasattr(_store(), "get_model_class")


@handler("session.forget")
def forget_sessions(payload: dict[str, Any]) -> dict[str, Any]:
    """Delete the cached copies of sessions that are no more. Payload: ``{"sessions": [keys]}``."""
    for key in payload["sessions"]:
        _store()(key)._cache.delete(f"{_store().cache_key_prefix}{key}")
    return {"sessions": len(payload["sessions"])}
