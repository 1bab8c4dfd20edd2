"""An explanation as one page that needs nothing else: for a privacy officer to read, to print and to file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.template import Context, Engine
from django.utils.translation import gettext as _

from lethe.explain import Entry, Explanation

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Part:
    """A section of the page, and which of its columns hold anything."""

    title: str
    about: str
    entries: tuple[Entry, ...]

    @property
    def fields(self) -> bool:
        """Whether an entry names fields."""
        return any(entry.fields for entry in self.entries)

    @property
    def what(self) -> bool:
        """Whether its entries say different things."""
        return len({entry.what for entry in self.entries}) > 1

    @property
    def reason(self) -> bool:
        """Whether an entry says why."""
        return any(entry.reason for entry in self.entries)

    @property
    def until(self) -> bool:
        """Whether an entry says until when."""
        return any(entry.until for entry in self.entries)


def parts(found: Explanation) -> tuple[Part, ...]:
    """The sections that hold anything, in the order in which an erasure comes to them."""
    every = (
        Part(_("Settled first"), _("While one of these stands, nothing is erased."), found.blockers),
        Part(_("Done first"), _("What the erasure itself settles, before anything goes."), found.actions),
        Part(_("Deleted"), _("These rows are gone, with everything in them."), found.removed),
        Part(_("Changed for good"), _("The rows stay, so that history adds up. These fields do not."), found.changed),
        Part(
            _("Untied from others"), _("What is somebody else's stays, and no longer names the person."), found.unlinked
        ),
        Part(_("Kept, and why"), _("What stays as it is, for the reason that is given."), found.kept),
        Part(
            _("Done outside the database"),
            _("Done once the erasure is certain, and again until it works."),
            found.effects,
        ),
        Part(
            _("What outlives the erasure, and how long"),
            _("What cannot be ended at once, and when it ends."),
            found.outlives,
        ),
    )
    return tuple(part for part in every if part.entries)


def as_html(found: Explanation) -> str:
    """The page. It asks for nothing: no script, no font and no picture from anywhere."""
    # An engine of its own: the project may use another, or none.
    engine = Engine(dirs=[str(TEMPLATES)], libraries={"i18n": "django.templatetags.i18n"}, autoescape=True)
    template = engine.get_template("lethe/explanation.html")
    return template.render(Context({"found": found, "parts": parts(found)}))
