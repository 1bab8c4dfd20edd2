"""The forms about language and time zone."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clubhouse.localisation.selectors import languages, zones
from clubhouse.typed import field_of


class ReaderForm(forms.Form):
    """What one account reads in."""

    language = forms.ChoiceField(label=_("Language"), required=False)
    timezone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_("A class is always shown on the clock of the club where it takes place."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "language", forms.ChoiceField).choices = [("", _("As the browser asks")), *languages().items()]
        places = [(name, name.replace("_", " ")) for name in zones()]
        field_of(self, "timezone", forms.ChoiceField).choices = [("", _("As in the club")), *places]


class BusinessForm(forms.Form):
    """What a business's people read in where nothing else says so."""

    language = forms.ChoiceField(
        label=_("Language of the business"),
        help_text=_(
            "For mail, and for browsers that ask for no language of ours. Everybody can choose another for themselves."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "language", forms.ChoiceField).choices = list(languages().items())
