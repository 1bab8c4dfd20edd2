"""Linkings, notes, trainers, pictures and new clients from the desk: each works, once, and refuses what it must."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser
from django.urls import reverse
from PIL import Image

from clubhouse.clients import linkings, pictures
from clubhouse.clients.models import Client, ClientLinking, ClientNote, ProfileImage
from clubhouse.clients.services import ErasedClientError
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(administrator: StaffMember) -> Browser:
    return sign_in(Browser(), administrator)


def said(answer: Any) -> str:
    return str(list(get_messages(answer.wsgi_request))[-1])


# --- linkings ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("side", linkings.SIDES)
def test_a_linking_from_either_side(side: str, browser: Browser, club: Club) -> None:
    one, two = make.make_client(club), make.make_client(club, last_name="Findable")
    url = reverse("clients:add-linking", args=[one.pk])
    page = browser.get(url, {"q": "findable"}).text
    assert f'value="{two.pk}"' in page
    assert f'value="{one.pk}"' not in page
    chosen, _words = linkings.SIDES[side]
    for words in ("added", "so already"):
        assert words in said(browser.post(url, {"q": "findable", "other": two.pk, "side": side}))
    row = ClientLinking.objects.get()
    assert (row.kind, row.client, row.other) == (chosen.kind, *((one, two) if chosen.own else (two, one)))
    shown = browser.get(reverse("clients:profile", args=[two.pk])).text
    assert one.display_name in shown


def test_family_is_one_tie_whoever_adds_it(club: Club) -> None:
    one, two = make.make_client(club), make.make_client(club)
    assert linkings.add_linking(one, two, "family")
    assert not linkings.add_linking(two, one, "family")


@pytest.mark.parametrize(
    "sent", [{}, {"side": "boss"}, {"side": "family", "other": "x"}, {"side": "family", "other": "9" * 30}]
)
def test_a_linking_that_cannot_be(sent: dict[str, Any], browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    answer = browser.post(reverse("clients:add-linking", args=[client.pk]), sent)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_nobody_is_linked_to_themself_to_a_stranger_or_to_the_erased(browser: Browser, club: Club) -> None:
    client, gone = make.make_client(club), make.make_client(club)
    theirs = make.make_client(make.make_club(make.make_business()))
    url = reverse("clients:add-linking", args=[client.pk])
    Client.objects.filter(pk=gone.pk).update(status="deleted")
    for other in (client, theirs, gone):
        assert browser.post(url, {"side": "family", "other": other.pk}).status_code == 422
    with pytest.raises(ErasedClientError):
        linkings.add_linking(client, gone, "family")
    for other in (client, theirs):
        with pytest.raises(ValueError):
            linkings.add_linking(client, other, "family")
    assert not ClientLinking.objects.exists()


def test_another_guardian_settles_the_guardian(browser: Browser, club: Club) -> None:
    child, first, second = (make.make_client(club) for _ in range(3))
    make.make_linking("guardian", child, first)

    def blocks() -> bool:
        return any(f.blocks for f in pipeline.preview(Client, [first.pk]).findings if f.name == "guardian")

    assert blocks()
    browser.post(reverse("clients:add-linking", args=[child.pk]), {"side": "guardian", "other": second.pk})
    assert not blocks()


def test_the_payer_of_a_membership_changes(browser: Browser, club: Club) -> None:
    child, parent, friend = (make.make_client(club) for _ in range(3))
    make.make_linking("paid_by", child, parent)
    row = make.make_membership(child)
    url = reverse("memberships:set-payer", args=[row.pk])
    for other in (friend.pk, child.pk, "x", ""):
        browser.post(url, {"payer": other})
        row.refresh_from_db()
        assert row.paid_by is None
    page = browser.get(reverse("clients:profile", args=[child.pk])).text
    assert f'action="{url}"' in page
    assert "pays for this membership from now on" in said(browser.post(url, {"payer": parent.pk}))
    row.refresh_from_db()
    assert row.paid_by == parent


# --- notes and trainers -----------------------------------------------------------------------------------------------
def test_a_note_is_written_once_changed_and_deleted(browser: Browser, club: Club, administrator: StaffMember) -> None:
    client = make.make_client(club)
    (key,) = re.findall(
        r'name="once_key" value="(\w+)"', browser.get(reverse("clients:profile", args=[client.pk])).text
    )
    sent = {"text": "  Prefers mornings ", "once_key": key}
    for _ in range(2):
        browser.post(reverse("clients:add-note", args=[client.pk]), sent)
    note = ClientNote.objects.get()
    assert (note.client, note.author, note.text) == (client, administrator, "Prefers mornings")
    edit = reverse("clients:edit-note", args=[note.pk])
    assert "Prefers mornings" in browser.get(edit).text
    answer = browser.post(edit, {"text": "Prefers evenings"})
    assert answer["Location"] == reverse("clients:profile", args=[client.pk]) + "#notes"
    note.refresh_from_db()
    assert (note.text, note.edited_at is not None) == ("Prefers evenings", True)
    browser.post(reverse("clients:delete-note", args=[note.pk]))
    assert not ClientNote.objects.exists()
    assert browser.post(reverse("clients:delete-note", args=[note.pk])).status_code == 404


@pytest.mark.parametrize("sent", [{"text": " "}, {"text": "x" * 4001}, {"text": "fine", "once_key": "not ours"}])
def test_a_note_that_is_none(sent: dict[str, str], browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    browser.post(reverse("clients:add-note", args=[client.pk]), {"once_key": "0" * 32} | sent)
    assert not ClientNote.objects.exists()


def test_trainers_come_and_go(browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    trainer = make.make_staff(club.business, is_instructor=True)
    theirs = make.make_staff(make.make_business(), is_instructor=True)
    add = reverse("clients:add-trainer", args=[client.pk])
    for other in (theirs.pk, make.make_staff(club.business).pk, "x", ""):
        assert "Choose a trainer" in said(browser.post(add, {"trainer": other}))
    assert "looks after this client." in said(browser.post(add, {"trainer": trainer.pk}))
    assert "already" in said(browser.post(add, {"trainer": trainer.pk}))
    link = client.client_trainers.get()
    assert f'value="{trainer.pk}"' not in browser.get(reverse("clients:profile", args=[client.pk])).text
    browser.post(reverse("clients:remove-trainer", args=[link.pk]))
    assert not client.client_trainers.exists()


# --- pictures ---------------------------------------------------------------------------------------------------------
def photo(size: tuple[int, int] = (400, 200), kind: str = "JPEG", **options: Any) -> SimpleUploadedFile:
    """A picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", size, (255, 0, 0))
    picture.paste((0, 0, 255), (size[0] // 2, 0, *size))
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return SimpleUploadedFile("Ann Example.jpg", stream.getvalue())


def files(media: Path) -> set[str]:
    return {path.name for path in (media / "clients").glob("*")}


def colours(image: ProfileImage) -> tuple[bool, bool]:
    """Whether the shown square has red in it, and blue."""
    with image.medium.open() as file, Image.open(file) as square:
        assert square.width == square.height
        pixels = [square.convert("RGB").getpixel((x, square.height // 2)) for x in range(0, square.width, 8)]
    return any(p[0] > 200 for p in pixels), any(p[2] > 200 for p in pixels)


def test_uploaded_cut_replaced_and_removed(browser: Browser, club: Club, media: Path) -> None:
    client = make.make_client(club)
    url = reverse("clients:picture", args=[client.pk])
    exif = Image.Exif()
    exif[0x010E] = "taken at the very secret place"
    assert said(browser.post(url, {"do": "upload", "file": photo(exif=exif)})) == "The picture was stored."
    first = ProfileImage.objects.get()
    assert colours(first) == (True, True)
    assert b"secret place" not in b"".join(path.read_bytes() for path in (media / "clients").iterdir())
    assert not [name for name in files(media) if "Ann" in name]
    browser.post(url, {"do": "crop", "left": "0", "top": "0", "size": "90"})
    first.refresh_from_db()
    assert colours(first) == (True, False)
    browser.post(url, {"do": "crop", "left": "100", "top": "50", "size": "90"})
    first.refresh_from_db()
    assert colours(first) == (False, True)
    outbox.drain()
    assert files(media) == {Path(getattr(first, size).name).name for size in pictures.SIZES}
    browser.post(url, {"do": "upload", "file": photo(kind="PNG")})
    outbox.drain()
    second = ProfileImage.objects.get()
    assert files(media) == {Path(getattr(second, size).name).name for size in pictures.SIZES}
    assert said(browser.post(url, {"do": "remove"})) == "The picture was removed."
    outbox.drain()
    assert (files(media), ProfileImage.objects.count()) == (set(), 0)
    assert said(browser.post(url, {"do": "remove"})) == "There was no picture any more."


@pytest.mark.parametrize(("size", "edge"), [("", 96), ("medium", 200), ("original", 400), ("nonsense", 96)])
def test_each_size_is_shown(size: str, edge: int, browser: Browser, club: Club) -> None:
    client = make.make_client(club)
    pictures.set_picture(client, photo().read())
    answer = browser.get(reverse("clients:image", args=[client.pk]), {"size": size})
    with Image.open(io.BytesIO(b"".join(answer.streaming_content))) as shown:
        assert shown.width == edge
    answer.close()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"do": "upload"}, "Choose a file first"),
        ({"do": "upload", "file": SimpleUploadedFile("a.jpg", b"<svg onload=alert(1)>")}, "is not a picture"),
        ({"do": "crop", "left": "0", "top": "0", "size": "90"}, "Upload one first"),
        ({"do": "crop", "left": "-1", "top": "0", "size": "5"}, "greater than or equal to"),
        ({"do": "dance"}, "Choose what to do"),
    ],
)
def test_what_is_no_picture(sent: dict[str, Any], words: str, browser: Browser, club: Club, media: Path) -> None:
    client = make.make_client(club)
    answer = browser.post(reverse("clients:picture", args=[client.pk]), sent)
    assert answer.status_code == 422
    assert words in answer.text
    assert not files(media)


def test_an_erased_client_gets_no_picture_and_no_file_is_left(club: Club, media: Path) -> None:
    client = make.make_client(club)
    Client.objects.filter(pk=client.pk).update(status="deleted")
    with pytest.raises(ErasedClientError):
        pictures.set_picture(client, photo().read())
    outbox.drain()
    assert not files(media)


# --- a new client -----------------------------------------------------------------------------------------------------
def filled(browser: Browser, club: Club, **fields: Any) -> dict[str, Any]:
    page = browser.get(reverse("clients:new")).text
    (number,) = re.findall(r'name="number" value="(\w+)"', page)
    return {
        "first_name": "Ann",
        "last_name": "Example",
        "status": "lead",
        "home_club": club.pk,
        "number": number,
    } | fields


def test_a_new_client_is_made_once_and_found(browser: Browser, club: Club) -> None:
    sent = filled(browser, club, email="Ann@example.com")
    first, second = browser.post(reverse("clients:new"), sent), browser.post(reverse("clients:new"), sent)
    client = Client.objects.get()
    assert first["Location"] == second["Location"] == reverse("clients:profile", args=[client.pk])
    assert (client.number, client.status, client.joined_on, client.home_club) == (
        sent["number"],
        "lead",
        make.today(),
        club,
    )
    assert client.display_name in browser.get(reverse("clients:list"), {"q": "ann@EXAMPLE"}).text
    browser.post(reverse("clients:new"), filled(browser, club))
    assert Client.objects.count() == 2


def test_an_address_that_somebody_has_leads_to_them(browser: Browser, club: Club) -> None:
    known = make.make_client(club, email="ann@example.com")
    answer = browser.post(reverse("clients:new"), filled(browser, club, email="ANN@example.com"))
    assert answer.status_code == 422
    assert reverse("clients:profile", args=[known.pk]) in answer.text
    assert 'value="Example"' in answer.text
    assert Client.objects.count() == 1


def test_a_manager_is_not_led_to_another_clubs_client(manager: StaffMember) -> None:
    known = make.make_client(make.make_club(manager.business), email="ann@example.com")
    browser = sign_in(Browser(), manager)
    answer = browser.post(reverse("clients:new"), filled(browser, manager.club, email="ann@example.com"))
    assert answer.status_code == 422
    assert reverse("clients:profile", args=[known.pk]) not in answer.text
    sent = filled(browser, known.home_club)
    assert browser.post(reverse("clients:new"), sent).status_code == 422


def test_a_number_that_somebody_else_got_is_drawn_anew(browser: Browser, club: Club) -> None:
    sent = filled(browser, club)
    make.make_client(club, number=sent["number"])
    assert browser.post(reverse("clients:new"), sent).status_code == 302
    assert Client.objects.filter(first_name="Ann").exclude(number=sent["number"]).count() == 1
