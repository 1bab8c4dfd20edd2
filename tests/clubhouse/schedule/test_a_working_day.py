"""A day at the desk, through the pages alone: add, book, wait, cancel, promote, check in, report."""

from __future__ import annotations

import datetime
import re

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.schedule.clock import today
from clubhouse.schedule.models import Club, Session
from clubhouse.team.models import StaffMember
from tests.clubhouse.schedule.pages import rows
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def press(browser: Browser, page: str, button: str, row: str = "", **data: object) -> str:
    """Send the form that holds this button, in the row that names somebody, with all it holds; the page after it."""
    within = next(part for part in page.split("<tr>") if f">{row}<" in part) if row else page
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", within, re.DOTALL):
        if f">{button}<" in form:
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
            pressed = re.search(rf'<button[^>]*name="(\w+)" value="(\w+)"[^>]*>{re.escape(button)}<', form)
            action = re.search(r'action="([^"]*)"', form)
            sent = fields | (dict([pressed.groups()]) if pressed else {}) | data
            url = action[1] if action else browser.last  # type: ignore[attr-defined]
            answer = browser.post(url, sent, follow=True)
            assert answer.status_code == 200, answer.text
            return answer.text
    raise AssertionError(f"There is no button {button!r} for {row!r}.")


def test_a_day_at_the_desk(client: Browser, club: Club, administrator: StaffMember) -> None:
    def person(first: str) -> Client:
        who = make.make_client(club, first_name=first, last_name="Day")
        make.make_package(who, credits_total=1)
        return who

    def session_page(query: str = "") -> str:
        return client.get(reverse("schedule:session", args=[session.pk]), {"q": query} if query else {}).text

    ada, ben, cleo = person("Ada"), person("Ben"), person("Cleo")
    sign_in(client, administrator)

    day = today(club, timezone.now()) + datetime.timedelta(days=1)
    form = client.get(reverse("schedule:add"), {"club": club.pk, "day": day.isoformat()}).text
    typed = {"club": club.pk, "title": "Dawn Spin", "day": day.isoformat(), "start": "07:00", "end": "07:45"}
    page = press(client, form, "Add the class", **typed, trainer="", capacity=2, weeks=1)
    assert "It is on the schedule." in page
    session = Session.objects.get()

    for who in (ada, ben):
        page = press(client, session_page("Day"), "Book", who.display_name)
        assert "for one credit" in page
    assert "Full" in page
    press(client, session_page("Cleo"), "Add to the waiting list", "Cleo Day")
    assert rows(session_page(), "waiting")[0].startswith("Cleo Day Number 1")

    page = press(client, session_page(), "Cancel early: the credit comes back", "Ada Day")
    assert "The credit was given back." in page
    assert "The next client on the waiting list has the place." in page
    assert [row.split()[0] for row in rows(page, "roster")] == ["Ben", "Cleo"]
    assert 'id="waiting"' not in page
    left = {who: who.packages.get().credits_total - who.packages.get().credits_used for who in (ada, ben, cleo)}
    assert left == {ada: 1, ben: 0, cleo: 0}
    schedule = client.get(reverse("schedule:day"), {"club": club.pk, "day": day.isoformat()}).text
    assert "2 of 2" in rows(schedule)[0]

    # The class begins in half an hour.
    Session.objects.update(starts_at=timezone.now() + datetime.timedelta(minutes=30))
    page = press(client, session_page(), "Check in", "Ben Day")
    page = press(client, page, "Check in", "Cleo Day")
    assert page.count("Attended") == 2
    assert "Every place is taken" in page, "who is checked in keeps the place"

    # An hour and a half later it is over, and one of those who came asks to be forgotten.
    Session.objects.update(starts_at=timezone.now() - datetime.timedelta(minutes=60))
    month = f"{timezone.localtime(Session.objects.get().starts_at):%Y-%m}"

    def report() -> list[str]:
        query = {"since": month, "until": month}
        return rows(client.get(reverse("reports:sessions"), query).text)

    before = report()
    assert before == ["No trainer 1 2 0 0"], "one conducted, two came"
    erase(ben, by=administrator.user, reason="test", fingerprint=look(ben).fingerprint)
    assert report() == before
    page = session_page()
    assert "Ben Day" not in page
    assert "[deleted] #" in rows(page, "roster")[1]
    press(client, page, "Undo", rows(page, "roster")[1].partition(" Attended")[0])
    assert sorted(Session.objects.get().bookings.values_list("status", flat=True)) == [
        "attended",
        "booked",
        "cancelled",
    ]
