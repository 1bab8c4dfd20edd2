"""A member app with account deletion, and callers with tokens."""

from __future__ import annotations

import pytest

from clubhouse.accounts.models import Business
from clubhouse.api import scopes
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.team.models import StaffMember
from tests.clubhouse.api.calls import Api, token_for


@pytest.fixture
def build(business: Business) -> AppBuild:
    return AppBuild.objects.create(
        business=business, name="Harbour app", slug=business.slug, sign_up=True, account_deletion=True
    )


@pytest.fixture
def mine(build: AppBuild, member: Client) -> Api:
    """The API as a member's program calls it, with every scope."""
    assert member.user is not None
    return Api(token_for(member.user, *scopes.MEMBER))


@pytest.fixture
def theirs(administrator: StaffMember) -> Api:
    """The API as an administrator's program calls it, with every scope."""
    return Api(token_for(administrator.user, *scopes.TEAM))
