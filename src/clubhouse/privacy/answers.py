"""What the other side answered, in people's words: the receipts that effects leave (row N4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from clubhouse.privacy.wording import said, sentence_case

#: Keys of a receipt whose value is a word.
WORDS = ("outcome", "file", "redaction", "mail")
#: What such a value may be; one that is not here is told as it is.
OUTCOMES = (
    gettext_noop("deleted"),
    gettext_noop("was gone"),
    gettext_noop("cancelled"),
    gettext_noop("detached"),
    gettext_noop("redacted"),
    gettext_noop("frozen"),
    gettext_noop("unfrozen"),
    gettext_noop("revoked"),
    gettext_noop("delivered"),
    gettext_noop("was revoked or had run out before"),
    gettext_noop("the provider has no way to revoke"),
    gettext_noop("the provider was removed"),
    gettext_noop("the endpoint was removed"),
    gettext_noop("the endpoint is switched off"),
    gettext_noop("the endpoint is gone and was switched off"),
    gettext_noop("kept: another client's card has it"),
    gettext_noop("kept: another client's card is under it"),
    gettext_noop("no mail server; in the inbox only"),
)
#: The one outcome that is no answer, and is said in a sentence of its own.
NO_PROVIDER = "no payment provider"
#: Keys whose value is a number, told where it is not zero.
NUMBERS = {
    "versions": _("Versions removed"),
    "markers": _("Delete markers removed"),
    "uploads": _("Unfinished uploads ended"),
    "copies": _("Copies removed"),
    "mailed": _("Mails handed to the mail server"),
    "mailed before": _("Told by a mail before"),
    "refused": _("Mails that the mail server refused"),
    "no address": _("Without an address, told in the inbox"),
    "given": _("Places given to the next in line"),
    "offered": _("Places offered to the next in line"),
    "lines": _("Lines in inboxes"),
    "certain": _("Places that certainly name the person"),
    "likely": _("Places that likely name the person"),
    "weak": _("Places that hold a name alone"),
}


def answer_words(receipts: Iterable[tuple[dict[str, Any], int]]) -> tuple[str, ...]:
    """Receipts of one kind, each with how many are alike, as lines; the same words are counted, numbers added up."""
    words: Counter[str] = Counter()
    numbers: Counter[str] = Counter()
    searched = False
    for receipt, count in receipts:
        for key, value in receipt.items():
            if key in WORDS:
                words[str(value)] += count
            elif key in NUMBERS and isinstance(value, int):
                numbers[key] += value * count
        searched = searched or "certain" in receipt
    lines = [_counted(sentence_case(_outcome(word)), count) for word, count in sorted(words.items())]
    lines += [_counted(str(label), numbers[key], always=True) for key, label in NUMBERS.items() if numbers[key]]
    if searched and not any(numbers[key] for key in ("certain", "likely", "weak")):
        lines.append(gettext("Nothing was found that still names the person"))
    return tuple(lines)


def _outcome(word: str) -> str:
    if word == NO_PROVIDER:
        return gettext("There is no payment provider connected, so nothing was asked of one")
    return said(word)


def _counted(text: str, count: int, *, always: bool = False) -> str:
    return gettext("%(what)s: %(count)s") % {"what": text, "count": count} if always or count > 1 else text
