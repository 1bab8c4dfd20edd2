"""A forgotten password: it says the same whoever exists, the link works once, and an erasure withdraws it (H14)."""

from __future__ import annotations

import datetime
import re

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts import effects, lockout, resets
from clubhouse.accounts.models import PasswordReset, Session, User
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.team.models import StaffMember
from lethe import outbox
from lethe.models import Effect
from tests.support import factories as make
from tests.support.dump import logical_dump
from tests.support.mail import Sink

NEW = "a new long password"


@pytest.fixture
def build(member: Client) -> AppBuild:
    business = member.business
    return AppBuild.objects.create(business=business, name="App", slug=business.slug, account_deletion=True)


def ask(url: str, email: str, **more: str):
    return Browser().post(url, {"email": email} | more)


def link_in(sink: Sink) -> str:
    text = sink.messages[-1].get_body(("plain",)).get_content()
    return re.search(r"http://\S+(/password/choose/\S+/)", text).group(1)


def test_a_colleague_sets_a_new_password(client: Browser, employee: StaffMember, mail_sink: Sink) -> None:
    elsewhere = Browser()
    elsewhere.force_login(employee.user)
    url = reverse("business-password", args=[employee.business.slug])
    assert url in client.get(reverse("business-sign-in", args=[employee.business.slug])).content.decode()
    assert client.post(url, {"email": employee.user.email.upper()})["Location"] == reverse("password-asked")
    assert outbox.drain() == 1
    assert mail_sink.recipients == [employee.user.email]
    link = link_in(mail_sink)
    page = client.get(link)
    assert link not in page.content.decode().split("<form", 1)[1].split(">", 1)[0], "the form's address has no token"
    token = link.rstrip("/").rpartition("/")[2]
    answer = client.post(reverse("password-send"), {"token": token, "password": NEW})
    assert answer["Location"] == reverse("business-sign-in", args=[employee.business.slug])
    employee.user.refresh_from_db()
    assert employee.user.check_password(NEW)
    assert not Session.objects.filter(user=employee.user).exists(), "every earlier sign-in has ended"
    assert elsewhere.get(reverse("clients:list")).status_code == 302
    assert client.get(link).status_code == 410, "it works once"
    assert (
        client.post(reverse("password-send"), {"token": token, "password": "yet another password"}).status_code == 410
    )


def test_a_member_sets_a_new_password(client: Browser, member: Client, build: AppBuild, mail_sink: Sink) -> None:
    url = reverse("member-password", args=[build.slug])
    assert url in client.get(reverse("member:sign-in", args=[build.slug])).content.decode()
    ask(url, member.user.email)
    outbox.drain()
    token = link_in(mail_sink).rstrip("/").rpartition("/")[2]
    answer = client.post(reverse("password-send"), {"token": token, "password": NEW})
    assert answer["Location"] == reverse("business-member-sign-in", args=[member.business.slug])
    signing_in = {"email": member.user.email, "password": NEW}
    assert client.post(reverse("member:sign-in", args=[build.slug]), signing_in).status_code == 302


def test_the_link_says_nothing_of_the_person(employee: StaffMember, mail_sink: Sink) -> None:
    ask(reverse("password"), employee.user.email, business=employee.business.slug)
    outbox.drain()
    token = link_in(mail_sink).rstrip("/").rpartition("/")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token), "32 random bytes and nothing else"
    assert token not in PasswordReset.objects.get().token_hash


@pytest.mark.parametrize("case", ["known", "unknown", "other business", "other audience", "deactivated", "no business"])
def test_every_address_is_answered_alike_in_as_many_statements(
    employee: StaffMember, mail_sink: Sink, case: str
) -> None:
    other = make.make_business(slug="other-gym")
    member = make.make_client(make.make_club(employee.business), member=True)
    idle = make.make_staff(employee.business)
    User.objects.filter(pk=idle.user_id).update(is_active=False)
    email, slug = {
        "known": (employee.user.email, employee.business.slug),
        "unknown": ("nobody@example.com", employee.business.slug),
        "other business": (employee.user.email, other.slug),
        "other audience": (member.user.email, employee.business.slug),
        "deactivated": (idle.user.email, employee.business.slug),
        "no business": (employee.user.email, "no-such-gym"),
    }[case]
    with CaptureQueriesContext(connection) as caught:
        answer = ask(reverse("password"), email, business=slug)
    assert answer["Location"] == reverse("password-asked")
    assert len(caught) == 6, "the same for each, transaction and outbox included"
    outbox.drain()
    assert mail_sink.recipients == ([employee.user.email] if case == "known" else [])


def test_three_mails_a_day_and_the_latest_link_alone(employee: StaffMember, mail_sink: Sink) -> None:
    links = []
    for _ in range(5):
        assert ask(reverse("password"), employee.user.email, business=employee.business.slug).status_code == 302
        outbox.drain()
        links.append(link_in(mail_sink))
    assert len(mail_sink.messages) == 3
    opened = [Browser().get(link).status_code for link in links[:3]]
    assert opened == [410, 410, 200]


def test_a_link_ends_after_an_hour(client: Browser, employee: StaffMember, mail_sink: Sink) -> None:
    ask(reverse("password"), employee.user.email, business=employee.business.slug)
    outbox.drain()
    link = link_in(mail_sink)
    assert client.get(link).status_code == 200
    PasswordReset.objects.update(asked_at=timezone.now() - resets.LASTS)
    assert client.get(link).status_code == 410
    User.objects.filter(pk=employee.user_id).update(is_active=False)
    PasswordReset.objects.update(asked_at=timezone.now())
    assert client.get(link).status_code == 410, "nor for a colleague who was deactivated"


