"""Row N4: what keeps failing is never given up silently; the business's administrators see it and can try it now."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client, ProfileImage
from clubhouse.memberships.models import Membership
from clubhouse.memberships.services import cancel_memberships
from clubhouse.privacy import outstanding
from clubhouse.privacy.services import erase
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from clubhouse.webhooks import services as webhooks
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.clubhouse.outside.conftest import Bucket, allow_loopback
from tests.support import factories as make
from tests.support.outside import Listener
from tests.support.sign_in import sign_in

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/privacy/settings/"


def failed(club: Club, by: StaffMember, settings: SettingsWrapper) -> Effect:
    """An erasure whose subscription could not be cancelled at the provider, which is down."""
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_x", "http://127.0.0.1:9"
    client = make.make_client(club)
    make.make_membership(client, provider_reference="sub_canary", status="cancelled")
    erase(client, by=by.user, reason="asked", fingerprint=pipeline.preview(Client, [client.pk]).fingerprint)
    assert outbox.drain() == 0
    return Effect.objects.get(kind="payment.cancel_subscription", done_at=None)


def test_it_is_shown_with_cause_and_age(
    club: Club, administrator: StaffMember, client: Browser, settings: SettingsWrapper
) -> None:
    browser = sign_in(client, administrator)
    assert "Nothing has failed and waits" in browser.get(PAGE).content.decode()
    effect = failed(club, administrator, settings)
    Effect.objects.update(created_at=timezone.now() - datetime.timedelta(days=3))
    page = browser.get(PAGE).content.decode()
    assert "Cancel subscriptions at the payment provider" in page
    assert "The payment provider did not answer." in page
    assert "3\xa0days" in page
    assert f"/privacy/outstanding/{effect.pk}/retry/" in page
    assert "not yet done outside" in page, "the menu counts it"
    assert "canary" not in page


def test_trying_it_now(
    club: Club, administrator: StaffMember, client: Browser, settings: SettingsWrapper, http_listener: Listener
) -> None:
    effect = failed(club, administrator, settings)
    settings.STRIPE_API = http_listener.address
    http_listener.answer(200, headers={"Content-Type": "application/json"}, body=b"{}")
    assert outbox.drain() == 0, "not due yet"
    browser = sign_in(client, administrator)
    page = browser.post(f"/privacy/outstanding/{effect.pk}/retry/", follow=True).content.decode()
    assert "It is tried now." in page
    assert outbox.drain() == 1
    assert "Nothing has failed and waits" in browser.get(PAGE).content.decode()
    page = browser.post(f"/privacy/outstanding/{effect.pk}/retry/", follow=True).content.decode()
    assert "done in the meantime" in page


def test_an_effect_that_waits_for_its_first_try_is_no_failure(club: Club, administrator: StaffMember) -> None:
    client = make.make_client(club)
    make.make_membership(client, provider_reference="sub_1", status="cancelled")
    erase(client, by=administrator.user, reason="asked", fingerprint=pipeline.preview(Client, [client.pk]).fingerprint)
    assert Effect.objects.filter(done_at=None).exists()
    assert outstanding.count(administrator.business) == 0


def test_only_the_business_whose_it_is(
    club: Club, administrator: StaffMember, stranger: StaffMember, manager: StaffMember, settings: SettingsWrapper
) -> None:
    effect = failed(club, administrator, settings)
    before = Effect.objects.values_list("next_try_at").get(pk=effect.pk)
    assert outstanding.count(stranger.business) == 0
    assert "Cancel subscriptions" not in sign_in(Browser(), stranger).get(PAGE).content.decode()
    for address in (f"/privacy/outstanding/{effect.pk}/retry/", "/privacy/outstanding/retry/"):
        assert sign_in(Browser(), stranger).post(address).status_code == 302
        assert sign_in(Browser(), manager).post(address).status_code == 403
        assert Browser().post(address).status_code == 302
        assert sign_in(Browser(), administrator).get(address).status_code == 405
    assert Effect.objects.values_list("next_try_at").get(pk=effect.pk) == before


def test_an_erasure_whose_receipt_was_not_noted_is_found_by_who_ordered_it(
    club: Club, administrator: StaffMember, settings: SettingsWrapper
) -> None:
    from clubhouse.privacy.models import ErasureReceipt

    failed(club, administrator, settings)
    ErasureReceipt.objects.all().delete()
    assert outstanding.count(administrator.business) == 1


def test_a_cancellation_at_the_desk_is_shown_too(club: Club, stranger: StaffMember, settings: SettingsWrapper) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_x", "http://127.0.0.1:9"
    make.make_membership(make.make_client(club), provider_reference="sub_1")
    cancel_memberships(Membership.objects.all(), on=make.today(), reason="desk")
    outbox.drain()
    assert outstanding.count(club.business) == 1
    assert outstanding.count(stranger.business) == 0


def test_trying_all_now_wakes_an_endpoint_that_was_left_alone(
    club: Club, administrator: StaffMember, client: Browser, settings: SettingsWrapper, http_listener: Listener
) -> None:
    allow_loopback(settings)
    http_listener.answer(500, 200)
    webhooks.add(club.business, url=http_listener.address, description="")
    for _ in range(3):
        person = make.make_client(club)
        erase(
            person,
            by=administrator.user,
            reason="asked",
            fingerprint=pipeline.preview(Client, [person.pk]).fingerprint,
        )
    outbox.drain()
    assert len(http_listener.asked) == 1
    browser = sign_in(client, administrator)
    assert "Try all now" in browser.get(PAGE).content.decode()
    browser.post("/privacy/outstanding/retry/")
    assert outbox.drain() == 3
    assert len(http_listener.asked) == 4


def test_a_worker_that_has_it_in_hand_keeps_it(
    club: Club, administrator: StaffMember, settings: SettingsWrapper
) -> None:
    effect = failed(club, administrator, settings)
    until = timezone.now() + datetime.timedelta(minutes=1)
    Effect.objects.filter(pk=effect.pk).update(leased_until=until, lease="x")
    outstanding.retry(administrator.business)
    effect.refresh_from_db()
    assert (effect.leased_until, effect.lease) == (until, "x")
    assert outbox.take() == []


def test_a_long_list_is_cut_and_counted(business: Business, administrator: StaffMember, client: Browser) -> None:
    rows = [
        Effect(kind="webhook.deliver", payload={"business": business.pk}, attempts=1, last_error="The endpoint failed.")
        for _ in range(outstanding.LISTED + 7)
    ]
    Effect.objects.bulk_create(rows)
    page = sign_in(client, administrator).get(PAGE).content.decode()
    assert page.count("The endpoint failed.") == outstanding.LISTED
    assert "and 7 more" in page
    with CaptureQueriesContext(connection) as seen:
        assert outstanding.outstanding(business).total == len(rows)
    assert len(seen) == 2


def test_an_object_store_that_comes_back(
    bucket: Bucket, club: Club, administrator: StaffMember, settings: SettingsWrapper
) -> None:
    """From end to end: the store is away during the erasure, the administrator sees it, and then it is empty."""
    image = ProfileImage.objects.create(client=make.make_client(club), original=ContentFile(b"canary", name="a.png"))
    here = settings.STORAGES
    away = here["default"]["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:9"}
    settings.STORAGES = here | {"default": here["default"] | {"OPTIONS": away}}
    person = image.client
    erase(person, by=administrator.user, reason="asked", fingerprint=pipeline.preview(Client, [person.pk]).fingerprint)
    assert outbox.drain() == 0
    (shown,) = outstanding.outstanding(club.business).listed
    assert (shown.label, shown.attempts) == ("Delete stored images", 1)
    assert b"canary" in bucket.all_bytes()
    settings.STORAGES = here
    assert default_storage.exists(image.original.name)
    outstanding.retry(club.business, shown.pk)
    assert outbox.drain() == 1
    assert bucket.all_bytes() == b""
