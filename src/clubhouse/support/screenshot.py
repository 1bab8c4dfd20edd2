"""Taking a screenshot: a real image and nothing else. It is decoded and drawn anew, so only its pixels are kept."""

from __future__ import annotations

import io
import warnings

from django import forms
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

MEGABYTE = 1024 * 1024
#: The largest file, in bytes; the most pixels it may have; the longest side that is kept, in pixels.
MOST_BYTES, MOST_PIXELS, LONGEST_SIDE = 5 * MEGABYTE, 40_000_000, 2_400
FORMATS = ("PNG", "JPEG", "WEBP")


def redrawn(upload: UploadedFile[bytes]) -> ContentFile[bytes]:
    """The picture as a new PNG, without its name, its metadata and whatever else the file held.

    Raises ``ValidationError`` for a file that is too large, or that is no PNG, JPEG or WebP picture to its last byte.
    """
    if (upload.size or 0) > MOST_BYTES:
        raise forms.ValidationError(_("This file is larger than 5 MB. Save the screenshot as PNG or JPEG, or cut it."))
    data = upload.read(MOST_BYTES + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as found:
                if found.width * found.height > MOST_PIXELS:
                    raise forms.ValidationError(_("This picture has more than 40 million pixels. Cut it."))
                found.load()
                upright = ImageOps.exif_transpose(found).convert("RGB")
    except forms.ValidationError:
        raise
    except Exception:
        # Whatever a decoder stumbles over, the file is no picture to show to anybody.
        raise forms.ValidationError(_("This is no picture. Send the screenshot as a PNG, JPEG or WebP file.")) from None
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    clean = Image.new("RGB", upright.size)
    clean.paste(upright)
    stream = io.BytesIO()
    clean.save(stream, "PNG")
    return ContentFile(stream.getvalue(), name="screenshot.png")
