"""What the club keeps of an erasure: which business a receipt belongs to, and nothing of whom it was for."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class ErasureReceipt(models.Model):
    """Lets the administrators of one business open one receipt. It names no client, and no client names it."""

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="erasure_receipts")
    number = models.CharField(max_length=23, unique=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.number


class ToldOfFailure(models.Model):
    """That the administrators have been told of an effect that keeps failing, so that they are told once."""

    effect = models.OneToOneField("lethe.Effect", on_delete=models.CASCADE, related_name="+")
    told_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Told of effect {self.effect_id}"
