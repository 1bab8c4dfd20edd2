"""The explanation as a page: all that it says, well formed, and nothing fetched from anywhere; and the API's page."""

from __future__ import annotations

import inspect
import io
import json
import re
from html.parser import HTMLParser
from types import ModuleType
from typing import Any

import pytest
from django.core.management import call_command
from django.test import override_settings

import lethe
from lethe import exceptions, outbox, page, pipeline
from lethe.explain import Entry, Explanation
from lethe.page import as_html
from tests.lethe.apps.shop.models import Customer
from tests.lethe.support.process import ROOT

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Reads a page, and objects where an element is left open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, Any]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(" ".join(data.split()))


def command(*arguments: str) -> str:
    """What the command prints."""
    out = io.StringIO()
    call_command("lethe", "explain", "shop.Customer", *arguments, stdout=out)
    return out.getvalue()


def test_the_page_says_all_that_the_explanation_does() -> None:
    found = pipeline.explain(Customer)
    words = Reader(command("--format", "html")).words
    said = found.as_dict()
    for part in ("removed", "changed", "unlinked", "kept", "blockers", "actions", "effects", "outlives"):
        for entry in said[part]:
            assert entry["title"] in words, entry
            assert not entry["reason"] or entry["reason"] in words, entry
            assert not entry["until"] or entry["until"] in words, entry
            assert not entry["fields"] or ", ".join(entry["fields"]) in words, entry
    assert len(said["kept"]) > 3
    assert any(found.digest in text for text in words)


def test_the_page_stands_alone_and_reads_in_order() -> None:
    text = command("--format", "html")
    seen = Reader(text).seen
    assert not {tag for tag, _ in seen} & {"script", "link", "img", "iframe"}
    assert "http" not in text
    assert "url(" not in text
    assert "@media print" in text
    assert dict(seen)["html"]["lang"]
    assert [tag for tag, _ in seen if tag == "h1"] == ["h1"]
    assert {attrs.get("scope") for tag, attrs in seen if tag == "th"} == {"col", "row"}
    ids = [attrs["id"] for _, attrs in seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {attrs["aria-labelledby"] for tag, attrs in seen if tag == "section"} <= set(ids)


def test_words_are_text_and_never_markup() -> None:
    entry = Entry("shop.X", "<b>Titles</b>", ("a<b",), "kept", 'the "law" & the books')
    empty: dict[str, Any] = dict.fromkeys(
        ("removed", "changed", "unlinked", "blockers", "actions", "effects", "outlives"), ()
    )
    text = as_html(Explanation(subject="<i>client</i>", digest="0", kept=(entry,), **empty))
    assert "<b>Titles" not in text
    assert "<i>client" not in text
    assert "&lt;b&gt;Titles" in text
    assert text.count("<h2") == 1


def test_it_needs_no_template_settings_of_the_project() -> None:
    with override_settings(TEMPLATES=[]):
        assert "<h1>" in command("--format", "html")


def test_each_format_is_what_it_is_called() -> None:
    assert json.loads(command("--format", "json")) == json.loads(command("--json"))
    assert command("--format", "markdown") == command()
    assert command().startswith("# What becomes of")


# --- the API's page ---------------------------------------------------------------------------------------------------
#: Of these modules everything public is what a project may call.
PUBLIC = {
    lethe: lethe.__all__,
    pipeline: pipeline.__all__,
    exceptions: [name for name, one in vars(exceptions).items() if inspect.isclass(one) and "lethe" in one.__module__],
    outbox: ["Retry", "drain", "handler", "keep", "performing", "work"],
    page: ["as_html"],
}


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_every_public_name_has_a_docstring_and_a_line(module: ModuleType) -> None:
    text = (ROOT / "docs" / "reference" / "api.md").read_text()
    part = text.partition(f"## `{module.__name__}`\n")[2].partition("\n## ")[0]
    names = set(PUBLIC[module])
    assert names
    assert set(re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)) == names
    for name in names:
        one = getattr(module, name)
        assert inspect.getdoc(one if inspect.isclass(one) or callable(one) else type(one)), name


def test_every_ready_module_has_a_line() -> None:
    text = (ROOT / "docs" / "reference" / "contrib.md").read_text()
    folder = ROOT / "src" / "lethe" / "contrib"
    modules = {f"lethe.contrib.{path.stem}" for path in folder.glob("*.py") if path.stem != "__init__"}
    assert len(modules) > 5
    assert set(re.findall(r"^\| `([\w.]+)` \|", text, re.MULTILINE)) == modules


def test_every_documented_check_has_a_test_that_names_it() -> None:
    listed = (ROOT / "docs" / "reference" / "checks.md").read_text()
    ids = set(re.findall(r"^\| `lethe\.([EW]\d+)` \|", listed, re.MULTILINE))
    assert len(ids) > 25
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    unnamed = {number for number in ids if not re.search(rf"\b{number}\b|_{number.lower()}_", tests)}
    assert unnamed == set()
