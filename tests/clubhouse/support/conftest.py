"""A business without an administrator, a colleague of it, a client, a request, and the operator."""

from __future__ import annotations

import pytest

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.support.models import Case
from clubhouse.team.models import StaffMember
from tests.clubhouse.support.requests import send
from tests.support import factories as make


@pytest.fixture
def operator(db: None) -> User:
    return make.make_user(None, User.Audience.OPERATOR, "operator@example.com")


@pytest.fixture
def person(club: Club) -> Client:
    """Somebody whom nothing keeps from being deleted."""
    return make.make_client(club, first_name="Zoë", last_name="O'Quill", email="Zoe.OQuill@example.com", number="K-77")


@pytest.fixture
def case(employee: StaffMember, person: Client) -> Case:
    """A request in which all details match."""
    return send(employee, person)
