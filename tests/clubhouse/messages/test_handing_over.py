"""A mail that is on its way to a client, and an erasure at that very moment: it waits, and no transaction is open."""

from __future__ import annotations

import asyncio
import datetime
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts import resets
from clubhouse.accounts.models import PasswordReset, User
from clubhouse.clients.models import Client
from clubhouse.member import accounts, confirming
from clubhouse.member.models import AppBuild, SignUp
from clubhouse.messages.effects import client_messages
from clubhouse.messages.handing_over import LONGEST
from clubhouse.messages.models import ClientMessage, HandOver
from clubhouse.messages.outgoing import send_due_client_messages
from clubhouse.privacy.selectors import look
from lethe import execute, pipeline
from lethe.exceptions import TryAgain
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.support import factories as make
from tests.support.mail import Sink
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member() -> Client:
    business = make.make_business()
    let_all_pass(business)
    AppBuild.objects.create(business=business, name="App", slug="app", sign_up=True, account_deletion=True)
    return make.make_client(make.make_club(business), member=True)


def erase(member: Client) -> None:
    pipeline.erase(Client, [member.pk], by="role:test", reason="asked")


def queued(member: Client) -> None:
    ClientMessage.objects.create(client=member, kind="receipt", send_after=timezone.now())


def a_message(member: Client) -> None:
    queued(member)
    assert send_due_client_messages(timezone.now()) == 1


def a_new_password(member: Client) -> None:
    row = PasswordReset.objects.create(user=member.user, asked_today="x")
    assert resets.mail(row.pk, now=timezone.now()) == {"outcome": "mailed"}


def a_code(member: Client) -> None:
    confirming.mail_code(member, member.user, now=timezone.now())


def a_sign_up_with_a_known_address(member: Client) -> None:
    accounts.mail_link(AppBuild.objects.get(), member.email, now=timezone.now(), link=lambda token: f"/{token}")


#: Every kind of mail that goes to a client.
KINDS = [a_message, a_new_password, a_code, a_sign_up_with_a_known_address]
EVERY_KIND = pytest.mark.parametrize("send", KINDS, ids=lambda send: send.__name__)


@pytest.fixture
def slow(mail_sink: Sink) -> Iterator[tuple[threading.Event, threading.Event]]:
    """The mail server has the mail, and answers when it is told to: (it has it, it may answer)."""
    has, may = threading.Event(), threading.Event()

    async def handle_DATA(server: Any, session: Any, envelope: Any) -> str:
        has.set()
        while not may.is_set():
            await asyncio.sleep(0.01)
        mail_sink.envelopes.append(envelope)
        return "250 Kept"

    mail_sink.handle_DATA = handle_DATA  # type: ignore[method-assign]
    yield has, may
    may.set()


def beside(function: Callable[[], object]) -> threading.Thread:
    """Run it in a thread with a connection of its own."""

    def run() -> None:
        try:
            function()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@EVERY_KIND
def test_an_erasure_waits_for_the_mail_that_is_on_its_way(
    member: Client, mail_sink: Sink, slow: tuple[threading.Event, threading.Event], send: Callable[[Client], None]
) -> None:
    has, may = slow
    order: list[str] = []

    def sending() -> None:
        send(member)
        order.append("mailed")

    def erasing() -> None:
        erase(member)
        order.append("erased")

    sender = beside(sending)
    assert has.wait(20)
    assert HandOver.objects.filter(client=member).count() == 1
    eraser = beside(erasing)
    eraser.join(0.4)
    assert eraser.is_alive(), "the mail is still on its way"
    may.set()
    sender.join(20)
    eraser.join(20)
    assert mail_sink.recipients == [member.email]
    assert Client.objects.get(pk=member.pk).is_erased
    assert order[-1] == "erased" or not HandOver.objects.exists()
    assert not HandOver.objects.exists()
    assert send_due_client_messages(timezone.now() + datetime.timedelta(days=1)) == 0
    assert len(mail_sink.envelopes) == 1


