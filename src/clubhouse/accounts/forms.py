"""The sign-in forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts import lockout
from clubhouse.accounts.authentication import find
from clubhouse.accounts.models import Business, User

NO_MATCH = _("This e-mail address and password do not match an account. Check both; capitals matter in the password.")
WHICH_BUSINESS = _("This sign-in fits more than one business. Fill in “Business” too: the short name in its address.")
TOO_MANY = _(
    "There were too many tries. Wait 15 minutes, then try again; or set a new password, or ask an administrator of "
    "your club to unlock your sign-in."
)


class SignInForm(forms.Form):
    """Address and password; and the business, where the address of the page does not say it already."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    business = forms.SlugField(
        label=_("Business"),
        required=False,
        max_length=60,
        help_text=_("Only if you sign in to more than one: its short name, as in its own sign-in address."),
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autocapitalize": "none", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, audience: str, business: Business | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.audience = User.Audience(audience)
        self.door = business
        self.user: User | None = None
        self.locked = False
        if business is not None:
            del self.fields["business"]

    @property
    def status(self) -> int:
        """The HTTP status of a page with this form: 200, 422 where it was refused, 429 after too many tries."""
        return 200 if not self.is_bound else 429 if self.locked else 422

    def clean(self) -> dict[str, Any]:
        """Find the account. The refusal is the same whatever is wrong, and whether or not there is an account."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        slug = values.get("business", "")
        business = self.door or (Business.objects.filter(slug=slug.lower()).first() if slug else None)
        key = lockout.key_for(self.audience, self.door.slug if self.door else slug, values["email"])
        attempt = lockout.Attempt(key)
        if not attempt.allowed:
            self.locked = True
            raise forms.ValidationError(TOO_MANY)
        found = find(
            audience=self.audience,
            email=values["email"],
            password=values["password"],
            business=business,
            named=bool(self.door or slug),
        )
        if found.user is not None or found.ambiguous:
            attempt.succeeded()
        if found.user is None:
            raise forms.ValidationError(WHICH_BUSINESS if found.ambiguous else NO_MATCH)
        self.user = found.user
        return values


#: Shorter would sign people out in the middle of a form; longer is longer than a sign-in lasts at all.
SHORTEST_IDLE, LONGEST_IDLE = 5, 720


class IdleForm(forms.Form):
    """After how long without use a colleague is signed out."""

    minutes = forms.IntegerField(
        label=_("Sign a colleague out after so many minutes without use"),
        help_text=_("5 to 720; 0 for no such limit. Every sign-in ends after 12 hours in any case."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "min": 0, "max": LONGEST_IDLE}),
    )

    def clean_minutes(self) -> int:
        """Zero, or a time in which a form can be filled in."""
        minutes: int = self.cleaned_data["minutes"]
        if minutes and not SHORTEST_IDLE <= minutes <= LONGEST_IDLE:
            raise forms.ValidationError(_("Give a number of minutes from 5 to 720, or 0 for no such limit."))
        return minutes
