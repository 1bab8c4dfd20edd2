"""Database sessions that know whose they are, so that "signed out everywhere" is one statement."""

from __future__ import annotations

import datetime
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.middleware import SessionMiddleware
from django.utils import timezone
from django.utils.dateparse import parse_datetime

__all__ = ["SessionMiddleware", "SessionStore"]

#: How often it is written down that a session is in use: often enough for a limit in minutes.
SEEN_EVERY = datetime.timedelta(seconds=60)


class SessionStore(DatabaseSessionStore):
    """Django's database store, with the account's key, the kind of device and the times in columns of their own."""

    seen_at: datetime.datetime | None = None

    @classmethod
    def get_model_class(cls) -> type:
        from clubhouse.accounts.models import Session

        return Session

    def create_model_instance(self, data: dict) -> object:
        instance = super().create_model_instance(data)
        instance.user_id = int(data[SESSION_KEY]) if data.get(SESSION_KEY) else None
        instance.device = data.get("device", "")
        instance.signed_in_at = parse_datetime(data["since"]) if data.get("since") else None
        instance.seen_at = self.seen_at = timezone.now()
        return instance

    def _get_session_from_db(self) -> Any:
        row = super()._get_session_from_db()
        self.seen_at = row.seen_at if row is not None else None
        return row

    def seen(self, now: datetime.datetime) -> None:
        """Write down that the session is in use, at most every :data:`SEEN_EVERY`."""
        if self.seen_at is None or now - self.seen_at > SEEN_EVERY:
            self.model.objects.filter(session_key=self.session_key).update(seen_at=now)
            self.seen_at = now
