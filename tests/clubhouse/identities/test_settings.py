"""Team settings > Sign in with: who may, what is refused, and where a provider may not be."""

from __future__ import annotations

import pytest
from django.test import Client as Browser
from django.urls import get_resolver, reverse
from joserfc.jwk import ECKey

from clubhouse.clients.models import Client
from clubhouse.identities import settings_urls, urls, wire
from clubhouse.identities.models import Provider
from clubhouse.identities.sealing import unseal
from clubhouse.identities.views import back_address
from clubhouse.member.models import AppBuild
from clubhouse.team.models import StaffMember
from tests.support import openid
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db

LIST, NEW = "/team/sign-in-with/", "/team/sign-in-with/new/"


@pytest.fixture
def signed_in(client: Browser, administrator: StaffMember) -> Browser:
    return sign_in(client, administrator)


def values(elsewhere: openid.Provider, **changes: str) -> dict[str, str]:
    sent = {"name": "Harbour ID", "issuer": elsewhere.issuer, "client_id": openid.CLIENT, "secret": "s3cret-canary"}
    return sent | {"is_on": "on"} | changes


def test_a_provider_is_added_and_its_secret_never_shown(
    signed_in: Browser, administrator: StaffMember, elsewhere: openid.Provider
) -> None:
    assert "No provider yet" in signed_in.get(LIST).content.decode()
    assert back_address() in signed_in.get(NEW).content.decode()
    assert signed_in.post(NEW, values(elsewhere))["Location"] == LIST
    found = Provider.objects.get()
    assert found.business == administrator.business
    assert unseal(found.secret_sealed) == "s3cret-canary"
    page = signed_in.get(f"{LIST}{found.pk}/").content.decode()
    assert "s3cret-canary" not in page
    assert found.secret_sealed not in page
    assert "Harbour ID" in signed_in.get(LIST).content.decode()
    again = signed_in.post(NEW, values(elsewhere))
    assert again.status_code == 422
    assert "already" in again.content.decode()
    assert Provider.objects.count() == 1


def test_a_change_keeps_issuer_and_secret(signed_in: Browser, provider: Provider) -> None:
    url = f"{LIST}{provider.pk}/"
    sent = {"name": "New name", "issuer": "https://evil.example", "client_id": "other", "secret": ""}
    assert signed_in.post(url, sent)["Location"] == LIST
    before, provider = provider, Provider.objects.get()
    assert (provider.name, provider.client_id, provider.is_on) == ("New name", "other", False)
    assert provider.issuer == before.issuer
    assert unseal(provider.secret_sealed) == openid.SECRET
    assert ">Off</span>" in signed_in.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("issuer", "why"),
    [
        ("http://127.0.0.1:1", "no answer"),
        ("https://10.0.0.1", "private network"),
        ("https://169.254.169.254", "private network"),
        ("http://example.com", "begin with https://"),
        ("nonsense", "works"),
        ("file:///etc/passwd", "works"),
        ("", "required"),
    ],
)
def test_an_issuer_that_does_not_answer_is_refused_with_the_reason(
    signed_in: Browser, elsewhere: openid.Provider, issuer: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clubhouse.webhooks.addresses._looked_up", _looked_up)
    answer = signed_in.post(NEW, values(elsewhere, issuer=issuer))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_issuer"' in page
    if why not in {"works"}:
        assert why in page
    assert not Provider.objects.exists()


def _looked_up(host: str, port: int) -> list[str]:
    return ["93.184.215.14"] if host == "example.com" else [host]


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ({"issuer": "https://another.example"}, "another one"),
        ({"token_endpoint": None}, "token_endpoint"),
        ({"authorization_endpoint": "javascript:alert(1)"}, "authorization_endpoint"),
    ],
)
def test_metadata_that_does_not_hold_is_refused(
    signed_in: Browser, elsewhere: openid.Provider, metadata: dict, why: str
) -> None:
    elsewhere.metadata = metadata
    answer = signed_in.post(NEW, values(elsewhere))
    assert answer.status_code == 422
    assert why in answer.content.decode()


