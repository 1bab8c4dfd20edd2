"""A build of the member app for ``business``."""

from __future__ import annotations

import pytest

from clubhouse.accounts.models import Business
from clubhouse.member.models import AppBuild


@pytest.fixture
def build(business: Business) -> AppBuild:
    """A build with sign-up and account deletion, at the business's address."""
    return AppBuild.objects.create(
        business=business, name="Harbour app", slug=business.slug, sign_up=True, account_deletion=True
    )
