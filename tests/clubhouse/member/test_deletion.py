"""A member deletes their own account (rows F1, F12, H14), by the pages, to the last screen and "Logout"."""

from __future__ import annotations

import datetime
import re
from dataclasses import fields
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.db import connection
from django.test import Client as Browser
from django.utils import timezone

from clubhouse.accounts.models import Session, User
from clubhouse.clients.models import Client
from clubhouse.member import confirming
from clubhouse.member.models import AppBuild, DeletionCheck
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.outgoing import send_due_client_messages
from clubhouse.privacy.orders import MEMBER
from clubhouse.privacy.services import erase
from lethe import outbox
from lethe.models import Receipt, Run
from tests.clubhouse.erasure import evidence
from tests.clubhouse.member.pages import at, confirm, hidden, last_step
from tests.support import factories as make
from tests.support.canaries import Canaries
from tests.support.dump import folder_bytes, logical_dump
from tests.support.mail import Sink
from tests.support.record import Record
from tests.support.sign_in import sign_in

ALL = {field.name for field in fields(Canaries)}
#: Declared as kept: by it a refund or a chargeback that the provider reports later is found. It is the payment's own.
KEPT = {"payment_token"}


def enter(browser: Browser, build: AppBuild, email: str) -> None:
    answer = browser.post(at(build, "sign-in"), {"email": email, "password": make.PASSWORD})
    assert answer["Location"] == at(build, "home")


@pytest.mark.django_db
def test_the_way_there_is_labelled_to_the_letter(client: Browser, build: AppBuild, member: Client) -> None:
    enter(client, build, member.email)
    assert ">Settings</span>" in client.get(at(build, "home")).content.decode()
    assert ">Preferences</span>" in client.get(at(build, "settings")).content.decode()
    assert ">Delete My Account</span>" in client.get(at(build, "preferences")).content.decode()
    page = client.get(at(build, "delete")).content.decode()
    assert "Enter your password" in page
    assert ">Confirm Deletion</button>" in page
    done = client.post(at(build, "delete"), last_step(client, build, password=make.PASSWORD), follow=True)
    assert ">Logout</button>" in done.content.decode()


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_and_nobody_is_written_to(
    client: Browser, build: AppBuild, client_record: Record, mail_sink: Sink, media: Path
) -> None:
    """Canaries, foreign keys, totals and the rows of everybody else, by the member's own hand."""
    evidence.let_all_pass(client_record.client.business)
    make.make_package(client_record.client, credits_used=4, expires_on=make.today() - datetime.timedelta(days=40))
    pk, user = client_record.client.pk, client_record.client.user
    other_device = Browser()
    for browser in (client, other_device):
        enter(browser, build, user.email)
    due = ClientMessage.objects.create(client=client_record.client, kind="receipt", send_after=timezone.now())
    form = last_step(client, build, password=make.PASSWORD)
    moment = timezone.now()
    assert set(client_record.canaries.found_in(logical_dump(connection) + folder_bytes(media))) == ALL
    before, counted = evidence.snapshot(), evidence.totals(moment)
    assert all(counted.values()), "a total over nothing proves nothing"

    answer = client.post(at(build, "delete"), form)

    assert answer["Location"] == at(build, "deleted")
    assert outbox.drain() > 0
    send_due_client_messages(timezone.now())
    assert set(client_record.canaries.found_in(logical_dump(connection) + folder_bytes(media))) == KEPT
    assert evidence.broken_foreign_keys() == []
    assert evidence.totals(moment) == counted
    ignoring = ["accounts.Session", "member.DeletionCheck"]
    assert evidence.unexpected(before, evidence.snapshot(), pk, ignoring=ignoring) == []
    # Row F12: not a word to the client, also none that was queued; the staff did hear.
    assert not ClientMessage.objects.filter(pk=due.pk).exists()
    assert mail_sink.recipients, "the staff is told"
    assert client_record.canaries.found_in(mail_sink.raw()) == []
    # Row H14: signed out everywhere, with the next request, and no way back in.
    assert other_device.cookies["sessionid"].value
    assert other_device.get(at(build, "home"))["Location"].startswith(at(build, "sign-in"))
    assert not Session.objects.filter(user_id=user.pk).exists()
    assert not User.objects.filter(pk=user.pk).exists()
    assert not DeletionCheck.objects.exists()
    attempt = {"email": client_record.canaries.member_email, "password": make.PASSWORD}
    assert Browser().post(at(build, "sign-in"), attempt).status_code == 422


