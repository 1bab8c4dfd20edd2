"""No screen can forget a text: whatever a template shows stands in a tag that translates it."""

from __future__ import annotations

from pathlib import Path

import pytest

import clubhouse
from tests.clubhouse.localisation.visible import unmarked

PACKAGE = Path(clubhouse.__file__).parent
TEMPLATES = sorted(path for kind in ("*.html", "*.txt") for path in (PACKAGE / "templates").rglob(kind))


def test_every_visible_text_can_be_translated() -> None:
    assert len(TEMPLATES) > 100
    found = []
    for path in TEMPLATES:
        source = path.read_text()
        for piece in unmarked(source):
            line = source.count("\n", 0, piece.start) + 1
            found.append(f"{path.relative_to(PACKAGE)}:{line}: {' '.join(piece.text.split())}")
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Nobody here</p>",
        "<p>{{ count }} places</p>",
        "<p>{% if many %}Many{% endif %}</p>",
        '<button aria-label="Close">{% icon "x" %}</button>',
        '<input placeholder="Search {{ what }}">',
        '<td data-label="When">{{ day }}</td>',
        '{% include "components/empty.html" with icon="inbox" title="Nothing here" %}',
        '{% icon "x" "Close" %}',
        '<p>{{ name|default:"Nobody" }}</p>',
        '{% with name|add:" goes for good" as title %}{{ title }}{% endwith %}',
        "{% block title %}Clients{% endblock %}",
        '<p>{% translate "Marked" %} and not</p>',
    ],
)
def test_a_text_outside_such_a_tag_is_found(source: str) -> None:
    assert list(unmarked(source))


@pytest.mark.parametrize(
    "source",
    [
        '<p class="muted small" id="where">{{ count }} · {{ name }}, 5 %</p>',
        '<p>{% translate "Nobody here" %}</p>',
        "<p>{% blocktranslate trimmed %}{{ count }} places{% endblocktranslate %}</p>",
        '<button aria-label="{% translate "Close" %}">{% icon "x" %}</button>',
        '{% include "components/empty.html" with icon="inbox" title=_("Nothing here") %}',
        "{% comment %}For whoever reads the source{% endcomment %}",
        '<script src="{% static "clubhouse/app.js" %}" defer></script>',
        "<p>{{ session.minutes }} min</p>",
    ],
)
def test_what_nobody_reads_or_what_is_marked_is_not(source: str) -> None:
    assert [piece.text for piece in unmarked(source)] == []
