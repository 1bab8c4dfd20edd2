"""Reading a page as a German would: every word that can be seen, and whether one of them is an English text of ours."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

from babel.messages.pofile import read_po

import clubhouse
from tests.clubhouse.localisation.visible import SPOKEN

PO = Path(clubhouse.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\\\((?:\w+)\\\)[sd]|\\\{\w*\\\}")


class Words(HTMLParser):
    """The visible texts of a page, each as one piece; a blank or a comma between two is no text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.language = ""
        self._silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self._silent += tag in {"script", "style", "svg", "code"}
        if tag == "html":
            self.language = given.get("lang") or ""
        self.found += [" ".join(value.split()) for name, value in attrs if name in SPOKEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style", "svg", "code"}

    def handle_data(self, data: str) -> None:
        if not self._silent and data.strip():
            self.found.append(" ".join(data.split()))


@cache
def english() -> tuple[frozenset[str], re.Pattern[str]]:
    """The texts whose German differs: those without values, and one pattern for those with at least two words beside
    their values."""
    with PO.open("rb") as file:
        messages = [message for message in read_po(file) if message.id]
    plain, patterns = set(), []
    for message in messages:
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for text, string in zip(ids, strings, strict=True):
            if text == string:
                continue
            pattern = PLACEHOLDER.sub(".+?", re.escape(text.replace("%%", "%")))
            if ".+?" not in pattern:
                plain.add(text)
            elif len(re.findall(r"[A-Za-z]{2,}", re.sub(r"%\(\w+\)[sd]|\{\w*\}", "", text))) > 1:
                patterns.append(pattern)
    return frozenset(plain), re.compile("|".join(patterns))


def english_words(page: str) -> list[str]:
    """The English texts of ours that a page shows."""
    plain, patterns = english()
    return [
        text for text in Words(page).found if text in plain or text.rstrip(".:,") in plain or patterns.fullmatch(text)
    ]
