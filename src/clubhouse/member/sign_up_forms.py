"""The forms of opening an account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from clubhouse.schedule.models import Club


class SignUpForm(forms.Form):
    """The address alone: everything else is asked once it is shown to be the person's own."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )


class FinishForm(forms.Form):
    """The address once more (it is kept nowhere until now), a name, a club and a password."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("The one the link was mailed to. You sign in with it."),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    first_name = forms.CharField(
        label=_("First name"), max_length=300, widget=forms.TextInput(attrs={"autocomplete": "given-name"})
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=300,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )
    club = forms.ModelChoiceField(queryset=Club.objects.none(), label=_("Your club"), empty_label=None)
    password = forms.CharField(
        label=_("Choose a password"),
        max_length=1000,
        strip=False,
        help_text=_("At least 10 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, clubs: list[Club], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["club"]
        field.queryset = Club.objects.filter(pk__in=[club.pk for club in clubs]).order_by("name", "pk")

    def clean_password(self) -> str:
        """Long enough, and not one that everybody has."""
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password
