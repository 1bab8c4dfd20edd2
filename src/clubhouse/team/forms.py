"""The forms of Team settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.models import Business, User
from clubhouse.schedule.models import Club
from clubhouse.team.models import AccessGroup, StaffMember
from clubhouse.typed import ModelForm, field_of


class GroupForm(ModelForm[AccessGroup]):
    """A Team Access Group: name, account type, areas, and under Access what administrators alone may (row H19)."""

    class Meta:
        model = AccessGroup
        fields = ("name", "account_type", "contacts", "schedule", "retail", "access", "delete_accounts")
        widgets = {
            "account_type": forms.RadioSelect,
            "delete_accounts": forms.CheckboxInput(attrs={"role": "switch"}),
        }
        help_texts = {
            "contacts": _("See and edit clients, their notes and their images."),
            "schedule": _("See the schedule, book, cancel and check in."),
            "retail": _("Sell, take payments, write off, refund, and cancel memberships."),
            "access": _("Change Team Access Groups and the team. For administrators only."),
            "delete_accounts": _("Delete clients for good, in every club of the business."),
        }

    def clean_name(self) -> str:
        """A name is used once in a business, whatever its case."""
        name: str = self.cleaned_data["name"].strip()
        same = AccessGroup.objects.filter(business_id=self.instance.business_id, name__iexact=name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(gettext("Another group has this name. Choose another."))
        return name

    def _post_clean(self) -> None:
        # The model's own rules are the service's to check: it names the field and the cure for each.
        for name, value in self.cleaned_data.items():
            setattr(self.instance, name, value)


class MemberForm(ModelForm[StaffMember]):
    """A colleague: name, sign-in address, role, group, club."""

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("They sign in with it, and their messages go there."),
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    class Meta:
        model = StaffMember
        fields = ("name", "email", "role", "access_group", "club", "is_instructor")
        labels = {"access_group": _("Team Access Group"), "is_instructor": _("Trainer: can be given classes")}
        widgets = {"role": forms.RadioSelect, "name": forms.TextInput(attrs={"autocomplete": "off"})}

    def __init__(self, *args: Any, business: Business, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.business = business
        self.instance.business = business
        groups = field_of(self, "access_group", forms.ModelChoiceField)
        groups.queryset = AccessGroup.objects.filter(business=business).order_by("account_type", "name")
        clubs = field_of(self, "club", forms.ModelChoiceField)
        clubs.queryset = Club.objects.filter(business=business).order_by("name")
        clubs.empty_label = gettext("All clubs")
        if self.instance.pk:
            self.fields["email"].initial = self.instance.user.email

    def clean_email(self) -> str:
        """An address signs in to one colleague's account of a business."""
        email: str = self.cleaned_data["email"].strip()
        same = User.objects.filter(business=self.business, audience=User.Audience.TEAM, email__iexact=email)
        if same.exclude(pk=self.instance.user_id).exists():
            raise forms.ValidationError(
                gettext("Another colleague signs in with this address. Give one of them another.")
            )
        return email

    def clean(self) -> dict[str, Any]:
        """Role, group and club have to fit each other."""
        values: dict[str, Any] = super().clean() or {}
        role, group = values.get("role"), values.get("access_group")
        administrator = role == StaffMember.Role.ADMINISTRATOR
        if role and group and administrator != (group.account_type == AccessGroup.AccountType.ADMINISTRATOR):
            wanted = gettext("Administrator") if administrator else gettext("Employee")
            self.add_error(
                "access_group",
                gettext("This role needs a group of the account type %(wanted)s. Choose one.") % {"wanted": wanted},
            )
        if role == StaffMember.Role.MANAGER and not values.get("club"):
            self.add_error("club", gettext("A manager looks after one club. Choose it."))
        if administrator:
            values["club"] = None
        return values

    def _get_validation_exclusions(self) -> set[str]:
        # The account is made with the colleague.
        exclusions: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]  # not in the stubs
        return {*exclusions, "user"}


class PasswordForm(forms.Form):
    """The first password of a colleague, or a new one."""

    password = forms.CharField(
        label=_("Choose a password"),
        max_length=1000,
        strip=False,
        help_text=_("At least 10 characters."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        """Long enough, and not one that everybody has."""
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password
