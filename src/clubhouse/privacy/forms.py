"""How a business deletes."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from lethe.plan import plan_for
from lethe.policy import Blocker

DOMAIN = re.compile(r"(?=.{1,190}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
AS_WAY, BLOCKS, PASSES = "", "blocks", "passes"
CHOICES = (
    (AS_WAY, _("As the way above says")),
    (BLOCKS, _("Has to be settled first")),
    (PASSES, _("Does not stand in the way")),
)


def blockers() -> tuple[Blocker, ...]:
    """What can stand in the way, as the client's policy declares it."""
    return tuple(plan_for(Client, "default").policy.blockers)


class PrivacySettingsForm(forms.Form):
    """The way, each blocker, the address of the erased, Deleted Clients, and the payment provider."""

    deletion_mode = forms.ChoiceField(
        label=_("When a client is to be deleted"), choices=Business.DeletionMode.choices, widget=forms.RadioSelect
    )
    email_domain = forms.CharField(
        label=_("Domain of the address an erased client is given"),
        max_length=190,
        help_text=_("Each gets a random address here. Under erased.invalid no mail ever arrives anywhere."),
    )
    prorate = forms.BooleanField(
        label=_("Work out the unused part of a cancelled subscription"),
        required=False,
        help_text=(
            _(
                "Off: the payment provider cancels at once and bills or credits nothing more. On: it settles the "
                "unused part as credit on its customer, which is lost where that customer is deleted; refund it "
                "there first."
            )
        ),
    )
    show_deleted = forms.BooleanField(
        label=_("Show “Deleted Clients”"),
        required=False,
        help_text=_("A read-only list for administrators. Nothing in it says who anyone was."),
    )

    ask_password = forms.BooleanField(
        label=_("Ask for the administrator’s password"),
        required=False,
        help_text=_("In the last step of a deletion, at both doors. A wrong password counts as a bad try to sign in."),
    )

    def __init__(self, data: QueryDict | None = None, *, business: Business) -> None:
        overrides = business.blocker_overrides
        initial: dict[str, Any] = {
            "deletion_mode": business.deletion_mode,
            "email_domain": business.erased_email_domain,
            "show_deleted": business.show_deleted_clients,
            "prorate": business.prorate_cancelled,
            "ask_password": business.password_before_deletion,
        }
        for blocker in blockers():
            if blocker.name in overrides:
                initial[f"blocker_{blocker.name}"] = BLOCKS if overrides[blocker.name] else PASSES
        super().__init__(data, initial=initial)
        for blocker in blockers():
            self.fields[f"blocker_{blocker.name}"] = forms.ChoiceField(
                label=blocker.label, choices=CHOICES, required=False
            )

    @property
    def blocker_fields(self) -> list[forms.BoundField]:
        """The fields of the blockers, for the template."""
        return [self[name] for name in self.fields if name.startswith("blocker_")]

    def clean_email_domain(self) -> str:
        """A domain name, lower case; a full address or a bare word is refused."""
        domain: str = self.cleaned_data["email_domain"].strip().lower().removeprefix("@").rstrip(".")
        if not DOMAIN.fullmatch(domain):
            raise forms.ValidationError(
                gettext("Give a domain name only, such as erased.invalid or erased.example.com.")
            )
        return domain

    def overrides(self) -> dict[str, bool]:
        """The blockers that were set one by one: name to whether it blocks."""
        chosen = {blocker.name: self.cleaned_data.get(f"blocker_{blocker.name}", AS_WAY) for blocker in blockers()}
        return {name: value == BLOCKS for name, value in chosen.items() if value != AS_WAY}
