"""Database sessions that know whose they are, so that "signed out everywhere" is one statement."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseSessionStore
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DatabaseSessionMiddleware
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime

if TYPE_CHECKING:
    from clubhouse.accounts.models import Session

__all__ = ["SessionMiddleware", "SessionStore"]

#: How often it is written down that a session is in use: often enough for a limit in minutes.
SEEN_EVERY = datetime.timedelta(seconds=60)


class SessionStore(DatabaseSessionStore):
    """Django's database store, with the account's key, the kind of device and the times in columns of their own."""

    seen_at: datetime.datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[Session]:
        from clubhouse.accounts.models import Session

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        # It is made of the class above.
        instance = cast("Session", super().create_model_instance(data))
        instance.user_id = int(data[SESSION_KEY]) if data.get(SESSION_KEY) else None
        instance.device = data.get("device", "")
        instance.signed_in_at = parse_datetime(data["since"]) if data.get("since") else None
        instance.seen_at = self.seen_at = timezone.now()
        return instance

    def _get_session_from_db(self) -> Any:
        row = super()._get_session_from_db()  # type: ignore[misc]  # not in the stubs
        self.seen_at = row.seen_at if row is not None else None
        return row

    def save(self, must_create: bool = False) -> None:
        """Save it. Raises ``SessionInterrupted`` where its account was deleted while the request was under way.

        Django takes the database's refusal for a key that somebody has already, and draws another one for ever.
        """
        try:
            super().save(must_create)
        except (CreateError, IntegrityError):
            if self._account_is_gone():
                raise SessionInterrupted from None
            raise

    def _account_is_gone(self) -> bool:
        from clubhouse.accounts.models import User

        key = self.get(SESSION_KEY)
        return key is not None and not User.objects.filter(pk=int(key)).exists()

    def seen(self, now: datetime.datetime) -> None:
        """Write down that the session is in use, at most every :data:`SEEN_EVERY`."""
        if self.seen_at is None or now - self.seen_at > SEEN_EVERY:
            self.get_model_class().objects.filter(session_key=self.session_key).update(seen_at=now)
            self.seen_at = now


class SessionMiddleware(DatabaseSessionMiddleware):
    """Answers a request whose sign-in ended while it was under way as any other that is signed out."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The session could not be written in the view."""
        return _signed_out(request) if isinstance(exception, SessionInterrupted) else None

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Nor could it be after it."""
        try:
            return super().process_response(request, response)
        except SessionInterrupted:
            return super().process_response(request, _signed_out(request))


def _signed_out(request: HttpRequest) -> HttpResponse:
    """To the page again, which knows its door; what was sent cannot be come back to. The cookie goes."""
    request.session = SessionStore()
    if request.method in {"GET", "HEAD"}:
        return redirect(request.get_full_path())
    match = request.resolver_match
    if match is not None and match.namespace == "member" and "slug" in match.kwargs:
        return redirect("member:sign-in", match.kwargs["slug"])
    return redirect("home")
