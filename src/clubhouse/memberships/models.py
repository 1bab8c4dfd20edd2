"""What a client has bought: memberships (subscriptions), packages of credits, and money on account."""

from __future__ import annotations

from decimal import Decimal

from auditlog.registry import auditlog
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class PriceItem(models.Model):
    """A line of a business's price list. What was sold keeps its own name and price, so a line may change or retire."""

    class Kind(models.TextChoices):
        MEMBERSHIP = "membership", _("Membership")
        PACKAGE = "package", _("Package of credits")
        CREDIT = "credit", _("Single credit")

    business = models.ForeignKey("accounts.Business", on_delete=models.PROTECT, related_name="price_items")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    name = models.CharField(_("name"), max_length=100)
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    period_months = models.PositiveSmallIntegerField(_("months paid for at a time"), default=0)
    credits = models.PositiveSmallIntegerField(_("credits"), default=0)
    valid_days = models.PositiveSmallIntegerField(_("days the credits are good for"), null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "business",
                Lower("name"),
                condition=models.Q(retired_at=None),
                name="price_item_name_once_per_business",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="membership", period_months__gte=1, credits=0)
                | models.Q(kind="package", credits__gte=1, period_months=0)
                | models.Q(kind="credit", credits=1, period_months=0),
                name="price_item_says_what_it_gives",
            ),
            models.CheckConstraint(condition=models.Q(price__gte=0), name="price_item_costs_nothing_or_more"),
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A recurring membership (subscription). Frozen counts as active (row H8)."""

    class Status(models.TextChoices):
        ACTIVE = "active", _("Active")
        FROZEN = "frozen", _("Frozen")
        CANCELLED = "cancelled", _("Cancelled")

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="memberships")
    paid_by = models.ForeignKey(
        "clients.Client", on_delete=models.SET_NULL, null=True, blank=True, related_name="memberships_paid_for"
    )
    plan = models.CharField(max_length=120)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    starts_on = models.DateField()
    cancelled_on = models.DateField(null=True, blank=True)
    cancellation_reason = models.CharField(max_length=40, blank=True)
    ends_on = models.DateField(
        null=True, blank=True, help_text="The last day, where it is to end by itself; cancelled on the day after."
    )
    frozen_from = models.DateField(null=True, blank=True, help_text="First day of a freeze, planned or running.")
    frozen_until = models.DateField(null=True, blank=True, help_text="Last day of a freeze, planned or running.")
    period_months = models.PositiveSmallIntegerField(default=1, help_text="Months that are paid for at a time.")
    billed_until = models.DateField(
        null=True, blank=True, help_text="The last day invoiced by us; empty where the provider or nobody bills."
    )
    price = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    provider_reference = models.CharField(max_length=120, blank=True)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")

    def __str__(self) -> str:
        return f"Membership {self.pk}"


class Package(models.Model):
    """A number of credits with an expiry."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="packages")
    paid_by = models.ForeignKey(
        "clients.Client", on_delete=models.SET_NULL, null=True, blank=True, related_name="packages_paid_for"
    )
    name = models.CharField(max_length=120)
    sold_on = models.DateField(null=True, blank=True)
    credits_total = models.PositiveIntegerField()
    credits_used = models.PositiveIntegerField(default=0)
    credits_forfeited = models.PositiveIntegerField(default=0)
    forfeited_reason = models.CharField(max_length=40, blank=True)
    expires_on = models.DateField(null=True, blank=True)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(credits_total__gte=models.F("credits_used") + models.F("credits_forfeited")),
                name="package_not_overdrawn",
            )
        ]

    def __str__(self) -> str:
        return f"Package {self.pk}"


class AccountCredit(models.Model):
    """Money the club owes a client: a gift card, a refund as credit, goodwill."""

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="account_credits")
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    used = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    forfeited = models.DecimalField(max_digits=10, decimal_places=2, default=0)
    forfeited_reason = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3, default="GBP")
    reason = models.CharField(max_length=200, blank=True)
    granted_on = models.DateField()
    reference = models.CharField(max_length=64, blank=True, help_text="The row in the export the club came from.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                # SQLite adds money as floating point: 0.10 + 0.20 is more than 0.30 there, by far less than this.
                condition=models.Q(amount__gte=models.F("used") + models.F("forfeited") - Decimal("0.001")),
                name="credit_not_overdrawn",
            )
        ]

    def __str__(self) -> str:
        return f"Account credit {self.pk}"


auditlog.register(Membership)
auditlog.register(Package)
