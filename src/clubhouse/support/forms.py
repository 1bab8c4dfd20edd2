"""The form of a support request."""

from __future__ import annotations

import unicodedata
import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clubhouse.support.screenshot import redrawn

PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class RequestForm(forms.Form):
    """The exact details of the client, and a screenshot. ``form`` says which page was sent, so that it counts once."""

    form = forms.UUIDField(widget=forms.HiddenInput)
    typed_name = forms.CharField(
        label=_("Name"),
        max_length=601,
        help_text=_("First and last name, letter for letter as on top of the profile."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    typed_email = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("As on the profile, capitals too."),
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "email"}),
    )
    typed_id = forms.CharField(
        label=_("Id"),
        max_length=40,
        help_text=_("The number behind “Id” on the profile."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    screenshot = forms.FileField(
        label=_("Screenshot of the profile"),
        help_text=_("A PNG, JPEG or WebP picture, up to 5 MB. It is deleted when the request is closed."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"form": uuid.uuid4()} | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)

    def clean_screenshot(self) -> Any:
        """The picture, drawn anew."""
        return redrawn(self.cleaned_data["screenshot"])

    def clean(self) -> dict[str, Any]:
        """One way to write each letter: an accent typed apart is the same letter."""
        values: dict[str, Any] = super().clean() or {}
        for name in ("typed_name", "typed_email", "typed_id"):
            if name in values:
                values[name] = unicodedata.normalize("NFC", values[name])
        return values

    @property
    def details(self) -> dict[str, Any]:
        """What the services take."""
        return {name: self.cleaned_data[name] for name in ("typed_name", "typed_email", "typed_id", "screenshot")}
