"""Spelling and notation folded away: case, accents, the punctuation of telephone numbers."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from django.db import models

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


def personal_values(plan: Plan, key: Any) -> list[str]:
    """The subject's own values that its policy takes away, as text, without those too short to name anyone."""
    policy = plan.policy
    fields = [
        field
        for name in policy.strategies()
        if isinstance(field := policy.model._meta.get_field(name), models.CharField | models.TextField)
        and not field.choices
    ]
    if not fields:
        return []
    # The engine's own cursor: Django would build the same query anew for every erasure.
    runner = Runner(plan.using)
    dialect = Dialect(runner.connection, key_type=plan.key_type)
    meta = policy.model._meta
    columns = ", ".join(f"t.{dialect.quote(field.column)}" for field in fields)
    found = dialect.in_ids(f"t.{dialect.quote(meta.pk.column)}")
    statement = f"SELECT {columns} FROM {dialect.quote(meta.db_table)} t WHERE {found}"
    _, rows = runner.one(statement, {"ids": dialect.ids_value([key], meta.pk)})
    return [value for row in rows for value in row if isinstance(value, str) and len(fold(value)) >= SHORTEST]


def names_someone(plan: Plan, key: Any, text: str) -> bool:
    """Whether ``text`` holds one of the subject's values as whole words, or one of its telephone numbers."""
    if not text:
        return False
    folded, dialled = f" {_words(text)} ", digits(text)
    for value in personal_values(plan, key):
        plain = _words(value)
        if plain and f" {plain} " in folded:
            return True
        number = digits(value).lstrip("0")
        if len(number) >= 7 and re.fullmatch(r"[\d\s()+./x-]+", value) and number in dialled:
            return True
    return False


def _words(text: str) -> str:
    return re.sub(r"[^\w@.+-]+", " ", fold(text)).strip()