@pytest.mark.django_db
def test_an_old_cookie_is_refused_with_the_next_request(client: Browser, build: AppBuild, member: Client) -> None:
    enter(client, build, member.email)
    old = client.cookies[django_settings.SESSION_COOKIE_NAME].value
    assert confirm(client, build, password=make.PASSWORD).status_code == 302
    thief = Browser()
    thief.cookies[django_settings.SESSION_COOKIE_NAME] = old
    assert thief.get(at(build, "home")).status_code == 302
    assert thief.get(at(build, "preferences")).status_code == 302


@pytest.mark.django_db
def test_the_last_screen_has_the_receipt_and_logout_acknowledges(
    client: Browser, build: AppBuild, member: Client
) -> None:
    make.make_membership(member, provider_reference="sub_1", status="cancelled")
    enter(client, build, member.email)
    answer = confirm(client, build, password=make.PASSWORD)
    number = Receipt.objects.get().number
    assert number not in answer["Location"], "an address is logged"
    page = client.get(answer["Location"]).content.decode()
    assert number in page
    assert "What was settled and removed" in page
    assert 'role="status" id="progress-said"' in page
    assert f'hx-get="{at(build, "progress")}?seen=' in page
    assert "Try now, under Privacy" not in page
    outbox.drain()
    part = client.get(at(build, "progress"))
    assert part.status_code == 200
    assert part["Cache-Control"].startswith("max-age=0, no-cache")
    assert "What is kept, and why" in page
    assert member.first_name not in page
    assert client.get(at(build, "deleted")).status_code == 200, "it can be reloaded"
    assert client.get(at(build, "logout")).status_code == 405
    bye = client.post(at(build, "logout"), follow=True)
    assert bye.redirect_chain[-1][0] == at(build, "goodbye")
    assert "no longer usable" in bye.content.decode()
    assert client.get(at(build, "deleted"))["Location"].startswith(at(build, "sign-in")), "the receipt is put away"
    assert client.get(at(build, "progress"))["HX-Redirect"] == at(build, "goodbye"), "another tab stops asking"
    assert client.post(at(build, "logout")).status_code == 302, "works although nobody is signed in"


@pytest.mark.django_db
def test_logout_works_with_the_csrf_token_of_the_last_screen(build: AppBuild, member: Client) -> None:
    browser = Browser(enforce_csrf_checks=True)
    page = browser.get(at(build, "sign-in")).content.decode()
    token = hidden(page, "csrfmiddlewaretoken")
    signing_in = {"email": member.email, "password": make.PASSWORD, "csrfmiddlewaretoken": token}
    assert browser.post(at(build, "sign-in"), signing_in).status_code == 302
    page = browser.get(at(build, "delete")).content.decode()
    names = ("fingerprint", "ticket", "csrfmiddlewaretoken")
    form = {name: hidden(page, name) for name in names} | {"password": make.PASSWORD}
    last = browser.post(at(build, "delete"), form, follow=True)
    token = hidden(last.content.decode(), "csrfmiddlewaretoken")
    done = browser.post(at(build, "logout"), {"csrfmiddlewaretoken": token})
    assert done["Location"] == at(build, "goodbye")


