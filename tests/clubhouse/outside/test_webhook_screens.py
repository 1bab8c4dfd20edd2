"""The administrator's screens for webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from clubhouse.webhooks import services
from clubhouse.webhooks.models import Delivery, Endpoint
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.clubhouse.outside.conftest import allow_loopback
from tests.support import factories as make
from tests.support.outside import Listener
from tests.support.sign_in import sign_in

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def loopback(settings: SettingsWrapper) -> None:
    allow_loopback(settings)


@pytest.fixture
def endpoint(business: Business, http_listener: Listener) -> Endpoint:
    return services.add(business, url=http_listener.address, description="Mailing lists")


def delivered(club: Club) -> Delivery:
    client = make.make_client(club)
    pipeline.erase(Client, [client.pk], by="account:1", reason="asked at the desk")
    outbox.drain()
    return Delivery.objects.get()


def addresses(endpoint: Endpoint, delivery: Delivery) -> dict[str, tuple[str, ...]]:
    """Every address and the methods it takes."""
    one = [endpoint.pk]
    return {
        reverse("webhooks:list"): ("get",),
        reverse("webhooks:new"): ("get", "post"),
        reverse("webhooks:endpoint", args=one): ("get", "post"),
        reverse("webhooks:rotate", args=one): ("post",),
        reverse("webhooks:test", args=one): ("post",),
        reverse("webhooks:remove", args=one): ("post",),
        reverse("webhooks:resend", args=[endpoint.pk, delivery.pk]): ("post",),
    }


def test_add_see_change_and_remove(
    business: Business, administrator: StaffMember, client: Browser, http_listener: Listener
) -> None:
    browser = sign_in(client, administrator)
    assert "No other system is told" in browser.get("/webhooks/").content.decode()
    sent = browser.post("/webhooks/new/", {"url": f" {http_listener.address}/a ", "description": "Mail"}, follow=True)
    endpoint = Endpoint.objects.get()
    assert (endpoint.business, endpoint.url, endpoint.is_on) == (business, f"{http_listener.address}/a", True)
    page = sent.content.decode()
    assert endpoint.secret in page
    assert "Nothing has been sent yet" in page
    listed = browser.get("/webhooks/").content.decode()
    assert endpoint.url in listed
    assert endpoint.secret not in listed
    changed = {"url": f"{http_listener.address}/b", "description": "Mail 2"}
    assert browser.post(f"/webhooks/{endpoint.pk}/", changed).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.description, endpoint.is_on) == (changed["url"], "Mail 2", False)
    assert "Switched off" in browser.get("/webhooks/").content.decode()
    assert browser.post(f"/webhooks/{endpoint.pk}/remove/").status_code == 302
    assert not Endpoint.objects.exists()


def test_the_log_and_sending_again(
    endpoint: Endpoint, club: Club, administrator: StaffMember, client: Browser, http_listener: Listener
) -> None:
    http_listener.answer(500, 200, 200)
    delivery = delivered(club)
    browser = sign_in(client, administrator)
    page = browser.get(f"/webhooks/{endpoint.pk}/").content.decode()
    assert "Not delivered" in page
    assert "The endpoint answered 500." in page
    assert delivery.receipt in page
    assert "Failing" in browser.get("/webhooks/").content.decode()
    assert browser.post(f"/webhooks/{endpoint.pk}/deliveries/{delivery.pk}/resend/").status_code == 302
    outbox.drain()
    page = browser.get(f"/webhooks/{endpoint.pk}/").content.decode()
    assert "Not delivered" not in page
    assert "Delivered" in page
    assert "Failing" not in browser.get("/webhooks/").content.decode()
    assert len(http_listener.asked) == 2


def test_a_test_and_a_new_secret(
    endpoint: Endpoint, administrator: StaffMember, client: Browser, http_listener: Listener
) -> None:
    browser = sign_in(client, administrator)
    browser.post(f"/webhooks/{endpoint.pk}/test/")
    outbox.drain()
    assert b"webhook.test" in http_listener.asked[0].body
    page = browser.post(f"/webhooks/{endpoint.pk}/rotate/", follow=True).content.decode()
    old = endpoint.secret
    endpoint.refresh_from_db()
    assert endpoint.secret in page
    assert old not in page
    assert "signed with the old secret too until" in page
    assert endpoint.previous_secret_until > timezone.now()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "required"),
        ("https://10.0.0.1/hooks", "private network"),
        ("https://169.254.169.254/latest/meta-data", "private network"),
        ("ftp://example.com", "not an address"),
        ("https://name:pass@1.1.1.1/", "without a user name"),
    ],
)
def test_an_address_that_cannot_be_used_is_explained(
    administrator: StaffMember, client: Browser, url: str, why: str
) -> None:
    response = sign_in(client, administrator).post("/webhooks/new/", {"url": url, "description": "Kept"})
    assert response.status_code == 422
    assert why in response.content.decode()
    assert 'value="Kept"' in response.content.decode()
    assert not Endpoint.objects.exists()


def test_loopback_is_refused_unless_allowed(
    administrator: StaffMember, client: Browser, settings: SettingsWrapper, http_listener: Listener
) -> None:
    settings.WEBHOOK_NETWORKS = []
    response = sign_in(client, administrator).post("/webhooks/new/", {"url": http_listener.address})
    assert "private network" in response.content.decode()
    assert not Endpoint.objects.exists()


def test_the_same_address_twice_is_refused(endpoint: Endpoint, administrator: StaffMember, client: Browser) -> None:
    response = sign_in(client, administrator).post("/webhooks/new/", {"url": endpoint.url})
    assert response.status_code == 422
    assert "already" in response.content.decode()


def test_only_administrators_of_the_business(
    endpoint: Endpoint, club: Club, manager: StaffMember, employee: StaffMember, stranger: StaffMember
) -> None:
    found = addresses(endpoint, delivered(club))
    before = list(Endpoint.objects.values()), Effect.objects.count()
    for who, wanted in ((manager, 403), (employee, 403), (stranger, 404)):
        browser = sign_in(Browser(), who)
        for address, methods in found.items():
            if who is stranger and str(endpoint.pk) not in address:
                continue
            for method in methods:
                assert getattr(browser, method)(address).status_code == wanted, (who.role, method, address)
    for address, methods in found.items():
        for method in methods:
            assert getattr(Browser(), method)(address).status_code == 302, address
    assert endpoint.url not in sign_in(Browser(), stranger).get("/webhooks/").content.decode()
    assert (list(Endpoint.objects.values()), Effect.objects.count()) == before


def test_the_wrong_method(endpoint: Endpoint, club: Club, administrator: StaffMember, client: Browser) -> None:
    browser = sign_in(client, administrator)
    for address, methods in addresses(endpoint, delivered(club)).items():
        for method in {"get", "post", "put", "delete"} - set(methods):
            assert getattr(browser, method)(address).status_code == 405, (method, address)


def test_a_delivery_of_another_endpoint_is_not_found(
    endpoint: Endpoint, club: Club, administrator: StaffMember, client: Browser, http_listener: Listener
) -> None:
    delivery = delivered(club)
    other = services.add(club.business, url=f"{http_listener.address}/other", description="")
    response = sign_in(client, administrator).post(f"/webhooks/{other.pk}/deliveries/{delivery.pk}/resend/")
    assert response.status_code == 404
