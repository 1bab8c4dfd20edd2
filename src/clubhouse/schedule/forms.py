"""The forms of the schedule."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from clubhouse.schedule.clock import FIRST_DAY, LAST_DAY, today
from clubhouse.schedule.models import Club


def within_reach(day: datetime.date) -> None:
    """Refuse a day so far away that no clock is sure of it."""
    if not FIRST_DAY <= day <= LAST_DAY:
        ends = {"first": date_format(FIRST_DAY, "j M Y"), "last": date_format(LAST_DAY, "j M Y")}
        raise ValidationError(_("Choose a day between %(first)s and %(last)s."), params=ends)


def date_field(label: Any) -> forms.DateField:
    """A day that a schedule can show."""
    return forms.DateField(
        label=label,
        input_formats=["%Y-%m-%d"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        validators=[within_reach],
        error_messages={
            "invalid": _("This is no day. Choose one in the calendar, or write it as 2026-03-31."),
            "required": _("No day is chosen. Choose one in the calendar."),
        },
    )


class DayForm(forms.Form):
    """The club and the day a reader chooses; what is not chosen has a value, so that a bare address shows today."""

    club = forms.ChoiceField(
        label=_("Club"),
        error_messages={"invalid_choice": _("There is no such club here. Choose one from the list.")},
    )
    day = date_field(_("Day"))

    def __init__(
        self, data: Mapping[str, Any], *, clubs: Sequence[Club], home: int | None, now: datetime.datetime
    ) -> None:
        by_key = {str(club.pk): club for club in clubs}
        asked = data.get("club") or str(home if str(home) in by_key else clubs[0].pk)
        # A day is asked for before the club is known to exist: then it is only not used.
        club = by_key.get(asked, clubs[0])
        super().__init__({"club": asked, "day": data.get("day") or today(club, now).isoformat()}, auto_id="day_%s")
        self.chosen_club = club
        field = self.fields["club"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(key, club.name) for key, club in by_key.items()]