@pytest.mark.parametrize("password", ["short", "password123", "", "9182736455463", "address"])
def test_a_weak_password_is_refused_and_the_link_stays(
    client: Browser, employee: StaffMember, mail_sink: Sink, password: str
) -> None:
    ask(reverse("password"), employee.user.email, business=employee.business.slug)
    outbox.drain()
    token = link_in(mail_sink).rstrip("/").rpartition("/")[2]
    chosen = employee.user.email if password == "address" else password
    answer = client.post(reverse("password-send"), {"token": token, "password": chosen})
    assert answer.status_code == 422
    assert 'href="#id_password"' in answer.content.decode()
    assert client.post(reverse("password-send"), {"token": token, "password": NEW}).status_code == 302


def test_a_new_password_opens_the_lock(employee: StaffMember, mail_sink: Sink) -> None:
    door = reverse("business-sign-in", args=[employee.business.slug])
    for _ in range(6):
        answer = Browser().post(door, {"email": employee.user.email, "password": "wrong"})
    assert answer.status_code == 429
    ask(reverse("password"), employee.user.email, business=employee.business.slug)
    outbox.drain()
    token = link_in(mail_sink).rstrip("/").rpartition("/")[2]
    Browser().post(reverse("password-send"), {"token": token, "password": NEW})
    assert Browser().post(door, {"email": employee.user.email, "password": NEW}).status_code == 302
    assert not lockout.is_locked(lockout.account_key(employee.user))


def test_an_erasure_withdraws_the_link(
    client: Browser, member: Client, build: AppBuild, administrator: StaffMember, mail_sink: Sink
) -> None:
    ask(reverse("member-password", args=[build.slug]), member.user.email)
    outbox.drain()
    link = link_in(mail_sink)
    assert client.get(link).status_code == 200
    erase(member, by=administrator.user, reason="test", fingerprint=look(member).fingerprint)
    assert client.get(link).status_code == 410
    assert not PasswordReset.objects.exists()


def test_an_erased_client_gets_no_mail_that_was_asked_for_before(
    member: Client, build: AppBuild, administrator: StaffMember, mail_sink: Sink
) -> None:
    address = member.user.email
    ask(reverse("member-password", args=[build.slug]), address)
    waiting = Effect.objects.get(kind=resets.MAIL)
    erase(member, by=administrator.user, reason="test", fingerprint=look(member).fingerprint)
    outbox.drain()
    waiting.refresh_from_db()
    assert waiting.receipt == {"outcome": "withdrawn"}
    ask(reverse("member-password", args=[build.slug]), address)
    outbox.drain()
    assert address not in mail_sink.recipients


def test_a_mail_server_that_is_away_is_tried_again(employee: StaffMember, settings, mail_sink: Sink) -> None:
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    ask(reverse("password"), employee.user.email, business=employee.business.slug)
    assert outbox.drain() == 0
    effect = Effect.objects.get(kind=resets.MAIL)
    assert "mail server" in effect.last_error
    assert employee.user.email not in effect.last_error
    settings.EMAIL_PORT = port
    Effect.objects.update(next_try_at=timezone.now())
    assert outbox.drain() == 1
    assert Browser().get(link_in(mail_sink)).status_code == 200
    late = PasswordReset.objects.create(
        user=employee.user, asked_today="x", asked_at=timezone.now() - datetime.timedelta(hours=2)
    )
    assert resets.mail(late.pk, now=timezone.now()) == {"outcome": "too late to be of use"}
    settings.EMAIL_HOST = ""
    row = PasswordReset.objects.create(user=employee.user, asked_today="y")
    assert resets.mail(row.pk, now=timezone.now()) == {"outcome": "no mail server"}


@pytest.mark.django_db(transaction=True)
def test_what_was_typed_is_kept_nowhere(client: Browser, employee: StaffMember) -> None:
    typed = "Canary-Typed@example.com"
    ask(reverse("password"), typed, business=employee.business.slug)
    assert PasswordReset.objects.filter(user=None).count() == 1
    assert b"canary-typed" not in logical_dump(connection).lower()


def test_what_is_old_is_forgotten(employee: StaffMember) -> None:
    ask(reverse("password"), employee.user.email, business=employee.business.slug)
    outbox.drain()
    yesterday = timezone.now() - resets.REMEMBERED
    PasswordReset.objects.update(asked_at=yesterday)
    Effect.objects.update(done_at=yesterday)
    Session.objects.create(session_key="old", session_data="e30", expire_date=yesterday)
    kept = PasswordReset.objects.create(asked_today="z")
    effects.tidy(timezone.now())
    assert PasswordReset.objects.get() == kept
    assert not Effect.objects.exists()
    assert not Session.objects.filter(session_key="old").exists()


def test_pages_that_are_not_there_and_wrong_methods(client: Browser, employee: StaffMember) -> None:
    assert client.get(reverse("business-password", args=["no-such-gym"])).status_code == 404
    assert client.get(reverse("member-password", args=["no-such-app"])).status_code == 404
    assert client.get(reverse("password-choose", args=["nothing"])).status_code == 410
    assert client.get(reverse("password-send")).status_code == 410
    assert client.post(reverse("password-send"), {}).status_code == 410
    assert client.post(reverse("password-asked")).status_code == 405
    assert "Look in your mailbox" in client.get(reverse("password-asked")).content.decode()
    for url in (
        reverse("password"),
        reverse("password-send"),
        reverse("business-password", args=[employee.business.slug]),
    ):
        assert client.delete(url).status_code == 405
    answer = client.post(reverse("password"), {"email": "not an address", "business": ""})
    assert answer.status_code == 422
    assert 'href="#id_business"' in answer.content.decode()
