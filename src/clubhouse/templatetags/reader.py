"""Template tags about whoever reads, and where a session takes place: the page's language, the club's clock."""

from __future__ import annotations

import datetime

from django import template
from django.utils.translation import get_language, to_locale

from clubhouse.localisation.selectors import zone
from clubhouse.schedule.models import Session

register = template.Library()


@register.simple_tag
def language_tag() -> str:
    """The language as HTML names it: ``en-GB``, ``de``."""
    return to_locale(get_language() or "en-gb").replace("_", "-")


@register.filter
def on_club_clock(session: Session) -> datetime.datetime:
    """When a session starts on its club's wall, whoever reads it: naive, so that it is shown as it is.

    ``{{ session|on_club_clock|date:"H:i" }}``; UTC for an imported club that names a zone which does not exist.
    """
    return session.starts_at.astimezone(zone(session.club.timezone) or datetime.UTC).replace(tzinfo=None)