@EVERY_KIND
def test_no_transaction_is_open_while_a_mail_leaves(
    member: Client, mail_sink: Sink, monkeypatch: pytest.MonkeyPatch, send: Callable[[Client], None]
) -> None:
    open_then: list[bool] = []
    real = socket.socket.sendall

    def heard(link: socket.socket, *args: Any) -> Any:
        if link.family == socket.AF_INET and link.getpeername()[1] == mail_sink.port:
            open_then.append(connection.in_atomic_block)
        return real(link, *args)

    monkeypatch.setattr(socket.socket, "sendall", heard)
    send(member)
    assert len(open_then) > 3, "EHLO, MAIL, RCPT, DATA"
    assert not any(open_then)


def test_whoever_is_being_erased_is_written_to_no_more(
    member: Client, mail_sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has the message in hand already, and the erasure comes before the hand-over."""
    queued(member)
    row = PasswordReset.objects.create(user=member.user, asked_today="x")
    real = resets._mail

    def erased_meanwhile(*args: Any) -> Any:
        erase(member)
        return real(*args)

    monkeypatch.setattr(resets, "_mail", erased_meanwhile)
    assert resets.mail(row.pk, now=timezone.now()) == {"outcome": "withdrawn"}
    assert send_due_client_messages(timezone.now()) == 0
    with pytest.raises(confirming.AccountGone):
        confirming.mail_code(member, User(pk=member.user_id), now=timezone.now())
    assert mail_sink.envelopes == []


def test_who_was_erased_is_mailed_a_link_to_a_new_account_and_no_word_of_the_old(
    member: Client, mail_sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = accounts.handing_over

    def erased_meanwhile(*args: Any) -> Any:
        erase(member)
        return real(*args)

    monkeypatch.setattr(accounts, "handing_over", erased_meanwhile)
    a_sign_up_with_a_known_address(member)
    text = mail_sink.messages[0].get_body(("plain",)).get_content()
    assert "already" not in text
    assert SignUp.objects.exclude(address_proof="").count() == 1


@pytest.mark.parametrize("door", ["service", "administrator", "member"])
def test_a_mail_server_that_takes_its_time_is_said(
    client: Browser, member: Client, monkeypatch: pytest.MonkeyPatch, door: str
) -> None:
    """Whoever waited for ten seconds is told what it is, and nothing was changed."""
    monkeypatch.setattr(execute, "PATIENCE", 0.1)
    HandOver.objects.create(client=member, since=timezone.now())
    if door == "service":
        with pytest.raises(TryAgain, match="just being handed over"):
            erase(member)
    elif door == "administrator":
        administrator = make.make_staff(member.business, "administrator", delete_accounts=True)
        sent = {"fingerprint": look(member).fingerprint}
        answer = sign_in(client, administrator).post(reverse("clients:delete", args=[member.pk]), sent)
    else:
        sign_in(client, member)
        client.get(reverse("member:delete", args=["app"]))
        sent = {"fingerprint": look(member).fingerprint, "password": make.PASSWORD}
        answer = client.post(reverse("member:delete", args=["app"]), sent)
    if door != "service":
        assert answer.status_code == 503
        assert answer["Retry-After"] == "60"
        assert "just being handed over" in answer.content.decode()
    assert not Client.objects.get(pk=member.pk).is_erased


def test_what_a_process_that_died_left_holds_up_nobody_for_long(member: Client, mail_sink: Sink, settings: Any) -> None:
    dead = HandOver.objects.create(client=member, since=timezone.now() - LONGEST)
    erase(member)
    assert HandOver.objects.get() == dead
    settings.EMAIL_HOST = ""
    client_messages(timezone.now())
    assert not HandOver.objects.exists()


def test_a_mail_to_one_client_holds_up_no_other(member: Client) -> None:
    HandOver.objects.create(client=make.make_client(member.home_club), since=timezone.now())
    erase(member)
    assert Client.objects.get(pk=member.pk).is_erased
