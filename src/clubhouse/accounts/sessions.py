"""Database sessions that know whose they are, so that "signed out everywhere" is one statement."""

from __future__ import annotations

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.middleware import SessionMiddleware

__all__ = ["SessionMiddleware", "SessionStore"]


class SessionStore(DatabaseSessionStore):
    """Django's database store, with the account's key kept in a column of its own."""

    @classmethod
    def get_model_class(cls) -> type:
        from clubhouse.accounts.models import Session

        return Session

    def create_model_instance(self, data: dict) -> object:
        instance = super().create_model_instance(data)
        instance.user_id = int(data[SESSION_KEY]) if data.get(SESSION_KEY) else None
        return instance
