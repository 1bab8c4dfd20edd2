"""The forms of a forgotten password, and the password asked for once more."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import Business, User


class AskForm(forms.Form):
    """The address that is signed in with; and the business, where the page's own address does not say it already."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("The one you sign in with."),
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    business = forms.SlugField(
        label=_("Business"),
        max_length=60,
        help_text=_("Its short name, as in its own sign-in address."),
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, business: Business | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if business is not None:
            del self.fields["business"]


class ChooseForm(forms.Form):
    """A new password for one account."""

    password = forms.CharField(
        label=_("Choose a password"),
        max_length=1000,
        strip=False,
        help_text=_("At least 10 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        """Long enough, not one that everybody has, and not the person's own address."""
        password: str = self.cleaned_data["password"]
        validate_password(password, self.user)
        return password
