"""Tokens of the API, and the answers that are given again to a request that comes twice.

A token is kept as a hash and shown once. A row says of nobody who they are: whose it is follows from the account.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class ApiToken(models.Model):
    """A key to the API. It may do what its account may do, within its scopes."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    form = models.UUIDField(default=uuid.uuid4, unique=True, help_text="The form it was made with, sent once.")
    name = models.CharField(max_length=60, help_text="What it is for, in its maker's words.")
    prefix = models.CharField(max_length=12, help_text="How it begins, to tell it from others.")
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)
    minute = models.DateTimeField(null=True, blank=True, help_text="The minute that ``calls`` counts.")
    calls = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"Token {self.pk}"


class ApiAnswer(models.Model):
    """What was answered under an idempotency key, for a day. It names a receipt, never a client.

    Neither the key nor the request is kept: ``key`` and ``request`` are hashed with the server's secret, ``request``
    with the key in it as well.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE, related_name="answers")
    key = models.CharField(max_length=64)
    request = models.CharField(max_length=64)
    receipt = models.CharField(max_length=23, blank=True)
    done = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("answer of the API")
        verbose_name_plural = _("answers of the API")
        constraints = [models.UniqueConstraint("token", "key", name="api_answer_once_per_key")]

    def __str__(self) -> str:
        return f"Answer {self.pk}"
