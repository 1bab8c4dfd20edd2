"""Colleagues, and what their Team Access Group lets them do."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AccessGroup(models.Model):
    """A Team Access Group: the areas Contacts, Schedule, Retail, and Access, for administrators alone (row H19)."""

    class AccountType(models.TextChoices):
        ADMINISTRATOR = "administrator", _("Administrator")
        EMPLOYEE = "employee", _("Employee")

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="access_groups")
    name = models.CharField(max_length=80)
    account_type = models.CharField(max_length=20, choices=AccountType.choices, default=AccountType.EMPLOYEE)
    contacts = models.BooleanField(_("Contacts"), default=True)
    schedule = models.BooleanField(_("Schedule"), default=True)
    retail = models.BooleanField(_("Retail"), default=False)
    access = models.BooleanField(_("Access"), default=False)
    delete_accounts = models.BooleanField(_("Delete Accounts"), default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint("business", "name", name="access_group_once_per_business"),
            models.CheckConstraint(
                condition=models.Q(delete_accounts=False) | models.Q(account_type="administrator"),
                name="only_administrators_delete_accounts",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StaffMember(models.Model):
    """A colleague: an administrator sees all clubs, a manager one, an employee the schedule and the clients."""

    class Role(models.TextChoices):
        ADMINISTRATOR = "administrator", _("Administrator")
        MANAGER = "manager", _("Manager")
        EMPLOYEE = "employee", _("Employee")

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="staff")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="staff_member")
    name = models.CharField(max_length=160)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.EMPLOYEE)
    access_group = models.ForeignKey(AccessGroup, on_delete=models.PROTECT, related_name="members")
    club = models.ForeignKey("schedule.Club", on_delete=models.PROTECT, null=True, blank=True, related_name="managers")
    is_instructor = models.BooleanField(default=False)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "business", "reference", condition=~models.Q(reference=""), name="staff_reference_once_per_business"
            )
        ]

    def __str__(self) -> str:
        return self.name
