"""The form of a new token."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clubhouse.api.models import ApiToken


class TokenForm(forms.Form):
    """What the token is for, what it may do, and how long. ``form``: which page was sent, so that it counts once."""

    form = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("What it is for"),
        max_length=ApiToken._meta.get_field("name").max_length,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(label=_("What it may do"), widget=forms.CheckboxSelectMultiple)
    days = forms.TypedChoiceField(
        label=_("How long it works"),
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("One year"))],
        coerce=int,
        initial=90,
    )

    def __init__(self, *args: Any, scopes: Mapping[str, Any], **kwargs: Any) -> None:
        kwargs["initial"] = {"form": uuid.uuid4()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = list(scopes.items())  # type: ignore[attr-defined]
