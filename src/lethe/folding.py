"""Spelling and notation folded away: case, accents, the punctuation of telephone numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from lethe.connection import Runner
from lethe.plan import Plan
from lethe.sql import Dialect

#: Shorter values say nothing of a person: a gender, a country, a weight.
SHORTEST = 4


def fold(text: str) -> str:
    """Text without case, accents and invisible characters, white space as single spaces."""
    if text.isascii() and text.isprintable():
        return " ".join(text.casefold().split())
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    shown = "".join(c for c in decomposed if unicodedata.category(c) not in {"Mn", "Cf", "Cc"} or c.isspace())
    return " ".join(shown.split())


def digits(text: str) -> str:
    """The digits of a text, as a telephone keypad takes them."""
    return re.sub(r"\D", "", text)


def personal_values(plan: Plan, keys: Sequence[Any]) -> set[str]:
    """The subjects' own values that the policy takes away, as text, but those too short to name anyone."""
    # The engine's own cursor: Django would build the same query anew for every erasure.
    runner = Runner(plan.using)
    given = {"ids": Dialect(runner.connection, key_type=plan.key_type).ids_value(keys, plan.model._meta.pk)}
    answers = runner.run([(statement, given) for statement in plan.own_values]) if plan.own_values else ()
    values = {value for _, rows in answers for row in rows for value in row if isinstance(value, str)}
    return {value for value in values if len(fold(value)) >= SHORTEST}


def names_someone(plan: Plan, keys: Sequence[Any], text: str) -> bool:
    """Whether ``text`` holds a value of one of the subjects as whole words, or one of their telephone numbers."""
    if not text:
        return False
    folded, dialled = f" {_words(text)} ", digits(text)
    for value in personal_values(plan, keys):
        plain = _words(value)
        if plain and f" {plain} " in folded:
            return True
        number = digits(value).lstrip("0")
        if len(number) >= 7 and re.fullmatch(r"[\d\s()+./x-]+", value) and number in dialled:
            return True
    return False


def _words(text: str) -> str:
    return re.sub(r"[^\w@.+-]+", " ", fold(text)).strip()
