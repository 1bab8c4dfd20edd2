"""One exception per cause. The docstring states the cause and the cure, and is what a person reads."""

from __future__ import annotations

from django.utils.translation import gettext


class ScheduleError(Exception):
    """The schedule did not allow this; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(gettext(" ".join((self.__doc__ or "").split())))


class SessionFull(ScheduleError):
    """Every place is taken or on offer. Join the waiting list instead."""


class PlaceFree(ScheduleError):
    """There is a free place, so nobody has to wait. Book it instead."""


class AlreadyBooked(ScheduleError):
    """The client has a place in this session already."""


class ClientErased(ScheduleError):
    """This record is deleted and read-only, so nothing can be booked for it."""


class SessionOver(ScheduleError):
    """The session has begun, is over, or was cancelled. Choose one that is still to come."""


class OtherBusiness(ScheduleError):
    """The client and the session belong to different businesses. Choose both from the same one."""


class NotBuddies(ScheduleError):
    """These two clients are not linked by Book a Buddy. Link them in the profile first."""


class OfferOver(ScheduleError):
    """The offer has run out or was taken back, so the place went to the next client."""


class AttendanceNotOpen(ScheduleError):
    """Attendance is marked from one hour before the start, a no-show from the start on. Come back then."""


class NotLive(ScheduleError):
    """This booking was cancelled, so there is no attendance to mark."""


class NoCredit(ScheduleError):
    """This client has no active membership and no credit left. Sell one first, or book without a credit and settle it
    at the desk."""


class CancelledBefore(ScheduleError):
    """This booking was cancelled before. Nothing was changed."""


class NotWaiting(ScheduleError):
    """This client is no longer on the waiting list. Nothing was changed."""


class OfferStands(ScheduleError):
    """The place is on offer to this client already. Nothing was changed."""


class NothingOpen(ScheduleError):
    """The session was cancelled before, or is over. Nothing was changed."""


class AttendanceMarked(ScheduleError):
    """Somebody is checked in, or marked as a no-show, so this was held. Undo the marks first if it was not."""


class JustChanging(ScheduleError):
    """Somebody who is just being booked here is being changed elsewhere. Nothing was changed; try once more."""


class PlacesTaken(ScheduleError):
    """More places are taken or on offer than that. Choose a higher number, or cancel bookings first."""


class StartsInThePast(ScheduleError):
    """This start lies in the past. Choose a later one."""
