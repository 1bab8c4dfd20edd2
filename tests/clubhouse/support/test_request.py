"""A business without an administrator sends a request; one with an administrator is told to ask them (row F4)."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from clubhouse.clients.models import Client
from clubhouse.support import exceptions, services
from clubhouse.support.models import Case
from clubhouse.team.models import StaffMember
from lethe import outbox
from tests.clubhouse.support.requests import send, sent, shot
from tests.support import factories as make
from tests.support.dump import folder_bytes
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
NEW = "support:new"


def test_a_request_is_sent_once(client: Browser, employee: StaffMember, person: Client, media: Path) -> None:
    sign_in(client, employee)
    assert 'type="file"' in client.get(reverse(NEW)).content.decode()
    page = sent(person)
    answers = []
    for _ in range(2):
        page["screenshot"] = shot("Zoë O'Quill")
        answers.append(client.post(reverse(NEW), page))
    case = Case.objects.get()
    assert {answer["Location"] for answer in answers} == {reverse("support:case", args=[case.pk])}
    assert (case.client, case.addressed, case.state) == (person, person, "open")
    assert [(step.kind, step.role, step.by) for step in case.steps.all()] == [
        ("sent", "colleague", f"account:{employee.user.pk}")
    ]
    stored = folder_bytes(media)
    assert b"support/" in stored
    assert b"Quill" not in stored, "neither the file's name nor its metadata is kept"
    with case.screenshot.open() as file, Image.open(file) as kept:
        assert (kept.format, kept.getpixel((5, 5))) == ("PNG", (200, 30, 30))
    assert case.number in client.get(reverse("support:list")).content.decode()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_other_kinds_of_pictures_are_drawn_anew(
    client: Browser, employee: StaffMember, person: Client, kind: str
) -> None:
    sign_in(client, employee)
    assert client.post(reverse(NEW), sent(person, screenshot=shot(kind=kind))).status_code == 302
    with Case.objects.get().screenshot.open() as file, Image.open(file) as kept:
        assert kept.format == "PNG"


@pytest.mark.parametrize(
    ("file", "says"),
    [
        (SimpleUploadedFile("a.png", b"<script>alert(1)</script>"), "This is no picture"),
        (SimpleUploadedFile("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "This is no picture"),
        (SimpleUploadedFile("a.gif", b"GIF89a" + bytes(40)), "This is no picture"),
        (SimpleUploadedFile("cut.png", shot().read()[:60]), "This is no picture"),
        (SimpleUploadedFile("a.png", b"\x89PNG" + bytes(5 * 1024 * 1024)), "larger than 5 MB"),
        (shot(size=(8_000, 5_001)), "40 million pixels"),
        ("", "This field is required"),
    ],
    ids=["script", "svg", "gif", "cut off", "large", "many pixels", "none"],
)
def test_nothing_but_a_picture_is_taken(
    client: Browser, employee: StaffMember, person: Client, media: Path, file: object, says: str
) -> None:
    sign_in(client, employee)
    answer = client.post(reverse(NEW), sent(person, screenshot=file))
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert 'value="K-77"' in answer.content.decode(), "the form is kept"
    assert not Case.objects.exists()
    assert folder_bytes(media) == b""


def test_a_business_with_an_administrator_asks_them(
    client: Browser, employee: StaffMember, administrator: StaffMember, person: Client
) -> None:
    sign_in(client, employee)
    for url in (reverse(NEW), reverse("support:list")):
        page = client.get(url).content.decode()
        assert "Ask one of them" in page
        assert administrator.name in page
        assert 'type="file"' not in page
    assert client.post(reverse(NEW), sent(person)).status_code == 409
    with pytest.raises(exceptions.HasAdministrator):
        send(employee, person)
    assert not Case.objects.exists()
    administrator.user.is_active = False
    administrator.user.save()
    assert client.post(reverse(NEW), sent(person)).status_code == 302, "one who cannot sign in is none"


def test_an_administrator_without_the_right_is_none(
    client: Browser, administrator_without_delete: StaffMember, person: Client
) -> None:
    sign_in(client, administrator_without_delete)
    assert client.post(reverse(NEW), sent(person)).status_code == 302


def test_there_is_an_end_to_open_requests(employee: StaffMember, person: Client) -> None:
    for _ in range(services.OPEN_AT_ONCE):
        send(employee, person)
    with pytest.raises(exceptions.TooMany):
        send(employee, person)


def test_withdrawn_keeps_nothing_of_what_was_typed(
    client: Browser, case: Case, employee: StaffMember, person: Client, media: Path
) -> None:
    assert b"support/" in folder_bytes(media)
    sign_in(client, employee)
    for _ in range(2):
        assert client.post(reverse("support:withdraw", args=[case.pk])).status_code == 302
    outbox.drain()
    assert_empty(case, "withdrawn", media)
    assert [step.kind for step in case.steps.order_by("pk")] == ["sent", "withdrawn"], "once"
    assert client.post(reverse("support:case", args=[case.pk]), sent(person)).status_code == 422


def test_what_nobody_goes_on_with_runs_out(case: Case, media: Path) -> None:
    assert services.close_old(timezone.now() + datetime.timedelta(days=29)) == 0
    assert services.close_old(timezone.now() + datetime.timedelta(days=31)) == 1
    outbox.drain()
    assert_empty(case, "expired", media)
    assert case.steps.order_by("pk").last().role == "system"


def test_pages_take_the_same_queries_for_few_and_many(client: Browser, employee: StaffMember, person: Client) -> None:
    sign_in(client, employee)
    counts = []
    for number in (2, 15):
        for _ in range(number):
            send(employee, person)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse("support:list")).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    with CaptureQueriesContext(connection) as few:
        services.close_old(timezone.now() + datetime.timedelta(days=31))
    send(employee, make.make_client(person.home_club))
    with CaptureQueriesContext(connection) as one:
        services.close_old(timezone.now() + datetime.timedelta(days=31))
    assert len(few) == len(one)


def assert_empty(case: Case, state: str, media: Path) -> None:
    case.refresh_from_db()
    assert case.state == state
    kept = (case.typed_name, case.typed_email, case.typed_id, case.screenshot.name, case.client, case.addressed)
    assert kept == ("", "", "", "", None, None)
    assert b"support/" not in folder_bytes(media)
