"""Finding a client by name, e-mail address, phone number in any notation, or id (row H1).

Every client carries one folded text, ``search_text``; a query is folded the same way and looked for in it. The text is
a copy of the person: it is written with the record and goes with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from django.db.models import Q

if TYPE_CHECKING:
    from clubhouse.clients.models import Client

# Letters that Unicode does not take apart into a base letter and an accent, and the apostrophes people type.
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ı": "i"})
_APOSTROPHES = str.maketrans(dict.fromkeys("‘’ʼ`´", "'"))
_INVISIBLE = {"Mn", "Me", "Cf"}
_PHONE_CHARACTERS = set("+0123456789()[]./-–‐x")  # x as in "x12", an extension
_TRUNK_ZERO = re.compile(r"[(\[]\s*0\s*[)\]]")
_SHORTEST_LOCAL = 6


def fold(text: str) -> str:
    """``text`` without accents, case, invisible characters and doubled spaces: what two spellings have in common."""
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES)).casefold().translate(_LETTERS)
    kept = (_digit(letter) for letter in unicodedata.normalize("NFKD", plain))
    return " ".join("".join(letter for letter in kept if unicodedata.category(letter) not in _INVISIBLE).split())


def digits(phone: str) -> str:
    """The digits of a phone number without what notations differ in: a leading ``+`` or zeros, and ``(0)``."""
    return re.sub(r"[^0-9]", "", _TRUNK_ZERO.sub("", fold(phone))).lstrip("0")


def search_text(client: Client) -> str:
    """What the search field looks in: names, address and id, folded, and the digits of each phone, one to a line."""
    folded = (fold(value) for value in (client.first_name, client.last_name, client.email, client.number))
    phones = (digits(value) for value in (client.mobile_no, client.phone_no, client.work_no))
    return "\n".join(filter(None, (*folded, *phones)))


def matching(query: str) -> Q:
    """The clients that ``query`` finds: each of its words occurs, in any order; an empty query finds everyone.

    Words that stand together and look like a phone number are one number, compared by its digits.
    """
    found = Q()
    for is_number, words in groupby(_words(query), key=_looks_like_a_number):
        group = list(words)
        each = Q()
        for word in group:
            each &= Q(search_text__contains=word)
        if is_number:
            for number in sorted(set(_numbers(" ".join(group)))):
                each |= Q(search_text__contains=number)
        found &= each
    return found


def _words(query: str) -> list[str]:
    """The words of a query; bare punctuation says nothing beside them, and stands only where there is nothing else."""
    words = re.sub(r"\+ ", "+", fold(query)).split()
    return [word for word in words if any(letter.isalnum() for letter in word)] or words


def _looks_like_a_number(word: str) -> bool:
    return _PHONE_CHARACTERS.issuperset(word) and any(letter.isdigit() for letter in word)


def _numbers(written: str) -> Iterator[str]:
    """The digits to look for: as written and, where a country code leads, without it, as a local number is stored."""
    number = digits(written)
    if not number:
        return
    yield number
    if written.lstrip("([").startswith(("+", "00")):
        for length in (1, 2, 3):
            local = number[length:].lstrip("0")
            if len(local) >= _SHORTEST_LOCAL:
                yield local


def _digit(letter: str) -> str:
    """A decimal digit of any script as 0-9; every other character as it is."""
    return str(unicodedata.decimal(letter)) if unicodedata.category(letter) == "Nd" else letter
