"""German."""

from __future__ import annotations

DATE_FORMAT = "j. F Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = "j. F Y, H:i"
MONEY_FORMAT = "{sign}{figure}\N{NO-BREAK SPACE}{symbol}"
#: English pattern to the German one. German shortens a month as in "Nov.", which Django calls N.
PATTERNS = {
    "M": "N",
    "M Y": "N Y",
    "j F": "j. F",
    "j F Y": "j. F Y",
    "j F Y, H:i": "j. F Y, H:i",
    "j F, H:i": "j. F, H:i",
    "j M": "j. N",
    "j M Y": "j. N Y",
    "j M Y, H:i": "j. N Y, H:i",
    "j M, H:i": "j. N, H:i",
    "D j F": "D, j. F",
    "D j F, H:i": "D, j. F, H:i",
    "D j M": "D, j. N",
    "D j M, H:i": "D, j. N, H:i",
    "D j M Y": "D, j. N Y",
    "D j M Y, H:i": "D, j. N Y, H:i",
    "l j F": "l, j. F",
    "l j F Y": "l, j. F Y",
    "l j F Y, H:i": "l, j. F Y, H:i",
}


def __getattr__(name: str) -> str:
    """The German for an English pattern; Django asks for it as it asks for ``DATE_FORMAT``."""
    try:
        return PATTERNS[name]
    except KeyError:
        raise AttributeError(name) from None
