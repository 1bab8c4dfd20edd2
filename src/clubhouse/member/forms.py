"""The forms of the member app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.typed import ModelForm

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class ConfirmForm(forms.Form):
    """One field: the password, or the code of a member who signs in without one. Its value is never shown again."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.proof = "password" if user.has_usable_password() else "code"
        if self.proof == "password":
            self.fields["password"] = forms.CharField(
                label=gettext("Enter your password"),
                strip=False,
                max_length=1000,
                widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            )
        else:
            self.fields["code"] = forms.CharField(
                label=gettext("Enter the code from the mail"),
                max_length=20,
                widget=forms.TextInput(
                    attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}
                ),
            )

    def refuse(self, message: StrOrPromise) -> None:
        """Put a refusal at the field."""
        self._errors = forms.utils.ErrorDict({self.proof: self.error_class([str(message)])})
        if "code" in self.fields:
            self.data = {}


class AddressForm(ConfirmForm):
    """The new address, and the proof of who it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_email"] = forms.EmailField(
            label=gettext("New e-mail address"),
            max_length=254,
            widget=forms.EmailInput(attrs={"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
        )
        self.order_fields(["new_email", self.proof])

    def clean_new_email(self) -> str:
        """Another than the one there is; whether it is somebody else's is told to its mailbox alone."""
        email: str = self.cleaned_data["new_email"].strip()
        if email.lower() == self.user.email.lower():
            raise forms.ValidationError(gettext("You sign in with this address already. Enter the new one."))
        return email


class PasswordForm(ConfirmForm):
    """The proof of who it is, and the new password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password"] = forms.CharField(
            label=gettext("New password"),
            strip=False,
            max_length=1000,
            help_text=gettext("At least 10 characters."),
            widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        )

    def clean_new_password(self) -> str:
        """Long enough, not one that everybody has, and not the member's own address."""
        password: str = self.cleaned_data["new_password"]
        validate_password(password, self.user)
        return password


class DetailsForm(ModelForm[Client]):
    """What members keep up to date themselves."""

    class Meta:
        model = Client
        fields = (
            "first_name",
            "last_name",
            "mobile_no",
            "phone_no",
            "dob",
            "address_1",
            "address_2",
            "address_3",
            "town",
            "postcode",
            "country",
        )
        labels = {
            "mobile_no": _("Mobile phone"),
            "phone_no": _("Home phone"),
            "dob": _("Date of birth"),
            "address_1": _("Address, line 1"),
            "address_2": _("Address, line 2"),
            "address_3": _("Address, line 3"),
        }
        widgets = {"dob": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    FILLED_BY = {
        "first_name": "given-name",
        "last_name": "family-name",
        "mobile_no": "tel",
        "phone_no": "home tel",
        "dob": "bday",
        "address_1": "address-line1",
        "address_2": "address-line2",
        "address_3": "address-line3",
        "town": "address-level2",
        "postcode": "postal-code",
        "country": "country-name",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, filled in self.FILLED_BY.items():
            self.fields[name].widget.attrs["autocomplete"] = filled
        for name in ("mobile_no", "phone_no"):
            self.fields[name].widget.input_type = "tel"

    def clean_dob(self) -> Any:
        """Nobody is born tomorrow."""
        dob = self.cleaned_data["dob"]
        if dob and dob > timezone.localdate():
            raise forms.ValidationError(gettext("This date lies in the future. Check the year."))
        return dob


class MessagesForm(forms.Form):
    """What the club may write to the member about."""

    marketing_opt_in = forms.BooleanField(
        label=_("News and offers"),
        required=False,
        help_text=_("Messages about places you booked or wait for come either way."),
    )