def test_loopback_is_refused_unless_the_deployment_allows_it(
    signed_in: Browser, elsewhere: openid.Provider, settings
) -> None:
    settings.WEBHOOK_NETWORKS = []
    assert "private network" in signed_in.post(NEW, values(elsewhere)).content.decode()
    assert elsewhere.asked == [], "nothing was even connected to"


def test_an_answer_without_an_end_is_cut_off(elsewhere: openid.Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LARGEST", 100)
    with pytest.raises(wire.NotReached, match="too long"):
        wire.get_json(wire.ProviderSession(), f"{elsewhere.issuer}/.well-known/openid-configuration")


def test_a_name_that_leads_inside_later_is_refused_when_it_is_called(
    client: Browser, provider: Provider, settings, member: Client
) -> None:
    """The address is checked at each connection, not only when it was typed."""
    build = AppBuild.objects.create(business=member.business, name="App", slug="app", account_deletion=True)
    settings.WEBHOOK_NETWORKS = []
    answer = client.get(reverse("openid:set-out", args=[build.slug, provider.pk]), follow=True)
    assert "did not answer" in answer.content.decode()


@pytest.mark.parametrize("given", ["nothing", "no key", "another curve", "a public key", "right"])
def test_apple_needs_its_own(signed_in: Browser, elsewhere: openid.Provider, settings, given: str) -> None:
    settings.APPLE_ISSUER = elsewhere.issuer
    key = ECKey.generate_key("P-256")
    pem = {
        "nothing": "",
        "no key": "not a key",
        "another curve": ECKey.generate_key("P-384").as_pem(private=True).decode(),
        "a public key": key.as_pem(private=False).decode(),
        "right": key.as_pem(private=True).decode(),
    }[given]
    more = {} if given == "nothing" else {"apple_team": "TEAM123456", "apple_key": "KEY1234567"}
    answer = signed_in.post(NEW, values(elsewhere, secret=pem, **more))
    if given == "right":
        assert answer.status_code == 302
        return
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_secret"' in page
    if given == "nothing":
        assert 'href="#id_apple_team"' in page
        assert 'href="#id_apple_key"' in page


@pytest.mark.parametrize("role", ["employee", "manager", "administrator_without_access"])
def test_only_administrators_with_access(
    request: pytest.FixtureRequest, client: Browser, administrator: StaffMember, provider: Provider, role: str
) -> None:
    if role == "administrator_without_access":
        administrator.access_group.access = False
        administrator.access_group.save()
        who = administrator
    else:
        who = request.getfixturevalue(role)
    sign_in(client, who)
    for url in (LIST, NEW, f"{LIST}{provider.pk}/"):
        assert client.get(url).status_code == 403
        assert client.post(url).status_code in {403, 405}


def test_strangers_members_nobody_and_the_wrong_method(
    client: Browser, provider: Provider, stranger: StaffMember, member: Client, administrator: StaffMember
) -> None:
    pages = (LIST, NEW, f"{LIST}{provider.pk}/")
    assert all(client.get(url)["Location"].startswith("/sign-in/") for url in pages)
    sign_in(client, member)
    assert all(client.get(url).status_code == 403 for url in pages)
    sign_in(client, stranger)
    assert "Harbour ID" not in client.get(LIST).content.decode()
    assert client.get(pages[2]).status_code == client.post(pages[2], {"name": "x"}).status_code == 404
    sign_in(client, administrator)
    assert all(client.get(url).status_code == 200 for url in pages)
    assert client.post(LIST).status_code == 405
    assert all(client.delete(url).status_code == 405 for url in pages)


def test_the_list_takes_a_fixed_number_of_statements(
    signed_in: Browser, administrator: StaffMember, django_assert_num_queries
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for many in (1, 30):
        for number in range(many):
            Provider.objects.create(
                business=administrator.business, name="X", issuer=f"https://{many}-{number}.example", client_id="c"
            )
        with CaptureQueriesContext(connection) as caught:
            signed_in.get(LIST)
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_every_view_of_these_lists_is_tested() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == {"set-out", "finish", "connect", "disconnect"}
    assert {pattern.name for pattern in settings_urls.urlpatterns} == {"list", "new", "edit"}
    assert "openid-back" in {getattr(pattern, "name", "") for pattern in get_resolver().url_patterns}
