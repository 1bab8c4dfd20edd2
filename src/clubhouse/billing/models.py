"""Invoices, payments and stored payment methods."""

from __future__ import annotations

from auditlog.registry import auditlog
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Invoice(models.Model):
    """A sale. Who it is for is ``client``; who pays, where that is another client, is ``paid_by``."""

    class Status(models.TextChoices):
        OUTSTANDING = "outstanding", _("Outstanding")
        FAILED = "failed", _("Payment failed")
        DISPUTED = "disputed", _("Disputed")
        PAID = "paid", _("Paid")
        REFUNDED = "refunded", _("Refunded")
        WRITTEN_OFF = "written_off", _("Written off")

    client = models.ForeignKey("clients.Client", on_delete=models.PROTECT, related_name="invoices")
    paid_by = models.ForeignKey(
        "clients.Client", on_delete=models.SET_NULL, null=True, blank=True, related_name="invoices_paid_for"
    )
    club = models.ForeignKey("schedule.Club", on_delete=models.PROTECT, related_name="invoices")
    number = models.CharField(max_length=40)
    description = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.OUTSTANDING)
    due_on = models.DateField()
    written_off_reason = models.CharField(max_length=40, blank=True)
    billing_name = models.CharField(max_length=610, blank=True)
    billing_address = models.CharField(max_length=500, blank=True)
    reference = models.CharField(max_length=40, blank=True, help_text="The id in the system the club came from.")
    once_key = models.CharField(
        max_length=32, null=True, blank=True, unique=True, help_text="Drawn with the form: it sells once."
    )

    class Meta:
        constraints = [models.UniqueConstraint("club", "number", name="invoice_number_once_per_club")]
        indexes = [models.Index("club", "due_on", name="invoice_by_club_and_day")]

    def __str__(self) -> str:
        return f"Invoice {self.pk}"


class Payment(models.Model):
    """Money that came in for an invoice, went back, or failed to come."""

    class Status(models.TextChoices):
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        REFUNDED = "refunded", _("Refunded")
        # On their way to the provider; neither is money yet.
        PENDING = "pending", _("Under way")
        REFUNDING = "refunding", _("Refund under way")
        NO_REFUND = "no_refund", _("Refund failed")

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="payments")
    amount = models.DecimalField(max_digits=10, decimal_places=2)
    status = models.CharField(max_length=10, choices=Status.choices)
    paid_on = models.DateField()
    method = models.CharField(max_length=30, blank=True)
    provider_reference = models.CharField(max_length=120, blank=True)

    def __str__(self) -> str:
        return f"Payment {self.pk}"


class InvoiceNumbers(models.Model):
    """The last number that a club gave to an invoice of its own; a sale locks this row, so that none is left out."""

    club = models.OneToOneField("schedule.Club", on_delete=models.CASCADE, related_name="invoice_numbers")
    last = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "invoice numbers"

    def __str__(self) -> str:
        return f"Invoice numbers {self.pk}"


class StoredCard(models.Model):
    """A payment method kept at the provider (``payments_credit_cards`` in the documents): tokens only, no number."""

    client = models.ForeignKey("clients.Client", on_delete=models.CASCADE, related_name="cards")
    provider = models.CharField(max_length=30)
    customer_token = models.CharField(max_length=120)
    card_token = models.CharField(max_length=120)
    brand = models.CharField(max_length=30, blank=True)
    last4 = models.CharField(max_length=4, blank=True)
    expires = models.CharField(max_length=7, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("client", "provider", "card_token", name="card_once_per_client")]

    def __str__(self) -> str:
        return f"Stored card {self.pk}"


class ProviderEvent(models.Model):
    """News from the payment provider that has been dealt with: the second time it comes, nothing happens.

    A digest of the event's id, another of the payment or dispute it is about, when that was, and nothing of what it
    says; deleted when the provider can no longer send it again.
    """

    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the event's id, hexadecimal.")
    about = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the payment or dispute it tells of, hexadecimal."
    )
    happened_at = models.DateTimeField(default=timezone.now, help_text="When the provider says that it happened.")
    received_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes = [models.Index("about", "happened_at", name="provider_event_order")]

    def __str__(self) -> str:
        return f"Provider event {self.pk}"


# Whoever pays stands in the billing fields, also on another client's invoice: the audits are no second copy of them.
auditlog.register(Invoice, exclude_fields=["billing_name", "billing_address", "once_key"])
