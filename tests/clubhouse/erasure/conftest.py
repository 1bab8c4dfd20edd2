"""What the tests of a client's erasure share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from clubhouse.clients.models import Client
from lethe import outbox, pipeline
from lethe.execute import Outcome
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support.record import Record

Erase = Callable[..., Outcome]


@pytest.fixture
def erase() -> Erase:
    """Erase clients as they were previewed, and do the effects."""

    def run(*clients: Client) -> Outcome:
        keys = [client.pk for client in clients]
        found = pipeline.preview(Client, keys)
        outcome = pipeline.erase(Client, keys, by="role:test", reason="asked", fingerprint=found.fingerprint)
        assert not outcome.refused
        outbox.drain()
        return outcome

    return run


@pytest.fixture
def record(client_record: Record) -> Record:
    """The client in every table, of a business in which the erasure settles all by itself."""
    let_all_pass(client_record.client.business)
    return client_record
