"""The side navigation: every entry of the team's menu, in one place.

An entry is shown when its address exists and the colleague may use it. To add a screen, add a line.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from clubhouse.accounts.permissions import is_administrator, may, may_read_reports
from clubhouse.team.models import StaffMember

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the menu. ``allowed`` says who sees it; ``count`` is shown beside it, ``counted`` says of what."""

    label: StrOrPromise
    url_name: str
    icon: str
    allowed: Callable[[StaffMember], bool] = lambda staff: True
    count: Callable[[StaffMember], int] = lambda staff: 0
    counted: StrOrPromise = ""


@dataclass(frozen=True, kw_only=True)
class Link:
    """An entry as one request sees it."""

    label: StrOrPromise
    url: str
    icon: str
    count: int
    counted: StrOrPromise
    current: bool


def unread(staff: StaffMember) -> int:
    """How many notifications wait in the colleague's inbox."""
    return staff.notifications.filter(read_at=None).count()


def tasks_to_do(staff: StaffMember) -> int:
    """How many tasks, failed payments and failed refunds wait at the desk."""
    from clubhouse.tasks.selectors import count

    return count(staff)


def still_failing(staff: StaffMember) -> int:
    """How many deletions could not yet be carried out elsewhere (row N4)."""
    from clubhouse.privacy.outstanding import count

    return count(staff.business)


def shows_deleted(staff: StaffMember) -> bool:
    """Deleted Clients is for administrators, where the business shows it at all (row H18)."""
    return is_administrator(staff) and staff.business.show_deleted_clients


ENTRIES = (
    Entry(label=_("Clients"), url_name="clients:list", icon="contact-round", allowed=lambda s: may(s, "contacts")),
    Entry(label=_("Users"), url_name="users:list", icon="users", allowed=is_administrator),
    Entry(label=_("Schedule"), url_name="schedule:day", icon="calendar-days", allowed=lambda s: may(s, "schedule")),
    Entry(
        label=_("Tasks"),
        url_name="tasks:list",
        icon="list-checks",
        allowed=lambda s: may(s, "contacts"),
        count=tasks_to_do,
        counted=_("to do"),
    ),
    Entry(label=_("Price list"), url_name="memberships:price-list", icon="tag", allowed=lambda s: may(s, "retail")),
    Entry(label=_("Reports"), url_name="reports:sessions", icon="chart-column", allowed=may_read_reports),
    Entry(label=_("Inbox"), url_name="messages:inbox", icon="inbox", count=unread, counted=_("unread")),
    Entry(label=_("Team settings"), url_name="team:settings", icon="settings", allowed=is_administrator),
    Entry(label=_("Webhooks"), url_name="webhooks:list", icon="link", allowed=is_administrator),
    Entry(
        label=_("Privacy"),
        url_name="privacy:settings",
        icon="shield-check",
        allowed=is_administrator,
        count=still_failing,
        counted=_("not yet done outside"),
    ),
    Entry(label=_("Support"), url_name="support:list", icon="circle-help", allowed=lambda s: may(s, "contacts")),
    Entry(label=_("Deleted Clients"), url_name="clients:deleted", icon="archive", allowed=shows_deleted),
)


def links(request: HttpRequest, staff: StaffMember) -> list[Link]:
    """The menu for this colleague on this page."""
    found = []
    for entry in ENTRIES:
        try:
            url = reverse(entry.url_name)
        except NoReverseMatch:
            continue
        if entry.allowed(staff):
            found.append((entry, url))
    # The longest address that starts this page's address is where the reader is.
    here = max((url for _, url in found if request.path.startswith(url)), key=len, default="")
    return [
        Link(
            label=entry.label,
            url=url,
            icon=entry.icon,
            count=entry.count(staff),
            counted=entry.counted,
            current=url == here,
        )
        for entry, url in found
    ]
