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
    assert "No client has been deleted yet" in browser.get(PAGE).content.decode()
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
    assert "The payment provider did not answer" not in browser.get(PAGE).content.decode()
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
    assert "Try all 3" in browser.get(PAGE).content.decode()
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


def waits(business: Business, cause: str, count: int = 1, kind: str = "webhook.deliver") -> list[Effect]:
    """Effects of a business that failed by one cause and are tried again in an hour."""
    later = timezone.now() + datetime.timedelta(hours=1)
    alike = {"attempts": 1 if cause else 2, "last_error": cause, "next_try_at": later}
    return Effect.objects.bulk_create(
        [Effect(kind=kind, payload={"business": business.pk, "endpoint": 1}, **alike) for _ in range(count)]
    )


def due(rows: list[Effect]) -> int:
    return Effect.objects.filter(pk__in=[row.pk for row in rows], next_try_at__lte=timezone.now()).count()


def test_hundreds_of_one_cause_are_one_line(business: Business, administrator: StaffMember, client: Browser) -> None:
    many, other = waits(business, "The endpoint answered 500.", 300), waits(business, "The endpoint answered 403.", 2)
    page = sign_in(client, administrator).get(PAGE).content.decode()
    assert page.count("The endpoint answered 500.</td>") == page.count("The endpoint answered 403.</td>") == 1
    assert "Try all 302 now" in page
    with CaptureQueriesContext(connection) as seen:
        assert outstanding.find(business).total == 302
    assert len(seen) == 1
    client.post("/privacy/outstanding/retry/", {"kind": "webhook.deliver", "cause": "The endpoint answered 403."})
    assert (due(many), due(other)) == (0, 2)
    client.post(f"/privacy/outstanding/{many[0].pk}/retry/")
    assert due(many) == 1, "one is tried, to see whether the other side is back"
    client.post("/privacy/outstanding/retry/")
    assert due(many) == 300


def test_a_list_of_many_causes_is_cut_and_counted(
    business: Business, administrator: StaffMember, client: Browser
) -> None:
    for number in range(outstanding.LISTED + 7):
        waits(business, f"The endpoint answered {400 + number}.")
    page = sign_in(client, administrator).get(PAGE).content.decode()
    assert page.count("The endpoint answered") == outstanding.LISTED
    assert "and 7 more" in page


def test_what_ends_its_worker_is_shown_although_it_leaves_no_cause(
    business: Business, administrator: StaffMember, client: Browser
) -> None:
    (effect,) = waits(business, "")
    assert "The worker ended in the middle of it." in sign_in(client, administrator).get(PAGE).content.decode()
    client.post("/privacy/outstanding/retry/", {"kind": effect.kind, "cause": "The worker ended in the middle of it."})
    assert due([effect]) == 1


def test_a_cleaning_is_everybodys_and_no_failure_while_it_waits_for_the_night(
    business: Business, administrator: StaffMember, stranger: StaffMember
) -> None:
    tonight = timezone.now() + datetime.timedelta(hours=9)
    effect = Effect.objects.create(kind="bytes.clean", payload={"using": "default"}, next_try_at=tonight)
    for who in (administrator, stranger):
        assert outstanding.count(who.business) == 0
    Effect.objects.filter(pk=effect.pk).update(attempts=1, last_error="No room.")
    for who in (administrator, stranger):
        page = sign_in(Browser(), who).get(PAGE).content.decode()
        assert "Rewrite the database’s files" in page
        assert "No room." in page


def test_which_kind_of_empty_it_is(club: Club, administrator: StaffMember, client: Browser) -> None:
    browser = sign_in(client, administrator)
    assert "No client has been deleted yet" in browser.get(PAGE).content.decode()
    person = make.make_client(club)
    make.make_membership(person, provider_reference="sub_1", status="cancelled")
    erase(person, by=administrator.user, reason="asked", fingerprint=pipeline.preview(Client, [person.pk]).fingerprint)
    assert "Nothing has failed. 1 is on its way, or waits for its time." in browser.get(PAGE).content.decode()
    Effect.objects.update(next_try_at=timezone.now())
    outbox.drain()
    assert "Nothing has failed and waits to be tried again" in browser.get(PAGE).content.decode()


def test_an_open_page_shows_what_becomes_of_a_try(
    business: Business, administrator: StaffMember, client: Browser
) -> None:
    (effect,) = waits(business, "The endpoint answered 500.")
    browser = sign_in(client, administrator)
    assert 'hx-trigger="every 5s"' in browser.get(PAGE).content.decode()
    token = outstanding.find(business).token
    part = "/privacy/outstanding/"
    assert browser.get(part, {"seen": token}).status_code == 204, "nothing new, nothing said"
    browser.post(f"{part}{effect.pk}/retry/")
    answer = browser.get(part, {"seen": token}).content.decode()
    assert "Now</span>" in answer
    assert 'hx-swap-oob="innerHTML"' in answer
    Effect.objects.filter(pk=effect.pk).update(done_at=timezone.now())
    answer = browser.get(part, {"seen": token}).content.decode()
    assert "Nothing has failed" in answer
    assert "every 5s" not in answer, "it stops asking"


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
    (shown,) = outstanding.find(club.business).listed
    assert (shown.label, shown.attempts) == ("Delete stored images", 1)
    assert b"canary" in bucket.all_bytes()
    settings.STORAGES = here
    assert default_storage.exists(image.original.name)
    outstanding.retry(club.business, shown.pk)
    assert outbox.drain() == 1
    assert bucket.all_bytes() == b""
