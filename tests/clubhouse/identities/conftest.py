"""A provider on loopback, known to ``business`` and to a build of its member app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache

from clubhouse.accounts.models import Business
from clubhouse.environment import networks
from clubhouse.identities.models import Provider
from clubhouse.identities.services import save_provider
from clubhouse.identities.views import back_address
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Club
from tests.support import openid

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture
def near(settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback counts as the deployment's own network; nothing is remembered of another test's provider."""
    monkeypatch.setenv("NETWORKS_OF_THE_TEST", "127.0.0.0/8")
    settings.WEBHOOK_NETWORKS = networks("NETWORKS_OF_THE_TEST")
    cache.clear()


@pytest.fixture
def elsewhere(near: None) -> Iterator[openid.Provider]:
    """The provider itself, and a person with an account at it."""
    with openid.provider() as state:
        state.client.redirect_uri = back_address()
        state.person = person("subject-of-zoe", "zoe@example.com")
        yield state


def person(subject: str, email: str, **more: Any) -> dict[str, Any]:
    """What the provider says of somebody."""
    return {"sub": subject, "email": email, "email_verified": True, "given_name": "Zoë", "family_name": "Quill"} | more


@pytest.fixture
def provider(business: Business, elsewhere: openid.Provider) -> Provider:
    """The provider, as the business set it up."""
    found = Provider(business=business, name="Harbour ID", issuer=elsewhere.issuer, client_id=openid.CLIENT)
    return save_provider(found, secret=openid.SECRET)


@pytest.fixture
def build(business: Business, club: Club) -> AppBuild:
    """A build with sign-up and account deletion."""
    return AppBuild.objects.create(
        business=business, name="Harbour app", slug=business.slug, sign_up=True, account_deletion=True
    )
