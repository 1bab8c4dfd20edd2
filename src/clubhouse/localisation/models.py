"""What an account, or a business, has chosen to read in. Nobody is made to choose: no row, no choice."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ReaderChoice(models.Model):
    """The language and the time zone of one account; an empty one is left to the browser, or to the club."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="reader_choice")
    language = models.CharField(max_length=10, blank=True)
    timezone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return f"Reader choice {self.pk}"


class BusinessLanguage(models.Model):
    """What a business's people read in where neither they nor their browsers say otherwise."""

    business = models.OneToOneField(
        "accounts.Business", on_delete=models.CASCADE, related_name="default_language", primary_key=True
    )
    language = models.CharField(max_length=10)

    def __str__(self) -> str:
        return f"Language of business {self.pk}"
