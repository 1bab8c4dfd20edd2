"""What a digest says: a line for each session that changed and for each kind of task, and a subject for all of it."""

from __future__ import annotations

import zoneinfo
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from clubhouse.messages.mail import when
from clubhouse.messages.models import Notification

#: A digest is read on a telephone between two classes. What is more is in the inbox.
LISTED = 40
KINDS = Notification.Kind
#: What a client has to be helped with.
HELP = {KINDS.NEEDS_PAYER, KINDS.NEEDS_GUARDIAN}


@dataclass(frozen=True)
class Line:
    """One line of a digest. ``what`` is the kind, ``title`` and ``when`` the session's, empty for tasks."""

    what: str
    title: str = ""
    when: str = ""
    club: str = ""
    places: int = 0
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A digest: its subject, what it lists, and how many sessions more there are."""

    subject: str
    lines: list[Line]
    more: int = 0


def say(rows: Sequence[Notification], *, own: zoneinfo.ZoneInfo | None) -> Said:
    """A digest of these lines of one inbox, in the active language; ``own`` is the reader's clock, if it was chosen.

    Lines about the same session are one, with the places of all: a thousand clients who are erased in parts leave
    several of them. Tasks that read alike are one with their number: who they are about is in no mail.
    """
    places: Counter[tuple[str, int]] = Counter()
    sessions: dict[tuple[str, int], Notification] = {}
    tasks: Counter[str] = Counter()
    for row in rows:
        if row.session_id is None:
            tasks[row.kind] += 1
        else:
            sessions.setdefault((row.kind, row.session_id), row)
            places[row.kind, row.session_id] += row.places
    soonest = sorted(sessions.items(), key=lambda item: (item[1].session.starts_at, item[0]))  # type: ignore[union-attr]
    lines = [_session(row, places[key], own) for key, row in soonest[:LISTED]]
    lines += [_task(kind, tasks[kind]) for kind in sorted(tasks)]
    return Said(subject=_subject(sessions, tasks), lines=lines, more=max(0, len(sessions) - LISTED))


def _subject(sessions: dict[tuple[str, int], Notification], tasks: Counter[str]) -> str:
    kinds, count = set(tasks), len(sessions) + tasks.total()
    if sessions and tasks:
        return _("%(count)s things to know") % {"count": count}
    if sessions:
        (kind, _session_id), row = next(iter(sessions.items()))
        if count == 1 and kind == KINDS.APPOINTMENT_CANCELLED:
            return row.get_kind_display()
        return ngettext("A place became free", "%(count)s changes to your sessions", count) % {"count": count}
    if kinds <= HELP:
        return ngettext("A client needs your help", "%(count)s clients need your help", count) % {"count": count}
    if kinds == {KINDS.NOT_DONE_OUTSIDE}:
        return _("Something outside has not been done for a day")
    if kinds == {KINDS.RESIDUE_FOUND}:
        return _("Somebody who was deleted is still named in your records")
    return _("%(count)s things to know") % {"count": count}


def _session(row: Notification, places: int, own: zoneinfo.ZoneInfo | None) -> Line:
    session = row.session
    assert session is not None
    return Line(row.get_kind_display(), session.title, when(session, own), session.club.name, places)


def _task(kind: str, count: int) -> Line:
    if kind == KINDS.NOT_DONE_OUTSIDE:
        hint = _("The page “Privacy” says what, and why.")
    elif kind == KINDS.RESIDUE_FOUND:
        hint = ngettext("Your inbox says where.", "%(count)s records. Your inbox says which.", count)
    else:
        hint = ngettext("Your inbox says who.", "%(count)s clients. Your inbox says who.", count)
    return Line(str(KINDS(kind).label), hint=hint % {"count": count})
