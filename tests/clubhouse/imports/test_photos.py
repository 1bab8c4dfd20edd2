"""Pictures: stored under keys that say nothing, in three sizes, or refused on their own while their client is taken."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from clubhouse.clients.models import Client, ProfileImage
from clubhouse.imports import errors, photos
from clubhouse.imports import layout as files
from tests.clubhouse.imports.bundles import client, counts, picture, reasons, row, some, take, write

pytestmark = pytest.mark.django_db


def stored(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


def content_of(name: str) -> bytes:
    with default_storage.open(name) as file:
        return file.read()


def opened(name: str) -> Image.Image:
    return Image.open(io.BytesIO(content_of(name)))


def with_photo(folder: Path, photo: str = "one.png") -> Path:
    return write(folder, some(clients=[client(photo=photo)]))


def test_a_picture_is_kept_as_it_is_and_in_two_smaller_sizes(tmp_path: Path, media: Path) -> None:
    folder = with_photo(tmp_path / "in")
    content = picture(folder)
    assert counts(take(folder), "photos") == (1, 1, 0)
    image = ProfileImage.objects.get()
    assert image.client.number == "1000"
    assert content_of(image.original.name) == content
    assert opened(image.medium.name).size == (480, 240)
    assert opened(image.thumbnail.name).size == (96, 48)
    assert len(stored(media)) == 3
    names = " ".join(path.name for path in stored(media))
    assert "one" not in names
    assert "1000" not in names


def test_smaller_sizes_are_upright_and_without_what_the_camera_wrote(tmp_path: Path) -> None:
    folder = with_photo(tmp_path / "in", "one.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    exif[0x010F] = "Camera of the client"
    picture(folder, "one.jpg", (1000, 500), exif=exif)
    take(folder)
    image = ProfileImage.objects.get()
    for field, size in ((image.medium, (240, 480)), (image.thumbnail, (48, 96))):
        assert b"Camera" not in content_of(field.name)
        assert opened(field.name).size == size
    assert b"Camera" in content_of(image.original.name)


def test_a_picture_with_transparency(tmp_path: Path) -> None:
    folder = with_photo(tmp_path / "in")
    (folder / "photos").mkdir()
    Image.new("RGBA", (200, 200), (0, 0, 0, 0)).save(folder / "photos" / "one.png")
    take(folder)
    assert opened(ProfileImage.objects.get().thumbnail.name).getpixel((5, 5))[3] == 0


@pytest.mark.parametrize("photo", ["missing.png", "../clients.csv", "..", "/etc/hostname", "a\\b.png", "x" * 300])
def test_a_picture_that_is_not_there_is_refused_and_its_client_taken(tmp_path: Path, media: Path, photo: str) -> None:
    folder = with_photo(tmp_path / "in", photo)
    picture(folder, "other.png")
    report = take(folder)
    assert counts(report) == (1, 1, 0)
    assert counts(report, "photos") == (1, 0, 1)
    assert reasons(report) == [(2, "photo")]
    assert Client.objects.count() == 1
    assert not stored(media)
    assert (tmp_path / "refused" / files.PHOTOS).read_text() == f"client_id,photo\n1000,{photo}\n"
    assert not (tmp_path / "refused" / files.CLIENTS).exists()


@pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\nbroken", b"GIF89a"])
def test_what_is_not_a_picture_is_refused(tmp_path: Path, media: Path, content: bytes) -> None:
    folder = with_photo(tmp_path / "in")
    (folder / "photos").mkdir()
    (folder / "photos" / "one.png").write_bytes(content)
    report = take(folder)
    assert counts(report, "photos") == (1, 0, 1)
    assert "not a picture" in report.refusals[0].reason
    assert not stored(media)


def test_a_picture_that_is_cut_off_is_refused(tmp_path: Path, media: Path) -> None:
    folder = with_photo(tmp_path / "in")
    content = picture(folder)
    (folder / "photos" / "one.png").write_bytes(content[: len(content) // 2])
    assert counts(take(folder), "photos") == (1, 0, 1)
    assert not stored(media)


def test_a_picture_of_far_too_many_pixels_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    folder = with_photo(tmp_path / "in")
    path = folder / "photos" / "one.png"
    path.parent.mkdir()
    Image.new("1", (20_000, 20_000)).save(path)
    assert path.stat().st_size < photos.LARGEST_FILE
    report = take(folder)
    assert "50 million pixels" in report.refusals[0].reason


def test_a_file_that_is_far_too_large_is_refused(tmp_path: Path) -> None:
    folder = with_photo(tmp_path / "in")
    picture(folder)
    with (folder / "photos" / "one.png").open("r+b") as file:
        file.truncate(photos.LARGEST_FILE + 1)
    assert "20 MB" in take(folder).refusals[0].reason


def test_a_picture_is_stored_once(tmp_path: Path, media: Path) -> None:
    folder = with_photo(tmp_path / "in")
    picture(folder)
    take(folder)
    assert counts(take(folder), "photos") == (1, 1, 0)
    assert ProfileImage.objects.count() == 1
    assert len(stored(media)) == 3


def test_another_picture_does_not_take_the_place_of_the_first(tmp_path: Path, media: Path) -> None:
    folder = with_photo(tmp_path / "in")
    picture(folder)
    take(folder)
    picture(folder, size=(300, 300))
    report = take(folder)
    assert counts(report, "photos") == (1, 0, 1)
    assert "has already" in report.refusals[0].reason
    assert len(stored(media)) == 3


def test_a_missing_picture_can_be_brought_later(tmp_path: Path) -> None:
    take(with_photo(tmp_path / "in"))
    refused = tmp_path / "refused"
    content = picture(refused)
    assert take(refused).as_json() == {"photos": {"rows": 1, "accepted": 1, "refused": 0}}
    assert content_of(ProfileImage.objects.get().original.name) == content
    assert not refused.exists()


def test_a_list_of_pictures_is_read_like_any_file(tmp_path: Path) -> None:
    take(write(tmp_path / "in", some(clients=[client(), client("1001"), client("1002")])))
    blank = row(files.PHOTOS, client_id="1002", photo=" ")
    lines = [row(files.PHOTOS), row(files.PHOTOS, client_id="77"), row(files.PHOTOS), blank]
    folder = write(tmp_path / "more", {files.PHOTOS: [*lines, row(files.PHOTOS, client_id="1001", photo="two.png")]})
    picture(folder)
    report = take(folder)
    assert counts(report, "photos") == (5, 1, 4)
    assert reasons(report, files.PHOTOS) == [(3, "client_id"), (4, "client_id"), (5, "photo"), (6, "photo")]
    kept = (tmp_path / "refused" / files.PHOTOS).read_text().splitlines()
    assert kept == ["client_id,photo", "77,one.png", "1000,one.png", "1002, ", "1001,two.png"]


def test_nothing_is_left_in_the_storage_where_the_import_fails(tmp_path: Path, media: Path) -> None:
    folder = write(tmp_path / "in", some(clients=[client(photo="one.png"), client("1001", dob="never")]))
    picture(folder)
    (tmp_path / "a-file").write_text("")
    with pytest.raises(errors.RefusedUnwritable, match="--refused"):
        take(folder, refused=tmp_path / "a-file" / "refused")
    assert not stored(media)
    assert not Client.objects.exists()
    assert counts(take(folder), "photos") == (1, 1, 0)
    assert len(stored(media)) == 3
