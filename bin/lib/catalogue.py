"""The texts of the product, and their translations: extracted, compared, compiled. No GNU gettext is needed.

Texts come from templates, from Python's gettext calls, and from the running product where nobody writes such a call:
what the erasure policies declare (kinds of rows, fields, reasons, labels), the labels that Django draws from a model's
fields, and the docstrings that exceptions show to people.
"""

from __future__ import annotations

import datetime
import importlib
import inspect
import io
import pkgutil
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

HERE = Path(__file__).resolve().parents[2]
PACKAGE = HERE / "src" / "clubhouse"
#: Language to the first line of its catalogue; English is what the texts are written in.
LANGUAGES = {"de": "German"}
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
#: A catalogue changes with its texts, not with the clock.
STAMP = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
PLACEHOLDER = re.compile(r"%\((\w+)\)[sd]|(?<!%)\{(\w*)\}|%(?!%|\()[sd]")

Text = str | tuple[str, str]


@dataclass
class Report:
    """What is left to do for one language."""

    language: str
    missing: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """One line for each thing."""
        return [
            *(f"{self.language}: no text for {text!r}" for text in self.missing),
            *(f"{self.language}: {text}" for text in self.wrong),
            *(f"{self.language}: {text}; run bin/translate" for text in self.stale),
        ]


# --- collecting -------------------------------------------------------------------------------------------------------
def template() -> Catalog:
    """Every text, with the files it is in."""
    found = Catalog(project="clubhouse", charset="utf-8", creation_date=STAMP, revision_date=STAMP)
    for where, text, context in (*_of_python(), *_of_templates(), *_of_policies(), *_of_classes()):
        # A call such as _(" ".join(words)) shows its separator; the words themselves come from their docstrings.
        if (text if isinstance(text, str) else text[0]).strip():
            found.add(text, locations=[(where, 0)], context=context)
    return found


