"""The forms of signing in with a provider."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from clubhouse.accounts.models import Business
from clubhouse.identities import protocol
from clubhouse.identities.models import Provider
from clubhouse.identities.wire import NotReached
from clubhouse.schedule.models import Club
from clubhouse.typed import ModelForm


class ProviderForm(ModelForm[Provider]):
    """A provider: its name on the button, its issuer, and what it knows this club by."""

    secret = forms.CharField(
        label=_("Client secret"),
        required=False,
        strip=True,
        max_length=5000,
        help_text=_(
            "Kept encrypted, and never shown again. For Sign in with Apple paste the private key, from BEGIN to END."
        ),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )

    class Meta:
        model = Provider
        fields = ("name", "issuer", "client_id", "secret", "apple_team", "apple_key", "is_on")
        help_texts = {
            "name": _("Members read “Sign in with …”."),
            "issuer": _("As the provider writes it, such as https://accounts.google.com."),
            "apple_team": _("For Sign in with Apple only."),
            "apple_key": _("For Sign in with Apple only."),
        }
        widgets = {"issuer": forms.URLInput(attrs={"autocapitalize": "none", "spellcheck": "false"})}

    def __init__(self, *args: Any, business: Business, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.business = business
        if self.instance.pk:
            # Members are known by it: another issuer is another provider.
            self.fields["issuer"].disabled = True
            self.fields["secret"].help_text = _("Leave it empty to keep the one there is.")

    def clean_issuer(self) -> str:
        """An address that answers as an OpenID provider, and only once in a business."""
        issuer: str = self.cleaned_data["issuer"].strip()
        same = Provider.objects.filter(business=self.instance.business, issuer=issuer).exclude(pk=self.instance.pk)
        if same.exists():
            raise forms.ValidationError(_("There is a provider with this issuer already. Change that one."))
        if not self.instance.pk:
            try:
                protocol.discover(issuer, fresh=True)
            except NotReached as error:
                raise forms.ValidationError(
                    _("This does not work as an issuer: %(cause)s."), params={"cause": str(error).rstrip(".")}
                ) from None
        return issuer

    def clean(self) -> dict[str, Any]:
        """What Sign in with Apple needs beside."""
        values: dict[str, Any] = super().clean() or {}
        if not protocol.is_apple(Provider(issuer=values.get("issuer") or self.instance.issuer)):
            return values
        for name in ("apple_team", "apple_key"):
            if not values.get(name):
                self.add_error(name, _("Sign in with Apple needs it. It is in your Apple developer account."))
        if not values.get("secret") and not self.instance.secret_sealed:
            self.add_error("secret", _("Sign in with Apple needs its private key."))
        elif values.get("secret"):
            try:
                key = ECKey.import_key(values["secret"])
                private = key.is_private and key.curve_name == "P-256"
            except (JoseError, ValueError, TypeError):
                private = False
            if not private:
                self.add_error("secret", _("This is not Apple’s private key. Paste the whole .p8 file."))
        return values

    def validate_constraints(self) -> None:
        """The issuer was compared in ``clean_issuer``, whose words say what to do."""


class OpenForm(forms.Form):
    """What a provider does not say: a name to be called by, and a club."""

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

    def __init__(self, *args: Any, clubs: list[Club], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["club"]
        field.queryset = Club.objects.filter(pk__in=[club.pk for club in clubs]).order_by("name", "pk")
