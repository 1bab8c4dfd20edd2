"""What is owed to OpenID providers after commit (row P15)."""

from __future__ import annotations

from typing import Any

from clubhouse.identities import protocol
from clubhouse.identities.models import Provider
from clubhouse.identities.sealing import Unreadable, unseal
from clubhouse.identities.wire import NotReached
from lethe.outbox import Retry, handler


@handler("identity.revoke")
def revoke(payload: dict[str, Any]) -> dict[str, Any]:
    """Revoke a token. Payload: ``{"token": sealed, "hint": which of the two, "provider": key}``, and
    ``business`` where no erasure's run says whose it is."""
    provider = Provider.objects.filter(pk=payload["provider"]).first()
    if provider is None:
        return {"outcome": "the provider was removed"}
    try:
        return {"outcome": protocol.revoke(provider, unseal(payload["token"]), payload["hint"])}
    except NotReached as error:
        raise Retry(f"The sign-in provider was not told: {error}.") from None
    except Unreadable as error:
        raise Retry(str(error)) from None
