"""What a reader chooses: the months, the club, the trainer, and what the rows stand for."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.reports.periods import Month, Period, last_months
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember

#: How many months back a report reaches, besides the current one.
REACH = 60


#: What the rows of a report stand for.
GROUPS = {"month": _("By month"), "club": _("By club"), "trainer": _("By trainer")}
NO_MONTH = _("There is no such month here. Choose one from the list.")
NO_CLUB = _("There is no such club here. Choose one from the list.")
NO_TRAINER = _("There is no such trainer here. Choose one from the list.")
NO_ROWS = _("There is no such kind of row here. Choose one from the list.")


class ReportForm(forms.Form):
    """The choices of one report; whatever is not chosen has a value, so that a bare address shows the last month.

    ``groups`` are the names of what rows may stand for: ``month``, ``club``, ``trainer``. A report of a single month
    has ``one_month``, one without a period ``has_period=False``.
    """

    since = forms.ChoiceField(label=_("From"), required=False)
    until = forms.ChoiceField(label=_("To"), required=False)
    club = forms.ChoiceField(label=_("Club"), required=False)
    trainer = forms.ChoiceField(label=_("Trainer"), required=False)
    by = forms.ChoiceField(label=_("Rows"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        clubs: Sequence[Club],
        today: datetime.date,
        trainers: Sequence[StaffMember] = (),
        groups: Sequence[str] = (),
        one_month: bool = False,
        has_period: bool = True,
    ) -> None:
        default = str(last_months(today, 1).last)
        chosen = {name: data.get(name) or "" for name in self.base_fields}
        chosen["since"] = chosen["since"] or default
        chosen["until"] = chosen["since"] if one_month else chosen["until"] or max(chosen["since"], default)
        chosen["by"] = chosen["by"] or next(iter(groups), "")
        super().__init__(chosen, auto_id="report_%s")
        months = [Month.of(today).plus(-back) for back in range(REACH + 1)]
        self._offer("since", [(str(month), month.label) for month in months], NO_MONTH)
        self._offer("until", [(str(month), month.label) for month in months], NO_MONTH)
        self._offer("club", [("", gettext("All clubs")), *((str(club.pk), club.name) for club in clubs)], NO_CLUB)
        who = [("", gettext("All trainers")), *((str(trainer.pk), trainer.name) for trainer in trainers)]
        self._offer("trainer", who, NO_TRAINER)
        self._offer("by", [(group, GROUPS[group]) for group in groups], NO_ROWS)
        unused = {"until": not has_period or one_month, "since": not has_period, "by": not groups}
        unused |= {"trainer": not trainers, "club": len(clubs) < 2 and not chosen["club"]}
        for name, is_unused in unused.items():
            if is_unused:
                del self.fields[name]
        if one_month:
            self.fields["since"].label = gettext("Month")

    def _offer(self, name: str, choices: Sequence[tuple[str, Any]], refusal: Any) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        # The value is not repeated: an address can be made up by anybody.
        field.error_messages["invalid_choice"] = refusal

    def clean(self) -> dict[str, Any]:
        """A period that ends before it begins is refused, by name."""
        cleaned = super().clean() or {}
        if cleaned.get("since") and cleaned.get("until") and cleaned["since"] > cleaned["until"]:
            self.add_error(
                "until", gettext("It ends before it begins. Choose a later month, or an earlier one in “From”.")
            )
        return cleaned

    @property
    def period(self) -> Period:
        """The months chosen; of a valid form."""
        since = self.cleaned_data["since"]
        return Period(Month.read(since), Month.read(self.cleaned_data.get("until") or since))

    @property
    def rows(self) -> str:
        """What the rows stand for; of a valid form."""
        return str(self.cleaned_data.get("by", ""))

    @property
    def of_trainer(self) -> int | None:
        """The trainer chosen, by key; None for all. Of a valid form."""
        chosen = self.cleaned_data.get("trainer")
        return int(chosen) if chosen else None

    def narrowed(self, clubs: Sequence[Club]) -> list[Club]:
        """Those of the reader's clubs that were chosen; of a valid form."""
        chosen = self.cleaned_data.get("club")
        return [club for club in clubs if not chosen or str(club.pk) == chosen]
