"""A client's picture: taken, cut to a square, replaced, removed. What was stored before goes by effect (row F15).

Files are written before the transaction and removed again where it fails, so that none is left without a row.
"""

from __future__ import annotations

import io

from django.db import transaction
from django.utils.translation import gettext as _
from PIL import Image

from clubhouse.clients.models import Client, ProfileImage
from clubhouse.clients.services import ErasedClientError
from clubhouse.imports.photos import LARGEST_FILE, MEDIUM, THUMBNAIL, Stored, Unusable, opened, storing
from clubhouse.sets import hold_clients
from lethe.outbox import record_all

SIZES = ("original", "medium", "thumbnail")
#: The longest edge of what is kept of a picture, in pixels.
LONGEST_EDGE = 2048
CENTRED = (50, 50, 100)


class BadPicture(Exception):
    """This file cannot be a picture. The message says why, and what to do."""


def set_picture(client: Client, content: bytes) -> ProfileImage:
    """Give a client this picture, cut to the square in its middle; the pictures they had go.

    It is kept upright and without what a camera writes into it (the place, say). Raises :class:`BadPicture` and
    ``ErasedClientError``.
    """
    upright = _opened(content)
    upright.thumbnail((LONGEST_EDGE, LONGEST_EDGE))
    image = ProfileImage(client=client)
    with storing() as stored:
        _store(stored, upright, "original", image)
        _copies(stored, upright, image, CENTRED)
        with transaction.atomic():
            _hold(client)
            _delete(client)
            image.save()
    return image


def crop_picture(client: Client, left: int, top: int, size: int) -> bool:
    """Cut the square anew: ``size`` is the percentage of the shorter edge; ``left`` and ``top`` say where it lies in
    the room that is left, from 0 to 100. Returns False for a client without a picture.

    Raises :class:`BadPicture` where the stored original cannot be read, and ``ErasedClientError``.
    """
    image = ProfileImage.objects.filter(client=client).order_by("-pk").first()
    if image is None:
        return False
    try:
        with image.original.open() as file:
            content = file.read()
    except OSError:
        raise BadPicture(_("The stored picture cannot be read. Upload it again.")) from None
    upright = _opened(content)
    new = ProfileImage(client=client)
    with storing() as stored:
        _copies(stored, upright, new, (left, top, size))
        with transaction.atomic():
            _hold(client)
            row = ProfileImage.objects.select_for_update().filter(pk=image.pk).first()
            if row is None:
                raise BadPicture(_("The picture was replaced or removed meanwhile. Look at it again."))
            _forget(client, row.medium.name, row.thumbnail.name)
            row.medium, row.thumbnail = new.medium.name, new.thumbnail.name
            row.save(update_fields=["medium", "thumbnail"])
    return True


@transaction.atomic
def remove_pictures(client: Client) -> int:
    """Remove a client's pictures and every copy of them; returns how many. Raises ``ErasedClientError``."""
    _hold(client)
    return _delete(client)


def _delete(client: Client) -> int:
    found = list(ProfileImage.objects.select_for_update().filter(client=client))
    _forget(client, *(getattr(row, size).name for row in found for size in SIZES))
    return ProfileImage.objects.filter(pk__in=[row.pk for row in found]).delete()[0] if found else 0


def _forget(client: Client, *names: str | None) -> None:
    record_all("file.delete", [{"name": name, "business": client.business_id} for name in names if name])


def _opened(content: bytes) -> Image.Image:
    if len(content) > LARGEST_FILE:
        raise BadPicture(_("This file is larger than 20 MB. Make it smaller, or choose another."))
    try:
        return opened(content)[0]
    except Unusable:
        words = _(
            "This file is not a picture (JPEG, PNG, WebP or GIF), is damaged, or is far too large. Choose another."
        )
        raise BadPicture(words) from None


def _copies(stored: Stored, upright: Image.Image, image: ProfileImage, square: tuple[int, int, int]) -> None:
    left, top, size = square
    side = max(1, round(min(upright.size) * size / 100))
    x, y = (round((edge - side) * where / 100) for edge, where in zip(upright.size, (left, top), strict=True))
    cut = upright.crop((x, y, x + side, y + side))
    for field, edge in (("medium", MEDIUM), ("thumbnail", THUMBNAIL)):
        copy = cut.copy()
        copy.thumbnail((edge, edge))
        _store(stored, copy, field, image)


def _store(stored: Stored, picture: Image.Image, field: str, image: ProfileImage) -> None:
    transparent = "A" in picture.getbands()
    buffer = io.BytesIO()
    if transparent:
        picture.save(buffer, "PNG")
    else:
        picture.save(buffer, "JPEG", quality=90)
    stored.save(buffer.getvalue(), "png" if transparent else "jpg", field, image)


def _hold(client: Client) -> None:
    if not hold_clients([client.pk], using="default"):
        raise ErasedClientError
