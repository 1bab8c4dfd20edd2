"""Photos: the pictures that clients' rows name → files in the storage and profile images.

Pictures are taken one at a time, whatever their number. What was stored is removed again when the import fails.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from PIL import Image, ImageOps

from clubhouse.clients.models import ProfileImage
from clubhouse.imports import layout as files
from clubhouse.imports.clean import Refusal
from clubhouse.imports.existing import Known
from clubhouse.imports.resolve import Resolved
from lethe.contrib.storages import purge
from lethe.outbox import record

FOLDER = "photos"
MEDIUM, THUMBNAIL = 480, 96
LARGEST_FILE = 20 * 1024 * 1024
LARGEST_PICTURE = 50_000_000
_TOO_MANY_PIXELS = "has more than 50 million pixels; make it smaller"
_ENDINGS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}


class Unusable(Exception):
    """A picture cannot be taken; the message is the reason, and holds nothing personal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A picture that a row names for a client. ``file`` and ``line`` are where."""

    client: str
    photo: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of the pictures: accepted + refused = those named."""

    accepted: tuple[Named, ...]
    refused: tuple[Named, ...]
    refusals: tuple[Refusal, ...]
    there: int


class Stored:
    """The files that were stored in this import."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def save(self, content: bytes, ending: str, field: str, image: ProfileImage) -> None:
        """Store ``content`` under an opaque key and note it."""
        getattr(image, field).save(f"picture.{ending}", ContentFile(content), save=False)
        self.names.append(getattr(image, field).name)


@contextmanager
def storing() -> Iterator[Stored]:
    """Gives a :class:`Stored`, whose files are removed again where the block fails: around the transaction."""
    stored = Stored()
    try:
        yield stored
    except BaseException:
        for name in stored.names:
            try:
                # In a versioned bucket a plain deletion would leave the picture behind, and no row to find it by.
                purge(default_storage, name)
            except Exception:
                record("file.delete", {"name": name})
        raise


def named(resolved: Mapping[str, Resolved]) -> list[Named]:
    """The pictures that are named for clients who are taken, those of clients.csv first."""
    pictures = []
    for name in (files.CLIENTS, files.PHOTOS):
        if file := resolved.get(name):
            rows = sorted((*file.new, *file.there), key=lambda row: row.line)
            pictures += [
                Named(client=row["client_id"], photo=row["photo"], file=name, line=row.line)
                for row in rows
                if row["photo"]
            ]
    return pictures


def take(
    pictures: Sequence[Named],
    folder: Path,
    clients: Mapping[str, int],
    known: Known,
    stored: Stored,
    advance: Callable[[int], None],
) -> Taken:
    """Store the pictures and write their profile images, in the running transaction."""
    images: list[ProfileImage] = []
    accepted: list[Named] = []
    refused: list[Named] = []
    refusals: list[Refusal] = []
    digests: dict[str, bytes] = {}
    there = 0
    for picture in pictures:
        try:
            content = _content(folder / FOLDER, picture.photo)
            if _is_there(content, picture, known, digests):
                there += 1
            else:
                images.append(_image(content, clients[picture.client], stored))
                digests[picture.client] = hashlib.sha256(content).digest()
        except Unusable as unusable:
            refused.append(picture)
            refusals.append(Refusal(file=picture.file, line=picture.line, column="photo", reason=str(unusable)))
        else:
            accepted.append(picture)
        advance(1)
    ProfileImage.objects.bulk_create(images, batch_size=1_000)
    return Taken(accepted=tuple(accepted), refused=tuple(refused), refusals=tuple(refusals), there=there)


def is_file_name(photo: str) -> bool:
    """Whether ``photo`` is a plain file name: it must not lead out of the folder of pictures."""
    return photo not in {"", ".", ".."} and not set(photo) & set("/\\\0")


def _content(folder: Path, photo: str) -> bytes:
    if not is_file_name(photo):
        raise Unusable("is not a plain file name; name a file in the folder photos")
    try:
        path = folder / photo
        if path.stat().st_size > LARGEST_FILE:
            raise Unusable("is larger than 20 MB; make it smaller")
        return path.read_bytes()
    except OSError:
        raise Unusable(
            "names a file that cannot be read in the folder photos; put it there, or remove the name"
        ) from None


def _is_there(content: bytes, picture: Named, known: Known, digests: Mapping[str, bytes]) -> bool:
    """Whether this very picture is the client's already; another one is never put in its place."""
    digest = hashlib.sha256(content).digest()
    kept = known.pictures.get(picture.client, ())
    if digest == digests.get(picture.client) or any(digest == _digest(name) for name in kept):
        return True
    if kept or picture.client in digests:
        raise Unusable("is not the picture that the client has already; change that one in the client's profile")
    return False


def _digest(name: str) -> bytes:
    try:
        with default_storage.open(name) as file:
            return hashlib.sha256(file.read()).digest()
    except OSError:
        return b""


def _image(content: bytes, client: int, stored: Stored) -> ProfileImage:
    """Store the picture as it is, and two smaller copies, upright and without what a camera writes into it."""
    upright, kind = opened(content)
    image = ProfileImage(client_id=client)
    stored.save(content, _ENDINGS[kind], "original", image)
    for field, edge in (("medium", MEDIUM), ("thumbnail", THUMBNAIL)):
        copy = upright.copy()
        copy.thumbnail((edge, edge))
        buffer = io.BytesIO()
        transparent = "A" in copy.getbands()
        copy.save(buffer, "PNG" if transparent else "JPEG")
        stored.save(buffer.getvalue(), "png" if transparent else "jpg", field, image)
    return image


def opened(content: bytes) -> tuple[Image.Image, str]:
    """A picture, upright and without what a camera writes into it, and its kind. Raises :class:`Unusable`."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures and raises at larger ones still; our bound is checked before decoding.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=tuple(_ENDINGS)) as picture:
                kind = picture.format or ""
                if picture.width * picture.height > LARGEST_PICTURE:
                    raise Unusable(_TOO_MANY_PIXELS)
                upright = ImageOps.exif_transpose(picture)
                transparent = upright.has_transparency_data
                upright = upright.convert("RGBA" if transparent else "RGB")
                upright.info.clear()
                return upright, kind
    except Unusable:
        raise
    except Image.DecompressionBombError:
        raise Unusable(_TOO_MANY_PIXELS) from None
    except Exception:  # Pillow raises a dozen kinds for a file that is broken
        raise Unusable("is not a picture (JPEG, PNG, WebP or GIF), or is damaged; replace the file") from None
