"""The API against its own description: whatever the schema allows, and much that it does not, is answered as described.

Requests go through the WSGI application in this process, so a failure is the product's and not a network's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks

from clubhouse.api import scopes, tokens
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.team.models import StaffMember
from clubhouse.wsgi import application
from tests.clubhouse.api.calls import ROOT, token_for
from tests.clubhouse.api.test_frame import VIEWS
from tests.support import factories as make

pytestmark = pytest.mark.django_db

#: Requests drawn for each of the sixteen operations.
EXAMPLES = 25
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]


@pytest.fixture
def keys(build: AppBuild, member: Client, administrator: StaffMember) -> dict[str, Any]:
    """Keys that exist, to be put where the drawn ones are even; and the callers' tokens."""
    session = make.make_session(member.home_club)
    return {
        "session": make.make_session(member.home_club).pk,
        "booking": make.make_booking(session, member).pk,
        "entry": make.make_waiting(make.make_session(member.home_club), member, offered_until=make.in_days(1)).pk,
        "client": make.make_client(member.home_club).pk,
        "club": member.home_club_id,
        "member": token_for(member.user, *scopes.MEMBER),
        "team": token_for(administrator.user, *scopes.TEAM),
    }


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests and the test share a connection, in the test's own transaction, as they do with Django's test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def put_in(drawn: Any, keys: dict[str, Any]) -> None:
    """Where a drawn key is an even number, let it be one that exists."""
    for name in set(drawn or ()) & set(keys) if isinstance(drawn, dict) else ():
        if isinstance(drawn[name], int) and drawn[name] % 2 == 0:
            drawn[name] = keys[name]


@pytest.mark.parametrize(("path", "method", "scope"), VIEWS)
def test_answers_are_as_described(
    keys: dict[str, Any], one_connection: None, monkeypatch: pytest.MonkeyPatch, path: str, method: str, scope: str
) -> None:
    monkeypatch.setattr(tokens, "CALLS_A_MINUTE", 10_000)
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", application)
    operation = schema[ROOT + path][method.upper()]
    token = keys["team" if scope in scopes.TEAM else "member"]
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: schemathesis.Case) -> None:
        for drawn in (case.path_parameters, case.query, case.body):
            put_in(drawn, keys)
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
        statuses.add(answer.status_code)

    ask()
    assert statuses - {401, 403}, "the requests came through to the operation"
