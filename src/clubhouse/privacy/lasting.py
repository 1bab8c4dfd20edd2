"""What still holds former values when an erasure is done, and for how long: in people's words (row N11)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from lethe import conf


@dataclass(frozen=True)
class Lasting:
    """Where former values can still lie, and until when."""

    where: str
    until: str


def lasting() -> list[Lasting]:
    """The database's own files, and what the deployment says of its backups. No query."""
    found = [Lasting(_("The database’s files"), _files_until())]
    found += [Lasting(name, period) for name, period in conf.outlives().items()]
    if len(found) == 1:
        unknown = _("for how long is not stated; whoever runs this installation knows")
        found.append(Lasting(_("Backups and archives"), unknown))
    return found


def _files_until() -> str:
    if connection.vendor == "sqlite":
        seconds = conf.clean_every()
        if seconds is not None:
            minutes = max(round(seconds / 60), 1)
            said = ngettext(
                "until they are rewritten, %(minutes)s minute after a deletion at the earliest",
                "until they are rewritten, %(minutes)s minutes after a deletion at the earliest",
                minutes,
            )
            return said % {"minutes": minutes}
    elif at := conf.clean_at():
        return _("until they are rewritten, each day at %(time)s") % {"time": f"{at:%H:%M}"}
    return _("until whoever runs this installation has them rewritten")
