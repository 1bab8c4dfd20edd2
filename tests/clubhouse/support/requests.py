"""Sending requests, with a screenshot that a search of bytes finds again."""

from __future__ import annotations

import io
import uuid
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from clubhouse.clients.models import Client
from clubhouse.support import services
from clubhouse.support.models import Case
from clubhouse.support.screenshot import redrawn
from clubhouse.team.models import StaffMember


def shot(text: str = "hidden words", kind: str = "PNG", size: tuple[int, int] = (40, 30)) -> SimpleUploadedFile:
    """A picture as a browser uploads it, with words in its metadata and in its name."""
    stream = io.BytesIO()
    words = PngInfo()
    words.add_text("Comment", text)
    more: dict[str, Any] = {"pnginfo": words} if kind == "PNG" else {}
    Image.new("RGB", size, (200, 30, 30)).save(stream, kind, **more)
    return SimpleUploadedFile(f"{text}.{kind.lower()}", stream.getvalue())


def details(client: Client, **changed: str) -> dict[str, str]:
    """What is typed, as it is on the record."""
    own = {"typed_name": client.display_name, "typed_email": client.email, "typed_id": client.number}
    return own | changed


def sent(client: Client, **changed: Any) -> dict[str, Any]:
    """What the page sends."""
    return {"form": str(uuid.uuid4()), "screenshot": shot(), **details(client), **changed}


def send(staff: StaffMember, client: Client, **changed: str) -> Case:
    """A request, sent by a colleague."""
    return services.send(
        staff.business,
        form=uuid.uuid4(),
        screenshot=redrawn(shot()),
        **details(client, **changed),
        by=staff.user,
        now=timezone.now(),
    )
