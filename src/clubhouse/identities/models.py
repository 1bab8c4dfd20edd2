"""OpenID providers of a business, and the tokens by which a sign-in is ended at the provider (row P15).

Who somebody is at a provider is ``clients.Identity``: a key made of the issuer, and the provider's own subject.
"""

from __future__ import annotations

import hashlib

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


def issuer_key(issuer: str) -> str:
    """What ``clients.Identity.provider`` holds for an issuer: never the name, which a business may change."""
    return "oidc:" + hashlib.sha256(issuer.encode()).hexdigest()[:24]


class Provider(models.Model):
    """Where members of a business can sign in with an account they have elsewhere. Its issuer never changes."""

    business = models.ForeignKey("accounts.Business", on_delete=models.CASCADE, related_name="openid_providers")
    name = models.CharField(_("Name"), max_length=40)
    issuer = models.CharField(_("Issuer"), max_length=255)
    client_id = models.CharField(_("Client ID"), max_length=255)
    secret_sealed = models.TextField(blank=True, help_text="Encrypted under a key that is not in the database.")
    apple_team = models.CharField(_("Apple Team ID"), max_length=20, blank=True)
    apple_key = models.CharField(_("Apple Key ID"), max_length=20, blank=True)
    is_on = models.BooleanField(_("Members can sign in with it"), default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint("business", "issuer", name="openid_issuer_once_per_business")]

    def __str__(self) -> str:
        return f"OpenID provider {self.pk}"

    @property
    def key(self) -> str:
        """What identities of this provider are stored under."""
        return issuer_key(self.issuer)


class Grant(models.Model):
    """A token that a provider gave with a sign-in, held for one purpose: to be revoked at the end."""

    identity = models.OneToOneField("clients.Identity", on_delete=models.CASCADE, related_name="grant")
    provider = models.ForeignKey(Provider, on_delete=models.PROTECT, related_name="grants")
    token_sealed = models.TextField(help_text="Encrypted under a key that is not in the database.")
    kind = models.CharField(max_length=13, help_text="refresh_token or access_token.")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Grant {self.pk}"
