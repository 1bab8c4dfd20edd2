"""The client never hears from us again; the staff's messages never named them (rows F11, F12)."""

from __future__ import annotations

from clubhouse.messages.models import ClientMessage, HandOver, Notification
from lethe import Policy, delete_rows, not_personal, register


@register(ClientMessage)
class ClientMessagePolicy(Policy):
    """What was queued never leaves, what was sent is forgotten."""

    path = "client"
    rows = delete_rows()
    not_sought = ("was",)


@register(Notification)
class NotificationPolicy(Policy):
    """A line in a colleague's inbox that is about this client has nobody left to be about."""

    path = "client"
    rows = delete_rows()


@register(HandOver)
class HandOverPolicy(Policy):
    """An erasure waits until there is none (``handing_over``)."""

    rows = not_personal("it says that a mail is on its way at this moment; no erasure commits while there is one")
