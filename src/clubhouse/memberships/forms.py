"""Forms of the price list, of a sale and of a freeze."""

from __future__ import annotations

import datetime
import re
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clubhouse.clients.models import Client
from clubhouse.memberships import prices
from clubhouse.memberships.models import PriceItem
from clubhouse.templatetags.house import money
from clubhouse.typed import ModelChoiceField, ModelForm, field_of

#: How far back and ahead a sale may start, in days.
BACK, AHEAD = 31, 366
#: The most single credits of one sale.
MOST = 50
#: The longest freeze, in days.
LONGEST_FREEZE = 366


class DayInput(forms.DateInput):
    """The browser's own calendar."""

    def __init__(self) -> None:
        super().__init__(attrs={"type": "date"}, format="%Y-%m-%d")


class PriceItemForm(ModelForm[PriceItem]):
    """A line of the price list."""

    class Meta:
        model = PriceItem
        fields = ("kind", "name", "price", "currency", "period_months", "credits", "valid_days")
        help_texts = {
            "period_months": gettext_lazy("Memberships: 1 is monthly, 12 is yearly."),
            "credits": gettext_lazy("Packages: how many classes it pays for. A single credit is one."),
            "valid_days": gettext_lazy("Packages and credits: counted from the start. Empty for no expiry."),
            "currency": gettext_lazy("Three letters, such as GBP or EUR."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("period_months", "credits"):
            self.fields[name].required = False
        if self.instance.pk:
            # What a line gives stays what it is: another kind is another line.
            self.fields["kind"].disabled = True

    def clean_name(self) -> str:
        """A name without doubled spaces."""
        return " ".join(self.cleaned_data["name"].split())

    def clean_price(self) -> Any:
        """Nothing costs less than nothing."""
        price = self.cleaned_data["price"]
        if price < 0:
            raise forms.ValidationError(_("A price is nothing or more. Enter 0 for what is free."))
        return price

    def clean_currency(self) -> str:
        """Three capital letters."""
        currency: str = self.cleaned_data["currency"].strip().upper()
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise forms.ValidationError(_("Enter the three letters of the currency, such as GBP or EUR."))
        return currency

    def clean(self) -> dict[str, Any]:
        """What belongs to another kind is left out, and what the kind needs is asked for."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        kind = values.get("kind")
        membership = kind == PriceItem.Kind.MEMBERSHIP
        if membership and "period_months" not in self.errors and not 1 <= (values.get("period_months") or 0) <= 36:
            self.add_error("period_months", _("Say how many months are paid for at a time, from 1 to 36."))
        if kind == PriceItem.Kind.PACKAGE and "credits" not in self.errors and not values.get("credits"):
            self.add_error("credits", _("Say how many credits the package has, at least 1."))
        if "valid_days" not in self.errors and values.get("valid_days") == 0:
            self.add_error("valid_days", _("Credits are good for at least a day. Leave this empty for no expiry."))
        values["period_months"] = (values.get("period_months") or 0) if membership else 0
        several = (values.get("credits") or 0) if kind == PriceItem.Kind.PACKAGE else 0
        values["credits"] = 1 if kind == PriceItem.Kind.CREDIT else several
        if membership:
            values["valid_days"] = None
        return values

    def validate_constraints(self) -> None:
        """The database's own checks are said above in words."""


class ItemChoice(ModelChoiceField[PriceItem]):
    """A line of the price list with what it gives and costs."""

    def label_from_instance(self, item: PriceItem) -> str:
        return f"{item.name} ({item.get_kind_display()}), {money(item.price, item.currency)}"


class PayerChoice(ModelChoiceField[Client]):
    """A client who pays, by name."""

    def label_from_instance(self, client: Client) -> str:
        return client.display_name


class SaleForm(forms.Form):
    """What is sold, from when, and who pays. "Paid By" offers whoever is linked so, and nobody else."""

    item = ItemChoice(PriceItem.objects.none(), label=gettext_lazy("Item"), empty_label=gettext_lazy("Choose…"))
    quantity = forms.IntegerField(
        label=gettext_lazy("How many"),
        min_value=1,
        max_value=MOST,
        initial=1,
        help_text=gettext_lazy("For single credits; of a membership or a package one is sold at a time."),
    )
    starts_on = forms.DateField(label=gettext_lazy("Starts on"), widget=DayInput)
    payer = PayerChoice(
        Client.objects.none(),
        label=gettext_lazy("Paid By"),
        required=False,
        help_text=gettext_lazy("Another client pays where the two are linked by Paid By."),
    )

    def __init__(self, *args: Any, client: Client, payers: QuerySet[Client], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field_of(self, "item", ItemChoice).queryset = prices.items(client.business)
        payer = field_of(self, "payer", PayerChoice)
        payer.queryset = payers
        payer.empty_label = _("%(client)s (the client)") % {"client": client.display_name}
        self.fields["starts_on"].initial = timezone.localdate()

    def clean_starts_on(self) -> datetime.date:
        """A day near today."""
        day: datetime.date = self.cleaned_data["starts_on"]
        if not -BACK <= (day - timezone.localdate()).days <= AHEAD:
            raise forms.ValidationError(_("Choose a day within the last month or the next year."))
        return day

    def clean(self) -> dict[str, Any]:
        """Only single credits are sold several at a time."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        item = values.get("item")
        if item is not None and item.kind != PriceItem.Kind.CREDIT and values.get("quantity", 1) != 1:
            self.add_error("quantity", _("Of a membership or a package one is sold at a time. Enter 1."))
        return values


class FreezeForm(forms.Form):
    """From when to when a membership rests."""

    frozen_from = forms.DateField(label=gettext_lazy("First day"), widget=DayInput)
    frozen_until = forms.DateField(label=gettext_lazy("Last day"), widget=DayInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        today = timezone.localdate()
        self.fields["frozen_from"].initial = today
        self.fields["frozen_until"].initial = today + datetime.timedelta(days=29)

    def clean(self) -> dict[str, Any]:
        """Today or later, and in the right order."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = values.get("frozen_from"), values.get("frozen_until")
        if first and first < timezone.localdate():
            self.add_error("frozen_from", _("A freeze cannot begin in the past. Choose today or a later day."))
        if first and last and last < first:
            self.add_error("frozen_until", _("The last day lies before the first. Choose a later one."))
        elif first and last and (last - first).days > LONGEST_FREEZE:
            self.add_error("frozen_until", _("A freeze lasts a year at most. Choose an earlier last day."))
        return values
