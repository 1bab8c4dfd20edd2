"""What should become of a field, guessed: by its type, by its name and, on request, by the shape of its values.

A guess is never an answer. It says why it was made, so that a person can confirm it or not. A sampled value is looked
at and forgotten: only its shape is kept, and nothing of it is ever printed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from lethe.strategies import EMPTY, RandomDigits, RandomEmail, Replace, Strategy, UnusablePassword

#: Words in a column's name that tell of a person, whatever its type.
TELLING = {
    "about", "address", "age", "avatar", "bio", "birth", "birthday", "born", "city", "contact", "county", "diagnosis",
    "dob", "fax", "firstname", "forename", "fullname", "gender", "height", "iban", "ip", "lastname", "lat", "latitude",
    "line1", "line2", "line3", "line4", "lng", "location", "longitude", "mail", "medical", "mobile", "name", "nickname",
    "occupation", "passport", "phone", "photo", "picture", "postcode", "salary", "sex", "ssn", "street", "surname",
    "tel", "telephone", "town", "username", "weight", "zip",
}  # fmt: skip
#: Words that tell of a secret, with which somebody could act as the person.
SECRET = {"apikey", "hash", "key", "otp", "pin", "secret", "session", "token"}
#: Words that tell of what is counted, sorted by or shown, and names nobody.
COUNTED = {
    "barcode", "category", "code", "colour", "color", "currency", "kind", "language", "locale", "method", "number",
    "priority", "sku", "slug", "status", "timezone", "type", "unit", "upc", "version",
}  # fmt: skip
#: Rows looked at, and how few values among how many rows are a list to choose from.
ROWS, FEW, MANY = 1_000, 20, 50

ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.\w+")
NUMBER = re.compile(r"\+?[\d\s()./-]{7,}")


@dataclass(frozen=True)
class Guess:
    """What a field becomes, why, and as it is written in a policy. ``open`` is a guess that cannot be a good one."""

    action: str
    why: str
    strategy: Strategy | None = None
    source: str = ""
    open: bool = False


@dataclass(frozen=True)
class Shape:
    """What a column's sampled values look like."""

    rows: int
    distinct: int
    addresses: bool
    numbers: bool

    @property
    def few(self) -> bool:
        """A handful of values in many rows."""
        return self.rows >= MANY and self.distinct <= FEW


def shapes(model: type[models.Model], using: str = "default") -> dict[str, Shape]:
    """The shapes of a model's text columns, from one query for its first thousand rows."""
    names = [field.name for field in model._meta.concrete_fields if _is_text(field) and not field.choices]
    if not names:
        return {}
    rows = list(model._base_manager.using(using).order_by("pk").values_list(*names)[:ROWS])
    return {name: _shape([row[place] for row in rows]) for place, name in enumerate(names)}


def _shape(values: Iterable[Any]) -> Shape:
    given = Counter(str(value) for value in values if value)
    total, most = given.total(), given.total() / 2
    return Shape(
        rows=total,
        distinct=len(given),
        addresses=sum(n for text, n in given.items() if ADDRESS.fullmatch(text)) > most,
        numbers=sum(n for text, n in given.items() if NUMBER.fullmatch(text)) > most,
    )


def guess(field: models.Field[Any, Any], seen: Mapping[str, Shape], *, counted: str) -> Guess:
    """What becomes of a column of a row that stays. ``counted`` is the reason for what is kept: what adds up by it."""
    wanted = _wanted(field, seen.get(field.name), counted)
    return wanted if wanted.action == "keep" else _fitting(field, wanted)


def words(name: str) -> set[str]:
    """The words of a column's name."""
    return set(re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower().split("_"))


def _is_text(field: models.Field[Any, Any]) -> bool:
    return isinstance(field, models.CharField | models.TextField) and not isinstance(field, models.FileField)


def _wanted(field: models.Field[Any, Any], seen: Shape | None, counted: str) -> Guess:
    named = words(field.name)

    def keep(why: str) -> Guess:
        return Guess("keep", why, source=counted)

    def clear(why: str) -> Guess:
        return Guess("clear", why, EMPTY)

    if field.is_relation:
        return keep("a reference that leads to nobody")
    if isinstance(field, models.FileField):
        return clear("a file; it is deleted too")
    if "password" in named:
        return Guess("replace", "a password, by its name", UnusablePassword(), "UnusablePassword()")
    if isinstance(field, models.EmailField) or "email" in named or (seen is not None and seen.addresses):
        return clear("an e-mail address" + ("" if isinstance(field, models.EmailField) else ", by its name or values"))
    if isinstance(field, models.GenericIPAddressField):
        return clear("an address on the network, by its type")
    if field.choices or isinstance(field, models.BooleanField):
        return keep("one of a few values, by its type")
    if telling := sorted(named & TELLING):
        return clear(f"by its name ({', '.join(telling)})")
    if isinstance(field, models.JSONField | models.BinaryField):
        return clear("it can hold anything")
    if seen is not None and seen.numbers:
        return clear("telephone numbers, by its values")
    if _is_text(field):
        return _wanted_of_text(field, seen, named, keep, clear)
    if field.name == "last_login":
        return clear("when somebody was last here")
    return keep("a number, a date or a key, by its type")


def _wanted_of_text(
    field: models.Field[Any, Any],
    seen: Shape | None,
    named: set[str],
    keep: Callable[[str], Guess],
    clear: Callable[[str], Guess],
) -> Guess:
    if isinstance(field, models.TextField) or (field.max_length or 0) > 500:
        return clear("free text can name anyone")
    if secret := sorted(named & SECRET):
        return clear(f"a secret, by its name ({', '.join(secret)})")
    if named & COUNTED or isinstance(field, models.SlugField) or (field.max_length or 99) <= 3:
        return keep("a code or a number, by its name")
    if seen is not None and seen.few:
        return keep(f"{seen.distinct} different values in {seen.rows} rows")
    return clear("text that somebody typed")


def _fitting(field: models.Field[Any, Any], wanted: Guess) -> Guess:
    """The guess, or the next best thing that the column can take."""
    tried: list[tuple[Strategy, str]] = [(wanted.strategy or EMPTY, wanted.source)]
    tried += [
        (RandomEmail(), "RandomEmail()"),
        (RandomDigits(20), "RandomDigits(20)"),
        (RandomDigits(), "RandomDigits()"),
        (Replace(0), "0"),
    ]
    for strategy, source in tried:
        if strategy.problem(field) is None:
            action = "clear" if strategy is EMPTY else "replace"
            return Guess(action, wanted.why, strategy, source)
    reason = "the column takes nothing empty; allow NULL, then clear it"
    return Guess("keep", wanted.why, source=reason, open=True)