@pytest.mark.django_db
def test_a_second_click_and_a_second_tab_are_successes(client: Browser, build: AppBuild, member: Client) -> None:
    enter(client, build, member.email)
    first = last_step(client, build, password=make.PASSWORD)
    second = last_step(client, build, password=make.PASSWORD)
    client.post(at(build, "delete"), first)
    number = Receipt.objects.get().number
    again = client.post(at(build, "delete"), first, follow=True)
    assert number in again.content.decode()
    # Another tab of a browser that never got the cookie: the page itself says which deletion was ordered.
    del client.cookies["deleted"]
    tab = client.post(at(build, "delete"), second, follow=True)
    assert tab.status_code == 200
    assert number in tab.content.decode()
    assert client.get(at(build, "delete"))["Location"] == at(build, "deleted")
    assert Run.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("reason", [MEMBER, "Deleted by an administrator"])
def test_two_clicks_at_the_same_moment(
    client: Browser, build: AppBuild, member: Client, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    """The first one ends between this one's sign-in check and its own start."""
    sign_in(client, member)
    form = last_step(client, build, password=make.PASSWORD)
    real = confirming.confirm

    def after_the_other(*args, **kwargs):
        erase(member, by=member.user, reason=reason, fingerprint=form["fingerprint"])
        return real(*args, **kwargs)

    monkeypatch.setattr(confirming, "confirm", after_the_other)
    answer = client.post(at(build, "delete"), form)
    expected = "deleted" if reason == MEMBER else "sign-in"
    assert answer["Location"] == at(build, expected), "the receipt is for whoever ordered the deletion"
    assert not DeletionCheck.objects.exists()
    assert client.get(at(build, "home")).status_code == 302


@pytest.mark.django_db
def test_a_ticket_of_ones_own_making_opens_nothing(client: Browser, build: AppBuild, member: Client) -> None:
    enter(client, build, member.email)
    user = member.user.pk
    confirm(client, build, password=make.PASSWORD)
    answer = Browser().post(at(build, "delete"), {"ticket": str(user)})
    assert answer["Location"] == at(build, "sign-in")


@pytest.mark.django_db
def test_a_wrong_password_deletes_nothing_and_says_so(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    for tried in ("", "wrong"):
        answer = confirm(client, build, password=tried)
        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'class="error-summary"' in page
        assert 'href="#id_password"' in page
        assert "Nothing was deleted" in page
        assert hidden(page, "fingerprint"), "it goes on from here"
    assert not Run.objects.exists()
    assert client.get(at(build, "home")).status_code == 200, "and they are still signed in"
    form = {name: hidden(page, name) for name in ("fingerprint", "ticket")} | {"password": make.PASSWORD}
    assert client.post(at(build, "delete"), form)["Location"] == at(build, "deleted")


@pytest.mark.django_db
def test_guessing_ends_after_five_tries(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    for _ in range(5):
        assert "not the password" in confirm(client, build, password="wrong").content.decode()
    answer = confirm(client, build, password=make.PASSWORD)
    assert answer.status_code == 422
    assert "Wait 15 minutes" in answer.content.decode()
    DeletionCheck.objects.update(tries_since=make.in_days(-1 / 96))
    assert confirm(client, build, password=make.PASSWORD).status_code == 302


@pytest.mark.django_db
def test_what_changed_since_the_page_was_shown_is_named(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    form = last_step(client, build, password=make.PASSWORD)
    ClientMessage.objects.create(client=member, kind="receipt", send_after=timezone.now())
    answer = client.post(at(build, "delete"), form)
    assert answer.status_code == 409
    assert "Changed since the preview" in answer.content.decode()
    assert not Run.objects.exists()
    assert client.post(at(build, "delete"), form | {"fingerprint": ""}).status_code == 409
    assert confirm(client, build, password=make.PASSWORD).status_code == 302


@pytest.mark.django_db
def test_under_cancel_and_erase_the_consequences_are_counted(client: Browser, build: AppBuild, member: Client) -> None:
    member.business.deletion_mode = "cancel_and_erase"
    member.business.save()
    make.make_booking(make.make_session(member.home_club), member)
    make.make_credit(member, "12.50")
    sign_in(client, member)
    page = client.get(at(build, "delete")).content.decode()
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "Upcoming bookings are cancelled 1" in said
    assert "Account credits are forfeited 1 (£12.50)" in said
    assert "What is kept, and why" in said


@pytest.mark.django_db
def test_whom_the_record_says_it_was_by(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    account = member.user.pk
    confirm(client, build, password=make.PASSWORD)
    run = Run.objects.get()
    assert run.by == f"account:{account}"
    assert run.subjects == 1
    assert member.business.erasure_receipts.count() == 1


# --- a member without a password ------------------------------------------------------------------------------------
@pytest.fixture
def social(member: Client) -> Client:
    """A member who signs in with an external identity only."""
    member.user.set_unusable_password()
    member.user.save()
    return member


def code_in(sink: Sink) -> str:
    text = sink.messages[-1].get_body(("plain",)).get_content()
    return re.search(r"\b\d{6}\b", text).group()


@pytest.mark.django_db
def test_without_a_password_a_mailed_code_confirms(
    client: Browser, build: AppBuild, social: Client, mail_sink: Sink
) -> None:
    sign_in(client, social)
    page = client.get(at(build, "delete")).content.decode()
    assert "Enter your password" not in page
    assert client.post(at(build, "delete-code"))["Location"].startswith(at(build, "delete"))
    code = code_in(mail_sink)
    assert mail_sink.recipients == [social.user.email]
    assert code not in DeletionCheck.objects.get().code_hash
    wrong = "000000" if code != "000000" else "111111"
    assert confirm(client, build, code=wrong).status_code == 422
    assert confirm(client, build, code=f" {code[:3]} {code[3:]}")["Location"] == at(build, "deleted")
    assert not DeletionCheck.objects.exists()
    assert len(mail_sink.messages) == 1, "no mail about the outcome"


@pytest.mark.django_db
def test_a_code_ends_after_ten_minutes_and_after_five_tries(
    client: Browser, build: AppBuild, social: Client, mail_sink: Sink
) -> None:
    sign_in(client, social)
    client.post(at(build, "delete-code"))
    code = code_in(mail_sink)
    DeletionCheck.objects.update(code_expires_at=timezone.now())
    assert confirm(client, build, code=code).status_code == 422
    DeletionCheck.objects.update(code_expires_at=make.in_days(1), code_tries=5, tries=0)
    assert confirm(client, build, code=code).status_code == 422
    DeletionCheck.objects.update(code_tries=4, tries=0)
    assert confirm(client, build, code=code).status_code == 302


@pytest.mark.django_db
def test_a_new_code_ends_the_old_one_and_comes_once_a_minute(
    client: Browser, build: AppBuild, social: Client, mail_sink: Sink
) -> None:
    sign_in(client, social)
    client.post(at(build, "delete-code"))
    old = code_in(mail_sink)
    assert client.post(at(build, "delete-code")).status_code == 422
    assert len(mail_sink.messages) == 1
    DeletionCheck.objects.update(code_sent_at=make.in_days(-1))
    client.post(at(build, "delete-code"))
    assert len(mail_sink.messages) == 2
    if code_in(mail_sink) != old:
        assert confirm(client, build, code=old).status_code == 422


@pytest.mark.django_db
def test_a_mail_server_that_is_away_is_said(client: Browser, build: AppBuild, social: Client, settings) -> None:
    settings.EMAIL_HOST = ""
    sign_in(client, social)
    answer = client.post(at(build, "delete-code"))
    assert answer.status_code == 422
    assert "could not be mailed" in answer.content.decode()
    assert mail.outbox == []
    assert not DeletionCheck.objects.exclude(code_hash="").exists()


@pytest.mark.django_db
def test_who_has_a_password_gets_no_code(client: Browser, build: AppBuild, member: Client, mail_sink: Sink) -> None:
    sign_in(client, member)
    assert client.post(at(build, "delete-code"))["Location"] == at(build, "delete")
    assert mail_sink.messages == []
