"""A sign-in with an external identity ends here and at the provider (row P15)."""

from __future__ import annotations

from clubhouse.identities.models import Grant, Provider
from lethe import Policy, delete_rows, emit, not_personal, register


@register(Grant)
class GrantPolicy(Policy):
    """The token goes at once; at the provider it is revoked after commit. Until then the effect holds it encrypted."""

    path = "identity__client"
    rows = delete_rows()
    secrets = ("token_sealed",)
    not_sought = ("kind",)
    emits = (
        emit("identity.revoke", token="token_sealed", hint="kind", provider="provider"),  # noqa: S106 - a column
    )


@register(Provider)
class ProviderPolicy(Policy):
    """What a business set up, and no client's."""

    rows = not_personal("the client ID is what a provider knows the club by; no row here is about a client")
