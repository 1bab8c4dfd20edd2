"""Attendance stays counted, by session; who came does not (rows F5, F9, F10)."""

from __future__ import annotations

from clubhouse.schedule.models import Booking, WaitingListEntry
from lethe import Policy, delete_rows, keep_rows, register


@register(Booking)
class BookingPolicy(Policy):
    """A booking is history; a place booked for a buddy stays the buddy's."""

    path = "client"
    rows = keep_rows("a report of past sessions still shows that each was conducted, and for how many")
    clear = ("note", "reference", "booked_by")
    keep = {
        ("session", "status", "booked_at", "cancelled_at"): "attendance is counted by session, state and day",
        "package": "used credits are counted by package",
    }
    unlink = {"booked_by": ()}


@register(WaitingListEntry)
class WaitingListPolicy(Policy):
    """On no waiting list any more, and with no open offer."""

    path = "client"
    rows = delete_rows()
