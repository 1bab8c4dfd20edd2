"""The schedule on a club's own web site: where it may be framed, and who is signed in inside it (row H14)."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def public_id() -> str:
    """What stands in the address of a business's embed: it says nothing, and cannot be guessed from another's."""
    return secrets.token_hex(10)


class Embed(models.Model):
    """The embed of one business. It is framed nowhere until the business lists a site."""

    business = models.OneToOneField("accounts.Business", on_delete=models.CASCADE, related_name="embed")
    public_id = models.CharField(max_length=20, unique=True, default=public_id)

    def __str__(self) -> str:
        return self.public_id


class EmbedSite(models.Model):
    """A web site that may frame the embed, as an origin: scheme, host and, where it is not the usual one, port."""

    embed = models.ForeignKey(Embed, on_delete=models.CASCADE, related_name="sites")
    origin = models.CharField(max_length=260)

    class Meta:
        constraints = [models.UniqueConstraint("embed", "origin", name="embed_site_once")]

    def __str__(self) -> str:
        return self.origin


class EmbedSignIn(models.Model):
    """A member who is signed in inside a frame: a token that the frame's own pages carry, kept as a hash."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="embed_sign_ins")
    embed = models.ForeignKey(Embed, on_delete=models.CASCADE, related_name="sign_ins")
    token_hash = models.CharField(max_length=64, unique=True)
    password_state = models.CharField(max_length=128, help_text="Changes with the password, which ends the sign-in.")
    expires_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("sign-in on a web site")
        verbose_name_plural = _("sign-ins on web sites")

    def __str__(self) -> str:
        return f"Sign-in {self.pk}"
