"""What the tests of the schedule's screens share."""

from __future__ import annotations

import re
import secrets
from typing import Any

from django.contrib.messages import get_messages
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.clients.models import Client
from clubhouse.clients.search import search_text
from clubhouse.schedule.models import Booking, Club, Session, WaitingListEntry
from tests.support import factories as make


def said(response: Any) -> str:
    """What the message after a redirect says."""
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def show(browser: Browser, session: Session, **query: Any) -> str:
    """The page of a session."""
    page = browser.get(reverse("schedule:session", args=[session.pk]), query)
    assert page.status_code == 200
    return page.text


def to_session(name: str, session: Session) -> str:
    return reverse(f"schedule:{name}", args=[session.pk])


def to_booking(name: str, booking: Booking) -> str:
    return reverse(f"schedule:{name}", args=[booking.session_id, booking.pk])


def to_entry(name: str, entry: WaitingListEntry) -> str:
    return reverse(f"schedule:{name}", args=[entry.session_id, entry.pk])


def many_clients(club: Club, count: int) -> list[Client]:
    """So many clients in one statement, all of whom a search for "Findable" finds."""
    clients = []
    for _ in range(count):
        number = secrets.token_hex(6)
        who = Client(
            business=club.business, home_club=club, number=number, first_name="Findable", joined_on=make.today()
        )
        who.search_text = search_text(who)
        clients.append(who)
    return Client.objects.bulk_create(clients)


def rows(page: str, section: str = "") -> list[str]:
    """Each row of the first table, or of a section's, as its words."""
    part = page.partition(f'id="{section}"')[2] if section else page
    body = part.partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", row).split()) for row in body.split("</tr>") if "<tr" in row]
