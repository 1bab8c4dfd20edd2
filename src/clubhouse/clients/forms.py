"""The form of a client's record. "Clients" and "Users" share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.clients.models import Client
from clubhouse.clients.services import refuse_erased
from clubhouse.typed import ModelForm, field_of

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

#: The form's groups, in the order people fill them in.
GROUPS = (
    (_("Who"), ("first_name", "last_name", "dob", "gender", "occupation", "tags", "home_club", "status")),
    (_("Contact"), ("email", "mobile_no", "phone_no", "work_no", "mobile_device", "marketing_opt_in")),
    (_("Address"), ("address_1", "address_2", "address_3", "town", "postcode", "country")),
    (
        _("Body and health"),
        ("height", "weight", *(f"measurement{n}" for n in range(1, 7)), "medical_notes"),
    ),
    (_("Other"), ("facebook_id", "notes")),
)


class TagsField(forms.CharField):
    """Tags as one line, separated by commas."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]
        if isinstance(value, list):
            return value
        return list(dict.fromkeys(tag for part in str(value or "").split(",") if (tag := part.strip())))


class ClientForm(ModelForm[Client]):
    """All fields of a client that a colleague may change.

    ``may_delete`` offers the status "Deleted". The form never saves it: the view hands it to the erasure.
    """

    tags = TagsField(required=False, max_length=1000, help_text=_("Separated by commas."))

    class Meta:
        model = Client
        fields = [name for _title, names in GROUPS for name in names]
        labels = {
            "email": _("E-mail address"),
            "mobile_no": _("Mobile phone"),
            "phone_no": _("Home phone"),
            "work_no": _("Work phone"),
            "mobile_device": _("Mobile device"),
            "address_1": _("Address, line 1"),
            "address_2": _("Address, line 2"),
            "address_3": _("Address, line 3"),
            "status": _("User status"),
            "dob": _("Date of birth"),
            "facebook_id": _("Facebook id"),
            "marketing_opt_in": _("May be sent news and offers"),
        } | {f"measurement{n}": format_lazy(_("Measurement {number}"), number=n) for n in range(1, 7)}
        widgets = {
            "dob": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "notes": forms.Textarea(attrs={"rows": 3}),
            "medical_notes": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, may_delete: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        refuse_erased(self.instance)
        field_of(self, "home_club", forms.ModelChoiceField).queryset = self.instance.business.clubs.order_by("name")
        offered = [
            (value, label) for value, label in Client.Status.choices if may_delete or value != Client.Status.DELETED
        ]
        field_of(self, "status", forms.ChoiceField).choices = offered
        for name in ("first_name", "last_name", "email", *(n for _title, names in GROUPS for n in names)):
            self.fields[name].widget.attrs.setdefault("autocomplete", "off")

    @property
    def groups(self) -> list[tuple[StrOrPromise, list[forms.BoundField]]]:
        """The form's fields in their groups, for the template."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]

    def clean_email(self) -> str:
        """An address belongs to one client of a business."""
        email: str = self.cleaned_data["email"].strip()
        same = Client.objects.filter(business=self.instance.business, email__iexact=email)
        others = same.exclude(pk=self.instance.pk)
        if email and others.exists():
            raise forms.ValidationError(
                gettext("Another client of this business has this address. Give one of them another.")
            )
        return email

    def clean_dob(self) -> Any:
        """Nobody is born tomorrow."""
        dob = self.cleaned_data["dob"]
        if dob and dob > timezone.localdate():
            raise forms.ValidationError(gettext("This date lies in the future. Check the year."))
        return dob
