"""One exception per cause. The docstring states the cause and the cure, and is what a person reads."""

from __future__ import annotations

from django.utils.translation import gettext as _


class SupportError(Exception):
    """The request could not be changed; nothing was done."""

    @property
    def message(self) -> str:
        """What a person reads."""
        return str(self)


class HasAdministrator(SupportError):
    """The business has an administrator who can delete the client, so nobody else does."""

    def __str__(self) -> str:
        return _("This business has an administrator who can delete clients. Ask them; nothing was done here.")


class TooMany(SupportError):
    """The business has many open requests already."""

    def __str__(self) -> str:
        return _("There are 20 open requests already. Wait until some are answered, or withdraw one.")


class AlreadyClosed(SupportError):
    """The request was closed meanwhile."""

    def __str__(self) -> str:
        return _("This request was closed or answered meanwhile. Nothing was changed.")


class NoMatch(SupportError):
    """Raised inside the erasing transaction too, which is rolled back by it."""

    def __str__(self) -> str:
        return _("Not all details match the record exactly, so the deletion stays closed. Ask for the details again.")
