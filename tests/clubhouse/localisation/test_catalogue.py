"""The catalogues are complete, in step with the texts, and fit to be put into a page."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog
from django.template import engines
from django.utils.translation import gettext, ngettext, override

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """What bin/translate runs."""
    sys.path.insert(0, str(ROOT / "bin" / "lib"))
    try:
        import catalogue
    finally:
        sys.path.pop(0)
    return catalogue


def test_every_language_is_complete_and_compiled(tool: ModuleType) -> None:
    """A text without a German one, other placeholders, or a catalogue that bin/translate would write differently."""
    reports = tool.bring_up_to_date(write=False)
    assert [found.language for found in reports] == ["de"]
    assert [line for found in reports for line in found.lines] == []


def catalogue_of(tool: ModuleType, text: str | tuple[str, str], string: str | tuple[str, str]) -> list[str]:
    """What is reported of one text with this translation."""
    texts, translated = Catalog(locale="de"), Catalog(locale="de")
    texts.add(text)
    translated.add(text, string)
    report = tool.report(translated, texts, "de")
    return report.missing + report.wrong


@pytest.mark.parametrize(
    ("text", "string"),
    [
        ("Save", ""),
        (("%(n)s place", "%(n)s places"), ("%(n)s Platz", "")),
        ("Until %(day)s", "Bis %(tag)s"),
        ("Until %(day)s", "Bis bald"),
        ("{title} anonymised", "anonymisiert"),
        (("One place", "%(n)s places"), ("Ein Platz", "%(anzahl)s Plätze")),
        ("Save", 'Das "Speichern"'),
        ("Save", "<b>Speichern</b>"),
        (", until %(day)s", " , bis %(day)s"),
    ],
)
def test_a_translation_that_breaks_a_page_is_reported(
    tool: ModuleType, text: str | tuple[str, str], string: str | tuple[str, str]
) -> None:
    assert catalogue_of(tool, text, string)


@pytest.mark.parametrize(
    ("text", "string"),
    [
        ("Save", "Speichern"),
        ("From %(first)s to %(last)s", "Bis %(last)s ab %(first)s"),
        (("One place", "%(n)s places"), ("Ein Platz", "%(n)s Plätze")),
        ("<strong>%(name)s</strong> goes", "<strong>%(name)s</strong> geht"),
    ],
)
def test_a_sound_translation_is_not(
    tool: ModuleType, text: str | tuple[str, str], string: str | tuple[str, str]
) -> None:
    assert catalogue_of(tool, text, string) == []


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        ('{% load i18n %}{% translate "Save" %}', ["Save"]),
        ("{% load i18n %}{% translate 'Up to 5 %' %}", ["Up to 5 %%"]),
        (
            "{% load i18n %}{% blocktranslate with name=who|upper trimmed %}\n  Hello {{ name }}, 5 %\n"
            "{% endblocktranslate %}",
            ["Hello %(name)s, 5 %%"],
        ),
        (
            "{% load i18n %}{% blocktranslate count n=many %}{{ n }} place{% plural %}{{ n }} places"
            "{% endblocktranslate %}",
            [("%(n)s place", "%(n)s places")],
        ),
        (
            '{% include "components/empty.html" with title=_("No class") text=word|default:_("None") %}',
            ["No class", "None"],
        ),
        ('{% comment %}{% translate "Hidden" %}{% endcomment %}{# {% translate "Hidden" %} #}', []),
    ],
)
def test_what_a_template_asks_for(tool: ModuleType, source: str, texts: list[str | tuple[str, str]]) -> None:
    assert list(tool.texts_of_template(source)) == texts


def test_a_template_finds_what_was_collected(tool: ModuleType) -> None:
    """The collected text is the one that Django looks up: shown by translations that only fit if it is."""
    source = (
        "{% load i18n %}{% blocktranslate trimmed count counter=many %}\n {{ counter }} place free{% plural %}"
        "{{ counter }} places free {% endblocktranslate %}, {% translate 'Wait' %}"
    )
    assert list(tool.texts_of_template(source)) == [
        ("%(counter)s place free", "%(counter)s places free"),
        "Wait",
    ]
    template = engines["django"].from_string(source)
    with override("de"):
        assert template.render({"many": 1}) == "1 Platz frei, Warten"
        assert template.render({"many": 3}) == "3 Plätze frei, Warten"
        assert ngettext("%(counter)s place free", "%(counter)s places free", 2) == "%(counter)s Plätze frei"


#: The labels that the two documents give, to the letter, and their German.
LABELS = {
    "Delete this client": "Diesen Kunden löschen",
    "Account deletion checklist": "Checkliste zur Kontolöschung",
    "Delete the client": "Kunden löschen",
    "Confirm": "Bestätigen",
    "Delete My Account": "Mein Konto löschen",
    "Confirm Deletion": "Löschung bestätigen",
    "Logout": "Abmelden",
    "Settings": "Einstellungen",
    "Preferences": "Präferenzen",
    "Deleted Clients": "Gelöschte Kunden",
    "Client Information": "Kundeninformationen",
    "Team settings": "Teameinstellungen",
    "Team Access Group": "Team-Zugriffsgruppe",
    "Access": "Zugriff",
    "Administrator Access": "Administratorzugriff",
    "Delete Accounts": "Konten löschen",
    "Users": "Benutzer",
    "Clients": "Kunden",
    "Deleted": "Gelöscht",
    "Update": "Aktualisieren",
}


@pytest.mark.parametrize("label", LABELS)
def test_the_documents_labels_are_kept_and_have_a_german_one(label: str) -> None:
    with override("en-gb"):
        assert gettext(label) == label
    with override("de"):
        assert gettext(label) == LABELS[label]
