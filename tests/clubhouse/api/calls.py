"""Calling the API as a program does: a token in a header, JSON in and out, and no cookie."""

from __future__ import annotations

import json
import secrets
import uuid
from typing import Any

from django.test import Client as Browser
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.api import tokens

ROOT = "/api/v1"


def token_for(user: User, *scopes: str, days: int = 30) -> str:
    """A new token of an account."""
    _, said = tokens.make(user, form=uuid.uuid4(), name="A test", scopes=scopes, days=days, now=timezone.now())
    return said


def key() -> dict[str, str]:
    """A new idempotency key, as a header."""
    return {"Idempotency-Key": secrets.token_hex(16)}


class Api:
    """One caller."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(
        self, method: str, path: str, body: Any = None, *, expect: int = 200, headers: dict[str, str] | None = None
    ) -> Any:
        """Call, see that the status is the one, and that an error is a problem document; gives the JSON."""
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        given = {"Authorization": f"Bearer {self.token}"} | (headers or {})
        answer = Browser(raise_request_exception=False).generic(method, ROOT + path, **sent, headers=given)
        assert answer.status_code == expect, answer.content.decode()
        said = json.loads(answer.content)
        if expect >= 400:
            assert answer["Content-Type"] == "application/problem+json"
            assert said["status"] == expect
            assert {"type", "title", "detail"} <= set(said)
        else:
            assert answer["Content-Type"].startswith("application/json")
        assert "no-store" in answer["Cache-Control"]
        return said
