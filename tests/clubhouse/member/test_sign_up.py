"""Opening an account in the app (row F2), and the forgotten who come back."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.member import accounts
from clubhouse.member.models import AppBuild, SignUp
from clubhouse.schedule.models import Club
from tests.clubhouse.member.pages import at, confirm
from tests.support import factories as make
from tests.support.dump import logical_dump
from tests.support.mail import Sink
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
EMAIL = "newcomer.canary@example.com"


def ask(browser: Browser, build: AppBuild, sink: Sink, email: str = EMAIL) -> str:
    """Ask for the link, and give the address in the mail."""
    assert browser.post(at(build, "sign-up"), {"email": email})["Location"] == at(build, "sign-up-mailed")
    text = sink.messages[-1].get_body(("plain",)).get_content()
    found = re.search(r"http://testserver(/\S+)", text)
    assert found
    return found.group(1)


def fill(where: Club, link: str, **more: str) -> dict[str, str]:
    values = {"email": EMAIL, "first_name": "Nova", "last_name": "Comer", "club": str(where.pk)}
    return values | {"password": make.PASSWORD, "token": link.rstrip("/").rpartition("/")[2]} | more


def test_an_account_is_opened_by_the_mailed_link(client: Browser, build: AppBuild, club: Club, mail_sink: Sink) -> None:
    link = ask(client, build, mail_sink)
    assert EMAIL.encode() not in logical_dump(connection) if connection.vendor == "sqlite" else True
    page = client.get(link)
    assert page.status_code == 200
    assert f'action="{at(build, "sign-up-send")}"' in page.content.decode(), "the token is in no address that is sent"
    answer = client.post(at(build, "sign-up-send"), fill(club, link))
    assert answer["Location"] == at(build, "home")
    member = Client.objects.get(email=EMAIL)
    assert (member.status, member.home_club, member.business) == ("lead", club, build.business)
    assert "nova" in member.search_text
    assert "Hello Nova" in client.get(at(build, "home")).content.decode(), "signed in"
    assert not SignUp.objects.exists()
    assert Browser().get(link).status_code == 410, "it works once"
    assert Browser().post(at(build, "sign-in"), {"email": EMAIL, "password": make.PASSWORD}).status_code == 302


def test_the_page_does_not_tell_who_has_an_account(
    client: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    link = ask(client, build, mail_sink, member.email)
    assert link == at(build, "sign-in")
    assert "You have an account" in mail_sink.messages[-1].get_body(("plain",)).get_content()
    assert User.objects.filter(audience="member").count() == 1


def test_the_address_is_the_one_the_mail_went_to(client: Browser, build: AppBuild, club: Club, mail_sink: Sink) -> None:
    link = ask(client, build, mail_sink)
    answer = client.post(at(build, "sign-up-send"), fill(club, link, email="other@example.com"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "another address" in page
    assert 'value="Nova"' in page, "nothing is lost"
    assert not Client.objects.exists()
    assert client.post(at(build, "sign-up-send"), fill(club, link, email=EMAIL.upper())).status_code == 302


def test_a_short_password_and_another_businesss_club_are_refused(
    client: Browser, build: AppBuild, club: Club, mail_sink: Sink
) -> None:
    link = ask(client, build, mail_sink)
    elsewhere = make.make_club(make.make_business())
    for more in ({"password": "short"}, {"club": str(elsewhere.pk)}, {"first_name": ""}):
        assert client.post(at(build, "sign-up-send"), fill(club, link, **more)).status_code == 422
    assert not Client.objects.exists()


def test_a_link_ends_after_a_day_and_is_forgotten(
    client: Browser, build: AppBuild, club: Club, mail_sink: Sink
) -> None:
    link = ask(client, build, mail_sink)
    SignUp.objects.update(created_at=make.in_days(-1.01))
    assert client.get(link).status_code == 410
    assert client.post(at(build, "sign-up-send"), fill(club, link)).status_code == 410
    ask(client, build, mail_sink, "fresh@example.com")
    assert accounts.forget_old_links(timezone.now()) == 1
    assert SignUp.objects.count() == 1


def test_a_link_of_another_build_opens_nothing(client: Browser, build: AppBuild, club: Club, mail_sink: Sink) -> None:
    link = ask(client, build, mail_sink)
    other = AppBuild.objects.create(
        business=make.make_business(), name="Other", slug="other", sign_up=True, account_deletion=True
    )
    assert client.get(link.replace(build.slug, other.slug, 1)).status_code == 410


def test_nobody_is_flooded(client: Browser, build: AppBuild, club: Club, mail_sink: Sink) -> None:
    for _ in range(5):
        answer = client.post(at(build, "sign-up"), {"email": EMAIL})
        assert answer["Location"] == at(build, "sign-up-mailed"), "the page says the same"
    assert len(mail_sink.messages) == 3


def test_a_mail_server_that_is_away_is_said(client: Browser, build: AppBuild, club: Club, settings) -> None:
    settings.EMAIL_HOST = ""
    answer = client.post(at(build, "sign-up"), {"email": EMAIL})
    assert answer.status_code == 422
    assert "could not be sent" in answer.content.decode()
    assert not SignUp.objects.exists()


def test_a_known_client_gets_a_sign_in_and_keeps_the_record(
    client: Browser, build: AppBuild, club: Club, mail_sink: Sink
) -> None:
    known = make.make_client(club, email=EMAIL, first_name="Known")
    link = ask(client, build, mail_sink)
    client.post(at(build, "sign-up-send"), fill(club, link))
    known.refresh_from_db()
    assert known.user is not None
    assert (known.first_name, known.status) == ("Known", "active")
    assert Client.objects.count() == 1


def test_who_was_forgotten_comes_back_without_a_history(
    client: Browser, build: AppBuild, club: Club, mail_sink: Sink
) -> None:
    before = make.make_client(club, member=True, email=EMAIL)
    make.make_booking(make.make_session(club, days=-9), before)
    sign_in(client, before)
    assert confirm(client, build, password=make.PASSWORD).status_code == 302
    browser = Browser()
    link = ask(browser, build, mail_sink)
    browser.post(at(build, "sign-up-send"), fill(club, link))
    again = Client.objects.get(email=EMAIL)
    assert again.pk != before.pk
    assert not again.bookings.exists()
    assert again.status == "lead"


def test_a_business_without_a_club_takes_nobody(client: Browser, build: AppBuild) -> None:
    assert "no club yet" in client.get(at(build, "sign-up")).content.decode()
