"""Finding the words in a template that a person would see and nobody could translate.

No HTML parser reads a Django template, because tags of the one stand inside tags of the other. This small scanner cuts
a source into pieces and keeps where each begins, which is all that is needed to name a line.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Attributes that are read out or shown.
SPOKEN = ("alt", "aria-description", "aria-label", "data-busy", "data-label", "placeholder", "title")
#: Arguments of template tags that end up on the screen.
ARGUMENTS = ("about", "action", "busy", "counted", "every", "label", "noun", "text", "ticked", "title")
#: What is the same in every language: units, signs, codes, the product's own name.
SAME = re.compile(
    r"\b(Clubhouse|min|CSV|API|id|PDF|JSON|Standard Webhooks|OpenAPI|ID)\b|lethe|[a-z]+--[a-z]+|(?<!\S)/[\w/-]*/(?!\S)"
)

DJANGO = r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}"
HIDDEN = re.compile(
    r"\{%\s*comment\b.*?\{%\s*endcomment\s*%\}|\{#.*?#\}|\{%\s*(blocktranslate|blocktrans)\b.*?\{%\s*end\1\s*%\}"
    r"|<script\b.*?</script>|<style\b.*?</style>|<svg\b.*?</svg>|<!--.*?-->|<!doctype[^>]*>",
    re.DOTALL | re.IGNORECASE,
)
TAG = re.compile(rf"</?[a-zA-Z](?:{DJANGO}|\"(?:{DJANGO}|[^\"])*\"|'(?:{DJANGO}|[^'])*'|[^>\"'{{]|\{{)*>", re.DOTALL)
ATTRIBUTE = re.compile(rf"(?<![\w-])({'|'.join(SPOKEN)})=\"((?:{DJANGO}|[^\"])*)\"", re.DOTALL)
ARGUMENT = re.compile(rf"(?<![\w-])({'|'.join(ARGUMENTS)})=(\"[^\"]*\"|'[^']*')")
FALLBACK = re.compile(r"(?<!icon)\|(?:default|default_if_none|yesno):(\"[^\"]*\"|'[^']*')")
ADDED = re.compile(r"\|add:(\"[^\"]* [^\"]*\"|'[^']* [^']*')")
ICON = re.compile(r"\{%\s*icon\s+\S+\s+(\"[^\"]*\"|'[^']*')")
ANY_DJANGO = re.compile(DJANGO, re.DOTALL)


@dataclass(frozen=True)
class Piece:
    """Words, and where they begin in the source."""

    start: int
    text: str


def blanked(source: str) -> str:
    """The source with what is translated, or seen by nobody, replaced by as many spaces."""
    return HIDDEN.sub(lambda found: " " * len(found.group()), source)


def has_words(text: str) -> bool:
    """Whether a person would read something here."""
    plain = SAME.sub(" ", html.unescape(ANY_DJANGO.sub(" ", text)))
    return re.search(r"[^\W\d_]{2,}|\b[^\W\d_]\b", plain) is not None


def unmarked(source: str) -> Iterator[Piece]:
    """Every piece of visible text that stands outside a tag that translates it."""
    seen = blanked(source)
    end = 0
    for tag in [*TAG.finditer(seen), None]:
        start = tag.start() if tag else len(seen)
        run = seen[end:start]
        if has_words(run):
            yield Piece(end + len(run) - len(run.lstrip()), run.strip())
        if tag:
            for found in ATTRIBUTE.finditer(tag.group()):
                if has_words(found.group(2)):
                    yield Piece(tag.start() + found.start(), found.group())
            end = tag.end()
    for tag in re.finditer(r"\{%\s*(include|dialog|icon)\b.*?%\}", seen):
        for found in ARGUMENT.finditer(tag.group()):
            if has_words(found.group(2)):
                yield Piece(tag.start() + found.start(), found.group())
        if (icon := ICON.match(tag.group())) and has_words(icon.group(1)):
            yield Piece(tag.start() + icon.start(1), icon.group(1))
    for found in (*FALLBACK.finditer(seen), *ADDED.finditer(seen)):
        sent = re.search(r'value="\{\{[^}]*$', seen[: found.start()])
        if has_words(found.group(1)) and not sent:
            yield Piece(found.start(), found.group())