def _of_python() -> Iterator[tuple[str, Text, str | None]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        if "migrations" in path.parts:
            continue
        for _, text, _, context in extract_from_file("python", str(path), keywords=KEYWORDS):
            yield _name(path), text, context


def _of_templates() -> Iterator[tuple[str, Text, str | None]]:
    for path in sorted(one for kind in ("*.html", "*.txt") for one in (PACKAGE / "templates").rglob(kind)):
        for text in texts_of_template(path.read_text()):
            yield _name(path), text, None


def texts_of_template(source: str) -> Iterator[Text]:
    """What ``translate``, ``blocktranslate`` and ``_("…")`` in a template ask the catalogue for."""
    from django.template.base import Lexer, TokenType
    from django.utils.text import smart_split
    from django.utils.translation import trim_whitespace
    from django.utils.translation.template import constant_re

    block: list[list[str]] | None = None
    trimmed = commented = False
    for token in Lexer(source).tokenize():
        words = list(smart_split(token.contents)) if token.token_type == TokenType.BLOCK else []
        first = words[0] if words else ""
        if commented or token.token_type == TokenType.COMMENT:
            commented = commented and first != "endcomment"
        elif first == "comment":
            commented = True
        elif first in {"blocktranslate", "blocktrans"}:
            if "context" in words:
                raise ValueError(f"bin/translate knows no context: {token.contents}")
            block, trimmed = [[]], "trimmed" in words
            yield from _constants(constant_re, token.contents)
        elif first in {"endblocktranslate", "endblocktrans"} and block is not None:
            forms = ["".join(part) for part in block]
            forms = [trim_whitespace(form) for form in forms] if trimmed else forms
            yield (forms[0], forms[1]) if len(forms) > 1 else forms[0]
            block = None
        elif block is not None:
            if first == "plural":
                block.append([])
            elif token.token_type == TokenType.VAR:
                block[-1].append(f"%({token.contents})s")
            else:
                block[-1].append(token.contents.replace("%", "%%"))
        elif first in {"translate", "trans"} and words[1][:1] in "\"'":
            yield words[1][1:-1].replace("%", "%%")
        elif token.token_type in {TokenType.VAR, TokenType.BLOCK}:
            yield from _constants(constant_re, token.contents)


def _constants(pattern: re.Pattern[str], contents: str) -> Iterator[str]:
    for literal in pattern.findall(contents):
        yield literal[1:-1].replace("%", "%%")


def _of_policies() -> Iterator[tuple[str, Text, str | None]]:
    """What the erasure of a client declares, as it was written."""
    from django.utils.translation import override

    from clubhouse.clients.models import Client
    from clubhouse.privacy.wording import REPLACED
    from lethe.plan import plan_for

    with override(None):
        for policy in plan_for(Client, "default").policies:
            meta = policy.model._meta
            words = [meta.verbose_name, meta.verbose_name_plural, *policy.kept().values()]
            words += [getattr(one, "verbose_name", "") for one in meta.get_fields() if one.concrete]
            words += [policy.rows.reason, policy.rows.until] if policy.rows else []
            words += [one.describe() for one in policy.strategies().values()]
            words += [one.label for one in (*policy.blockers, *policy.first)]
            for word in map(str, words):
                if word and not REPLACED.fullmatch(word):
                    yield f"policy:{meta.label}", word, None
        yield "policies", "cleared where it names the person", None


def _of_classes() -> Iterator[tuple[str, Text, str | None]]:
    """The docstrings of exceptions whose message they are, and the labels of forms that are a model's field names."""
    from django.forms import ModelForm

    import clubhouse

    for module in pkgutil.walk_packages(clubhouse.__path__, "clubhouse."):
        if ".migrations" in module.name or module.name.endswith(("__main__", "wsgi", "urls")):
            continue
        for _, kind in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if kind.__module__ != module.name:
                continue
            where = _name(Path(inspect.getfile(kind)))
            if issubclass(kind, Exception) and (said := spoken(kind)):
                yield where, said, None
            for one in kind.base_fields.values() if issubclass(kind, ModelForm) else ():
                # A label that somebody wrote is lazy, and has been found in the source.
                if isinstance(one.label, str) and one.label:
                    yield where, one.label, None


def spoken(kind: type[Exception]) -> str:
    """An exception's docstring on one line, where it shows it to people; "" where it does not."""
    from django.utils.translation import override

    said = " ".join((kind.__doc__ or "").split())
    try:
        with override(None):
            return said if said and " ".join(str(kind()).split()) == said else ""
    except TypeError:
        return ""


def _name(path: Path) -> str:
    return path.relative_to(HERE).as_posix()


# --- catalogues -------------------------------------------------------------------------------------------------------
def folder(language: str) -> Path:
    """Where a language's catalogue lies."""
    return PACKAGE / "locale" / language / "LC_MESSAGES"


def read(language: str) -> Catalog:
    """A language's catalogue as it is; empty where there is none."""
    path = folder(language) / "django.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(old: Catalog, texts: Catalog, language: str) -> Catalog:
    """The texts of today with the translations of before; what is no longer used is dropped."""
    new = Catalog(
        locale=language,
        project="clubhouse",
        version="",
        charset="utf-8",
        header_comment=f"# {LANGUAGES[language]} texts. Made by bin/translate; only msgstr is written by hand.",
        creation_date=STAMP,
        revision_date=STAMP,
        fuzzy=False,
    )
    for text in sorted(_texts(texts), key=lambda one: (_key(one).casefold(), _key(one), one.context or "")):
        before = old.get(text.id, context=text.context)
        if before is None and isinstance(text.id, tuple):
            before = next((one for one in _texts(old) if one.id == text.id), None)
        string: str | tuple[str, ...] = ("", "") if isinstance(text.id, tuple) else ""
        if before is not None and isinstance(before.string, tuple) == isinstance(text.id, tuple):
            string = before.string
        places = sorted({(where, 0) for where, _ in text.locations})
        new.add(text.id, string, locations=places, context=text.context)
    return new


def report(catalogue: Catalog, texts: Catalog, language: str) -> Report:
    """What a catalogue lacks, and where a translation has other placeholders than its text."""
    found = Report(language)
    for text in _texts(texts):
        there = catalogue.get(text.id, context=text.context)
        strings = _strings(there) if there is not None else ()
        if not strings or not all(strings):
            found.missing.append(_key(text))
        elif there is not None and there.fuzzy:
            found.wrong.append(f"{_key(text)!r} is marked as uncertain (fuzzy)")
        else:
            found.wrong.extend(_differences(text, strings))
    return found


def _differences(text: Message, strings: tuple[str, ...]) -> Iterator[str]:
    forms = text.id if isinstance(text.id, tuple) else (text.id,)
    allowed = set().union(*(_placeholders(form) for form in forms))
    # One of several forms may leave the number out ("A client needs your help"), a single one nothing at all.
    needed = set.intersection(*(_placeholders(form) for form in forms))
    for string in strings:
        has = _placeholders(string)
        if not needed <= has <= allowed:
            yield f"{_key(text)!r} and its translation have other placeholders"
        if '"' in string or ("<" in string and "<" not in forms[0]):
            yield f"the translation of {_key(text)!r} holds markup or straight quotation marks, which break attributes"
        if (forms[0][:1] == " ") != (string[:1] == " ") or forms[0][-1:].isspace() != string[-1:].isspace():
            yield f"the translation of {_key(text)!r} begins or ends with other spaces"


def _placeholders(text: str) -> set[str]:
    return {found.group() for found in PLACEHOLDER.finditer(text)}


def _texts(catalogue: Catalog) -> list[Message]:
    return [message for message in catalogue if message.id]


def _strings(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string,)


def _key(message: Message) -> str:
    return message.id[0] if isinstance(message.id, tuple) else message.id


def as_po(catalogue: Catalog) -> bytes:
    """The catalogue as people edit it."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=110, include_lineno=False, ignore_obsolete=True)
    return stream.getvalue()


def as_mo(catalogue: Catalog) -> bytes:
    """The catalogue as Django reads it."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def bring_up_to_date(*, write: bool) -> list[Report]:
    """Compare, and unless only asked, write; one report for each language."""
    texts, reports = template(), []
    for language in LANGUAGES:
        catalogue = updated(read(language), texts, language)
        found = report(catalogue, texts, language)
        for name, content in (("django.po", as_po(catalogue)), ("django.mo", as_mo(catalogue))):
            path = folder(language) / name
            if path.exists() and path.read_bytes() == content:
                continue
            if write:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            else:
                found.stale.append(f"{name} is not up to date")
        reports.append(found)
    return reports


def main(arguments: list[str]) -> int:
    """Returns 0 where nothing is left to do, else 1."""
    import django

    django.setup()
    lines = [line for found in bring_up_to_date(write="--check" not in arguments) for line in found.lines]
    print("\n".join(lines) if lines else f"Complete: {', '.join(LANGUAGES.values())}.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
