"""Other systems that a business tells of erasures, and what became of telling them. Neither names a client."""

from __future__ import annotations

import base64
import datetime
import secrets

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: How long the secret before the last one still signs beside it.
OVERLAP = datetime.timedelta(hours=24)


def new_secret() -> str:
    """A signing secret in the notation of the Standard Webhooks rules: 32 random bytes."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class Endpoint(models.Model):
    """An address of another system."""

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="webhook_endpoints")
    url = models.CharField("address", max_length=500)
    description = models.CharField(max_length=120, blank=True)
    is_on = models.BooleanField(default=True)
    hears_all = models.BooleanField(default=True, help_text="Told what leads to an erasure, too, and of its end.")
    secret = models.CharField(max_length=80, default=new_secret)
    previous_secret = models.CharField(max_length=80, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="Tries that failed since the last that did not.")
    paused_until = models.DateTimeField(null=True, blank=True, help_text="Until when it is left alone after a failure.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint("business", "url", name="webhook_address_once_per_business")]

    def __str__(self) -> str:
        return f"Webhook endpoint {self.pk}"

    def secrets_at(self, now: datetime.datetime) -> list[str]:
        """What signs at this moment: the secret, and the one before while the two overlap."""
        if self.previous_secret and self.previous_secret_until and self.previous_secret_until > now:
            return [self.secret, self.previous_secret]
        return [self.secret]


class Delivery(models.Model):
    """One message to one endpoint and what became of it; neither the message's body nor the answer's is kept.

    ``receipt`` and ``details`` are what makes the message, so that it can be sent again: opaque numbers, and words out
    of lists of ours. Neither leads to a client.
    """

    class Event(models.TextChoices):
        REQUESTED = "deletion_request.sent", _("A deletion was asked for")
        OPENED = "deletion_request.opened", _("A deletion that was asked for was opened")
        CLOSED = "deletion_request.closed", _("A request for a deletion was closed")
        BLOCKED = "client.erasure_blocked", _("A deletion was ordered, and something has to be settled first")
        ERASED = "client.erased", _("A client was erased")
        COMPLETED = "client.erasure_completed", _("Everything outside the records is done")
        TEST = "webhook.test", _("A test")

    #: ``error`` in the words of whoever reads it; the page of the log says it.
    cause: str

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    message = models.CharField(max_length=40, help_text="The message's id; the same however often it is sent.")
    event = models.CharField(max_length=40, choices=Event.choices)
    receipt = models.CharField(max_length=23, blank=True)
    details = models.JSONField(default=dict, blank=True)
    occurred_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    tried_at = models.DateTimeField(null=True)
    answer = models.PositiveIntegerField(null=True, help_text="The HTTP status of the last answer.")
    error = models.CharField(max_length=200, blank=True)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint("endpoint", "message", name="delivery_once_per_message")]
        indexes = [models.Index(fields=["endpoint", "-tried_at"], name="delivery_log")]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"
