"""Spelling and notation folded away: case, accents, the punctuation of telephone numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from django.db import models

from lethe.connection import Runner
from lethe.graph import concrete, parents
from lethe.plan import Plan
from lethe.preview import marked_statement
from lethe.sql import Dialect, Statement
from lethe.steps import fields_of
from lethe.ways import ways_of

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
    dialect = Dialect(runner.connection, key_type=plan.key_type)
    given = {"ids": dialect.ids_value(keys, plan.model._meta.pk)}
    statements: list[tuple[str | Statement, dict[str, Any]]] = []
    own = {concrete(plan.model), *parents(plan.model)}
    for policy in (policy for policy in plan.policies if concrete(policy.model) in own):
        columns = [
            f"t.{dialect.quote(field.column)}"
            for field, _ in fields_of(policy, policy.strategies())
            if isinstance(field, models.CharField | models.TextField) and not field.choices
        ]
        if columns:
            table, key = (dialect.quote(name) for name in (policy.model._meta.db_table, policy.model._meta.pk.column))
            _, found = ways_of(dialect, policy, plan.policy)[0]
            chosen = f"{dialect.as_text(f't.{key}')}, {', '.join(columns)}"
            statements.append((f"SELECT {chosen} FROM {table} t WHERE {found.where}", given))
    (_, marked), *answers = runner.run([(marked_statement(plan, dialect), given), *statements])
    # Who is erased already has nothing of their own: what stands in its place names nobody.
    erased = {key for (key,) in marked}
    rows = [row for _, found in answers for key, *row in found if key not in erased]
    return {value for row in rows for value in row if isinstance(value, str) and len(fold(value)) >= SHORTEST}


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
