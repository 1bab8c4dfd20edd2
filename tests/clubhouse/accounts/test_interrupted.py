"""A request that was under way when its account was erased ends signed out, at once, and writes nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.sessions.exceptions import SessionInterrupted
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts import signing_in
from clubhouse.accounts.models import Session, User
from clubhouse.accounts.sessions import SessionStore
from clubhouse.clients.models import Client
from clubhouse.member import own_data
from clubhouse.member.models import AppBuild
from lethe import pipeline
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member() -> Client:
    return make.make_client(make.make_club(make.make_business()), member=True)


@pytest.fixture
def build(member: Client) -> AppBuild:
    business = member.business
    let_all_pass(business)
    return AppBuild.objects.create(business=business, name="App", slug=business.slug, account_deletion=True)


@pytest.fixture(autouse=True)
def within_seconds() -> Iterator[None]:
    """A session that is drawn again for ever must not hold up the suite."""

    def over(*_: Any) -> None:
        raise AssertionError("the request did not end")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def erasing_before(function: Callable[..., Any], member: Client) -> Callable[..., Any]:
    """The function, with the erasure committing right before it."""

    def erased_first(*args: Any, **kwargs: Any) -> Any:
        pipeline.erase(Client, [member.pk], by="role:test", reason="asked")
        return function(*args, **kwargs)

    return erased_first


def test_a_session_of_nobody_is_not_drawn_again_for_ever(member: Client) -> None:
    store = SessionStore()
    store["_auth_user_id"] = str(member.user_id)
    store.create()
    account = member.user_id
    Client.objects.filter(pk=member.pk).update(user=None)
    User.objects.filter(pk=account).delete()
    with pytest.raises(SessionInterrupted):
        store.cycle_key()
    assert not Session.objects.filter(user=account).exists()


#: Right before the account's last sign-in is noted, and right before the session is written.
MOMENTS = pytest.mark.parametrize("moment", ["login", "device"])


@MOMENTS
def test_a_sign_in_that_an_erasure_overtakes(
    client: Browser, member: Client, build: AppBuild, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The password was right; a moment later there is no account any more."""
    door = reverse("member:sign-in", args=[build.slug])
    monkeypatch.setattr(signing_in, moment, erasing_before(getattr(signing_in, moment), member))
    answer = client.post(door, {"email": member.email, "password": make.PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, door)
    assert not Session.objects.exclude(user=None).exists()
    again = client.post(door, {"email": member.email, "password": make.PASSWORD})
    assert again.status_code == 422
    assert "do not match an account" in again.content.decode()


@MOMENTS
def test_a_new_password_that_an_erasure_overtakes(
    client: Browser, member: Client, build: AppBuild, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    sign_in(client, member)
    monkeypatch.setattr(signing_in, moment, erasing_before(getattr(signing_in, moment), member))
    sent = {"password": make.PASSWORD, "new_password": "another horse battery"}
    answer = client.post(reverse("member:change-password", args=[build.slug]), sent)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("member:sign-in", args=[build.slug])
    assert not User.objects.exists()
    assert not Session.objects.exclude(user=None).exists()


def test_a_page_that_writes_to_its_session(
    client: Browser, member: Client, build: AppBuild, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message for the next page is in the session, whose row is gone when the page is done."""
    sign_in(client, member)
    User.objects.update(password="!")
    sign_in(client, User.objects.get())
    confirming = own_data.confirming
    monkeypatch.setattr(confirming, "mail_code", erasing_before(lambda *_, **__: None, member))
    answer = client.post(reverse("member:code", args=[build.slug]))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("member:sign-in", args=[build.slug]))
    assert not Session.objects.exists()
