"""The sign-in forms."""

from __future__ import annotations

from typing import Any

from django import forms

from clubhouse.accounts.authentication import find
from clubhouse.accounts.models import Business, User

NO_MATCH = "This e-mail address and password do not match an account. Check both; capitals matter in the password."
WHICH_BUSINESS = "This sign-in fits more than one business. Fill in “Business” too: the short name in its address."


class SignInForm(forms.Form):
    """Address and password; and the business, where the address of the page does not say it already."""

    email = forms.EmailField(
        label="E-mail address",
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    business = forms.SlugField(
        label="Business",
        required=False,
        max_length=60,
        help_text="Only if you sign in to more than one: its short name, as in its own sign-in address.",
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, audience: str, business: Business | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.audience = User.Audience(audience)
        self.business = business
        self.user: User | None = None
        if business is not None:
            del self.fields["business"]

    def clean(self) -> dict[str, Any]:
        """Find the account. The refusal is the same whatever is wrong."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        slug = values.get("business", "")
        business = self.business or (Business.objects.filter(slug=slug.lower()).first() if slug else None)
        found = find(
            audience=self.audience,
            email=values["email"],
            password=values["password"],
            business=business,
            named=bool(self.business or slug),
        )
        if found.user is None:
            raise forms.ValidationError(WHICH_BUSINESS if found.ambiguous else NO_MATCH)
        self.user = found.user
        return values
