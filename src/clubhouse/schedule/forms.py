"""The forms of the schedule."""

from __future__ import annotations

import datetime
import secrets
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import Business
from clubhouse.schedule.clock import DAY, FIRST_DAY, LAST_DAY, lasting, moment, today, wall
from clubhouse.schedule.models import Club, Session
from clubhouse.schedule.planning import MOST_WEEKS
from clubhouse.team.models import StaffMember
from clubhouse.typed import ModelForm, field_of

#: How long a session may be that ends after midnight. Beyond, an end before the start is a slip.
LONGEST_NIGHT = datetime.timedelta(hours=12)
#: In minutes. What lasts longer was imported: two times of a clock cannot say it.
A_DAY = 1440


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


class SessionForm(forms.Form):
    """A class or a one-to-one appointment: what it is called, who gives it, when, and for how many.

    ``kind`` decides whether there is a number of places; an appointment has one. With ``session`` the form changes that
    one, and has neither a club nor a number of weeks.
    """

    club = forms.ModelChoiceField(
        label=_("Club"),
        queryset=Club.objects.none(),
        empty_label=None,
        error_messages={"invalid_choice": _("There is no such club here. Choose one from the list.")},
    )
    title = forms.CharField(label=_("Title"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    trainer = forms.ModelChoiceField(
        label=_("Trainer"),
        queryset=StaffMember.objects.none(),
        required=False,
        empty_label=_("No trainer"),
        error_messages={"invalid_choice": _("There is no such trainer here. Choose one from the list.")},
    )
    day = date_field(_("Day"))
    start = forms.TimeField(
        label=_("Start"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("This is no time. Write it as 18:30.")},
    )
    end = forms.TimeField(
        label=_("End"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("An end before the start is on the next day."),
        error_messages={"invalid": _("This is no time. Write it as 19:30.")},
    )
    capacity = forms.IntegerField(label=_("Places"), min_value=1, max_value=1000, initial=12)
    weeks = forms.IntegerField(
        label=_("How many weeks"),
        min_value=1,
        max_value=MOST_WEEKS,
        initial=1,
        help_text=_("1 is once; 10 is on the same weekday and at the same time for ten weeks."),
    )
    token = forms.RegexField(
        r"^[0-9a-f]{16}\Z",
        label=_("This form"),
        widget=forms.HiddenInput,
        error_messages=dict.fromkeys(("required", "invalid"), _("It is damaged. Open it anew from the schedule.")),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        kind: str,
        clubs: Sequence[Club],
        business: Business,
        session: Session | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}) | {"token": secrets.token_hex(8)})
        self.session = session
        clubs_field = field_of(self, "club", forms.ModelChoiceField)
        clubs_field.queryset = Club.objects.filter(pk__in=[club.pk for club in clubs]).order_by("name", "pk")
        trainers = Q(user__is_active=True, is_instructor=True)
        if session is not None:
            # Who gives it now stays to be chosen, also after having left.
            trainers |= Q(pk=session.trainer_id)
            del self.fields["club"], self.fields["weeks"], self.fields["token"]
        trainer = field_of(self, "trainer", forms.ModelChoiceField)
        trainer.queryset = StaffMember.objects.filter(trainers, business=business).order_by("name", "pk")
        if kind == Session.Kind.APPOINTMENT:
            del self.fields["capacity"]

    def clean(self) -> dict[str, Any]:
        """A session ends after it begins; one that ends after midnight, within :data:`LONGEST_NIGHT`."""
        cleaned = super().clean() or {}
        start, end = cleaned.get("start"), cleaned.get("end")
        if start and end and end <= start and not self._as_it_was(start, end):
            lasts = datetime.datetime.combine(FIRST_DAY + DAY, end) - datetime.datetime.combine(FIRST_DAY, start)
            if lasts > LONGEST_NIGHT:
                said = _("It ends before it begins. Choose a later end; one after midnight is at most 12 hours away.")
                self.add_error("end", said)
        return cleaned

    def _as_it_was(self, start: datetime.time, end: datetime.time) -> bool:
        return self.session is not None and (start, end) == _times(self.session)

    def changed_times(self, session: Session) -> tuple[datetime.datetime, int]:
        """When the session begins now, in UTC, and how many minutes it lasts; of a valid form.

        What is left as it was stays: a start at an odd second or in an hour that comes twice, and a length that two
        times of a clock cannot say.
        """
        day, start, end = (self.cleaned_data[name] for name in ("day", "start", "end"))
        starts_at = moment(session.club, day, start)
        stays = wall(session.starts_at, session.club).replace(second=0, microsecond=0) == wall(starts_at, session.club)
        if stays:
            starts_at = session.starts_at
        if self._as_it_was(start, end) and (stays or session.minutes >= A_DAY):
            return starts_at, session.minutes
        return starts_at, lasting(session.club, starts_at, start, end)

    @property
    def places(self) -> int:
        """For how many it is; of a valid form."""
        return int(self.cleaned_data.get("capacity", 1))


def _times(session: Session) -> tuple[datetime.time, datetime.time]:
    """Start and end on the club's wall, to the minute, as a form shows them."""
    starts, ends = (wall(at, session.club).time() for at in (session.starts_at, session.ends_at))
    return starts.replace(second=0, microsecond=0), ends.replace(second=0, microsecond=0)


class ClubForm(ModelForm[Club]):
    """A club: its name, town and time zone."""

    timezone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[],
        help_text=_("The clock on the club’s wall. Sessions that are planned already stay at their moment."),
        error_messages={"invalid_choice": _("There is no such time zone. Choose one from the list.")},
    )

    class Meta:
        model = Club
        fields = ("name", "town", "timezone")
        labels = {"name": _("Name"), "town": _("Town")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = [(zone, zone.replace("_", " ")) for zone in sorted(zoneinfo.available_timezones()) if "/" in zone]
        field_of(self, "timezone", forms.ChoiceField).choices = [("", _("Choose one")), ("UTC", "UTC"), *zones]


class WaitingListForm(ModelForm[Business]):
    """What becomes of a freed place, in every club of the business."""

    class Meta:
        model = Business
        fields = ("waiting_list_promotion", "waiting_list_offer_minutes")
        widgets = {"waiting_list_promotion": forms.RadioSelect}
        labels = {
            "waiting_list_promotion": _("A freed place"),
            "waiting_list_offer_minutes": _("How many minutes an offer stands"),
        }
        help_texts = {"waiting_list_offer_minutes": _("At most until the session begins; 120 is two hours.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        minutes = self.fields["waiting_list_offer_minutes"]
        minutes.validators += [MinValueValidator(5), MaxValueValidator(10_080)]
        minutes.widget.attrs |= {"min": 5, "max": 10_080}
