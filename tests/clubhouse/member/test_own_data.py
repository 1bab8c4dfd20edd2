"""A copy of one's data, a new password, and Book a Buddy in the app (rows P5, H15)."""

from __future__ import annotations

import datetime
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.accounts.models import Session as SignIn
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild, DeletionCheck
from clubhouse.schedule.models import Booking
from lethe.models import Effect
from tests.clubhouse.member.pages import at
from tests.support import factories as make
from tests.support.dump import folder_bytes
from tests.support.mail import Sink
from tests.support.record import Record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
RIGHT = {"password": make.PASSWORD}


def opened(answer: Any) -> dict[str, Any]:
    """The data of a copy that was handed out."""
    assert answer.status_code == 200
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    assert "no-store" in answer["Cache-Control"]
    return json.loads(zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).read("data.json"))


# --- a copy --------------------------------------------------------------------------------------------------------
def test_a_copy_asks_for_the_password_and_leaves_nothing_behind(
    client: Browser,
    build: AppBuild,
    client_record: Record,
    media: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    person = client_record.client
    sign_in(client, person)
    assert "Enter your password" in client.get(at(build, "copy")).content.decode()
    before, effects = folder_bytes(media), Effect.objects.count()
    data = opened(client.post(at(build, "copy"), RIGHT))
    text = json.dumps(data, ensure_ascii=False)
    for value in (person.first_name, person.email, client_record.canaries.medical_notes):
        assert value in text
    assert client_record.friend.email not in text
    assert person.user.password not in text
    assert (folder_bytes(media), Effect.objects.count(), list(folder.iterdir())) == (before, effects, [])


def test_a_wrong_password_gives_no_copy_and_is_counted(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    for entered, says in (("wrong", "This is not the password"), ("", "Enter your password.")):
        answer = client.post(at(build, "copy"), {"password": entered})
        assert answer.status_code == 422
        assert says in answer.content.decode()
        assert "Nothing was deleted" not in answer.content.decode()
    DeletionCheck.objects.update(tries=5)
    assert "Wait 15 minutes" in client.post(at(build, "copy"), RIGHT).content.decode()


def test_copies_are_limited_by_the_day(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    for _ in range(3):
        opened(client.post(at(build, "copy"), RIGHT))
    answer = client.post(at(build, "copy"), RIGHT)
    assert answer.status_code == 429
    assert "three copies" in answer.content.decode()
    DeletionCheck.objects.update(copies_since=timezone.now() - datetime.timedelta(days=2))
    opened(client.post(at(build, "copy"), RIGHT))


def test_a_member_without_a_password_uses_a_code_once(
    client: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    member.user.set_unusable_password()
    member.user.save()
    sign_in(client, member)
    assert client.post(at(build, "code"), {"for": "copy"})["Location"] == at(build, "copy")
    text = mail_sink.messages[0].get_body(("plain",)).get_content()
    assert "deleted" not in text, "the mail says what the code is for"
    code = {"code": next(word for word in text.split() if word.isdecimal() and len(word) == 6)}
    assert client.post(at(build, "copy"), {"code": "000000" if code["code"] != "000000" else "1"}).status_code == 422
    opened(client.post(at(build, "copy"), code))
    assert client.post(at(build, "copy"), code).status_code == 422, "used up"


def test_a_member_with_a_password_gets_no_code(
    client: Browser, build: AppBuild, member: Client, mail_sink: Sink
) -> None:
    sign_in(client, member)
    assert client.post(at(build, "code")).status_code == 302
    assert mail_sink.messages == []


def test_an_erased_member_gets_no_copy(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    Client.objects.filter(pk=member.pk).update(status="deleted")
    answer = client.post(at(build, "copy"), RIGHT)
    assert (answer.status_code, answer["Location"]) == (302, at(build, "sign-in"))


# --- the password --------------------------------------------------------------------------------------------------
def test_a_new_password_ends_every_other_sign_in(client: Browser, build: AppBuild, member: Client) -> None:
    elsewhere = sign_in(Browser(), member)
    sign_in(client, member)
    url = at(build, "change-password")
    assert client.get(url).status_code == 200
    for sent, says in (
        (RIGHT | {"new_password": "short"}, "at least 10 characters"),
        ({"password": "wrong", "new_password": "a quite new password"}, "This is not the password"),
        ({"password": "wrong", "new_password": ""}, "This field is required"),
    ):
        answer = client.post(url, sent)
        assert answer.status_code == 422
        assert says in answer.content.decode()
        assert sent["password"] not in answer.content.decode().replace("password", "")
    assert client.post(url, RIGHT | {"new_password": "a quite new password"})["Location"] == at(build, "preferences")
    member.user.refresh_from_db()
    assert member.user.check_password("a quite new password")
    assert client.get(at(build, "preferences")).status_code == 200
    assert elsewhere.get(at(build, "preferences")).status_code == 302
    assert SignIn.objects.filter(user=member.user).count() == 1
    assert client.post(url, RIGHT | {"new_password": "one more password"}).status_code == 422, "the old one is over"


# --- Book a Buddy --------------------------------------------------------------------------------------------------
def test_a_buddy_is_booked_once_on_their_own_credit_and_either_cancels(
    client: Browser, build: AppBuild, member: Client
) -> None:
    session = make.make_session(member.home_club, title="Dawn Spin")
    friend, other = (make.make_client(member.home_club, member=True) for _ in range(2))
    make.make_linking("buddy", friend, member)
    make.make_linking("family", other, member)
    package = make.make_package(friend)
    sign_in(client, member)
    page = client.get(at(build, "buddy", session.pk)).content.decode()
    assert friend.display_name in page
    assert other.display_name not in page
    for said in ("The place is booked for", "has a place"):
        answer = client.post(at(build, "buddy", session.pk), {"buddy": friend.pk}, follow=True)
        assert said in answer.content.decode()
    booking = Booking.objects.get()
    package.refresh_from_db()
    assert (booking.client, booking.booked_by, package.credits_used) == (friend, member, 1)
    assert "Booked for a buddy" in client.get(at(build, "home")).content.decode()
    sign_in(client, other)
    assert client.post(at(build, "cancel", booking.pk)).status_code == 404
    sign_in(client, member)
    client.post(at(build, "cancel", booking.pk))
    booking.refresh_from_db()
    package.refresh_from_db()
    assert (booking.status, package.credits_used) == ("cancelled", 0)


@pytest.mark.parametrize("who", ["a stranger to the member", "nobody", "an erased buddy", "another business's"])
def test_only_a_buddy_is_booked(client: Browser, build: AppBuild, member: Client, who: str) -> None:
    session = make.make_session(member.home_club)
    other = make.make_client(member.home_club)
    if who == "an erased buddy":
        make.make_linking("buddy", member, other)
        Client.objects.filter(pk=other.pk).update(status="deleted")
    if who == "another business's":
        session = make.make_session(make.make_club(make.make_business()))
        make.make_linking("buddy", member, other)
    sign_in(client, member)
    sent = {} if who == "nobody" else {"buddy": other.pk}
    expected = 302 if who == "nobody" else 404
    assert client.post(at(build, "buddy", session.pk), sent).status_code == expected
    assert not Booking.objects.exists()


def test_pages_take_the_same_queries_for_few_and_many_buddies(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    session = make.make_session(member.home_club)
    counts: list[list[int]] = []
    for number in (2, 12):
        for _ in range(number):
            friend = make.make_client(member.home_club)
            make.make_linking("buddy", member, friend)
            make.make_booking(make.make_session(member.home_club), friend, booked_by=member)
        counts.append([])
        for url in (at(build, "home"), at(build, "buddy", session.pk), at(build, "classes")):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url).status_code == 200
            counts[-1].append(len(queries))
    assert counts[0] == counts[1]
