"""The administrator's own password once more, right before a deletion, at both doors."""

from __future__ import annotations

import re
from html import unescape

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe.models import Receipt, Run
from tests.support import factories as make
from tests.support.sign_in import sign_in

DOORS = ("toggle", "status")


@pytest.fixture
def strict(business: Business) -> Business:
    business.password_before_deletion = True
    business.save()
    return business


@pytest.fixture
def signed_in(client: Browser, strict: Business, administrator: StaffMember) -> Browser:
    return sign_in(client, administrator)


def page_of(browser: Browser, door: str, record: Client) -> str:
    if door == "toggle":
        address = reverse("clients:information", args=[record.pk]) + "?delete=on&confirm=yes"
        return unescape(browser.get(address).content.decode())
    return unescape(browser.post(reverse("users:edit", args=[record.pk]), {"status": "deleted"}).content.decode())


def send(browser: Browser, door: str, record: Client, page: str, **values: str):
    found = re.search(r'name="fingerprint" value="([^"]+)"', page)
    assert found, "the page goes on from here"
    sent = {"fingerprint": found.group(1)} | values
    if door == "toggle":
        return browser.post(reverse("clients:delete", args=[record.pk]), sent)
    return browser.post(reverse("users:edit", args=[record.pk]), sent | {"status": "deleted"})


@pytest.mark.parametrize("door", DOORS)
def test_the_right_password_deletes_once(signed_in: Browser, club: Club, door: str) -> None:
    record = make.make_client(club)
    page = page_of(signed_in, door, record)
    assert "Your own password" in page
    answer = send(signed_in, door, record, page, own_password=make.PASSWORD)
    assert answer["Location"] == reverse("privacy:receipt", args=[Receipt.objects.get().number])
    again = send(signed_in, door, record, page, own_password=make.PASSWORD)
    assert again["Location"] == reverse("privacy:already-deleted")
    assert Run.objects.count() == 1
    assert not AccessAttempt.objects.exists()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("entered", ["", "wrong"])
def test_a_wrong_password_keeps_the_form_and_deletes_nothing(
    signed_in: Browser, club: Club, door: str, entered: str
) -> None:
    record = make.make_client(club)
    answer = send(signed_in, door, record, page_of(signed_in, door, record), own_password=entered)
    page = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "Nothing was deleted" in page
    assert 'href="#own-password"' in page
    assert 'value="wrong"' not in page
    assert not Run.objects.exists()
    assert AccessAttempt.objects.count() == (1 if entered else 0), "an empty field is no try"
    assert send(signed_in, door, record, page, own_password=make.PASSWORD).status_code == 302


@pytest.mark.parametrize("door", DOORS)
def test_wrong_passwords_count_to_the_lockout(
    signed_in: Browser, strict: Business, administrator: StaffMember, club: Club, door: str
) -> None:
    record = make.make_client(club)
    page = page_of(signed_in, door, record)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        assert send(signed_in, door, record, page, own_password="wrong").status_code == 422
    answer = send(signed_in, door, record, page, own_password=make.PASSWORD)
    assert answer.status_code == 429
    assert "Wait 15 minutes" in answer.content.decode()
    assert not Run.objects.exists()
    entering = {"email": administrator.user.email, "password": make.PASSWORD}
    assert Browser().post(reverse("business-sign-in", args=[strict.slug]), entering).status_code == 429


@pytest.mark.parametrize("door", DOORS)
def test_a_business_that_does_not_want_it_is_not_asked(
    client: Browser, administrator: StaffMember, club: Club, door: str
) -> None:
    sign_in(client, administrator)
    record = make.make_client(club)
    page = page_of(client, door, record)
    assert "own_password" not in page
    assert send(client, door, record, page)["Location"].startswith("/privacy/receipts/")


def test_somebody_elses_password_does_not_do(signed_in: Browser, club: Club) -> None:
    record, other = make.make_client(club), make.make_staff(club.business)
    other.user.set_password("another long password")
    other.user.save()
    page = page_of(signed_in, "toggle", record)
    assert send(signed_in, "toggle", record, page, own_password="another long password").status_code == 422


def test_it_is_switched_on_in_the_privacy_settings(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    url = reverse("privacy:settings")
    sent = {"deletion_mode": "settle_first", "email_domain": "erased.invalid"}
    client.post(url, sent | {"ask_password": "on"})
    administrator.business.refresh_from_db()
    assert administrator.business.password_before_deletion
    assert re.search(r'name="ask_password"[^>]*checked', client.get(url).content.decode())
    client.post(url, sent)
    administrator.business.refresh_from_db()
    assert not administrator.business.password_before_deletion
