"""An endpoint as an administrator types it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import Business
from clubhouse.webhooks.addresses import NotAllowed, target
from clubhouse.webhooks.models import Endpoint


class EndpointForm(forms.Form):
    """Address, description, and on or off (an endpoint that is new is on)."""

    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.URLInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Where the other system takes messages, such as https://example.com/hooks."),
    )
    description = forms.CharField(
        label=_("What it is"),
        max_length=120,
        required=False,
        help_text=_("For your colleagues, such as Mailing lists."),
    )
    hears_all = forms.BooleanField(
        label=_("Tell it what leads to a deletion, too"),
        required=False,
        initial=True,
        help_text=_(
            "Requests, orders that were refused, and when all is done. Otherwise only that a client was deleted."
        ),
    )
    is_on = forms.BooleanField(label=_("Send messages to this address"), required=False)

    def __init__(self, *args: Any, business: Business, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        self.business, self.endpoint = business, endpoint
        if endpoint is not None:
            kwargs["initial"] = {
                "url": endpoint.url,
                "description": endpoint.description,
                "hears_all": endpoint.hears_all,
                "is_on": endpoint.is_on,
            }
        super().__init__(*args, **kwargs)
        if endpoint is None:
            del self.fields["is_on"]

    def clean_url(self) -> str:
        """An address that may be called, and that the business has not named before."""
        url: str = self.cleaned_data["url"].strip()
        try:
            target(url)
        except NotAllowed as error:
            raise forms.ValidationError(str(error)) from None
        others = Endpoint.objects.filter(business=self.business, url=url)
        if self.endpoint is not None:
            others = others.exclude(pk=self.endpoint.pk)
        if others.exists():
            raise forms.ValidationError(gettext("There is an endpoint with this address already."))
        return url
