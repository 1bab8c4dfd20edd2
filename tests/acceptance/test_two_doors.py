"""The administrator's two doors in a real browser: every label to the letter, by desk and by phone, light and dark."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connection, connections
from playwright.sync_api import Browser, Page, expect, sync_playwright

from clubhouse.clients.models import Client
from clubhouse.clients.search import search_text
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox
from lethe.models import Receipt
from tests.support import factories as make
from tests.support.dump import logical_dump
from tests.support.record import Record

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 320, "height": 640}


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright's loop runs in this thread, which is all that Django sees; nothing here is asynchronous.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        yield chromium
        chromium.close()
        # What was asked of the database from within that loop went over a connection of its own.
        connections.close_all()


def signed_in(browser: Browser, server: Any, who: StaffMember, **context: Any) -> Page:
    page = browser.new_context(**context).new_page()
    page.goto(f"{server.url}/sign-in/")
    page.get_by_label("E-mail address").fill(who.user.email)
    page.get_by_label("Password").fill(make.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1, name="Clients")).to_be_visible()
    return page


def looked_at(page: Page) -> None:
    """Nothing to scroll sideways, and nothing for axe to find."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, f"{page.title()} scrolls sideways"
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


def searchable(client: Client) -> Client:
    Client.objects.filter(pk=client.pk).update(search_text=search_text(client))
    return client


@pytest.mark.parametrize(
    ("size", "scheme"),
    [(DESK, "light"), (DESK, "dark"), (PHONE, "dark")],
    ids=["desk light", "desk dark", "phone dark"],
)
def test_the_toggle(
    live_server, browser: Browser, administrator: StaffMember, settled_record: Record, size: dict[str, int], scheme: str
) -> None:
    """Rows H1, H2, H9-H12, H18: scan, checklist, X, settle, "Delete the client", confirmation, Confirm, receipt."""
    client, canaries = searchable(settled_record.client), settled_record.canaries
    booking = make.make_booking(make.make_session(client.home_club, title="Dawn Spin"), client)
    name = client.display_name
    assert canaries.medical_notes.encode() in logical_dump(connection)

    page = signed_in(browser, live_server, administrator, viewport=size, color_scheme=scheme)
    page.get_by_role("searchbox").first.fill(re.sub(r"\D", "", canaries.mobile_no)[-9:])
    page.keyboard.press("Enter")
    page.get_by_role("link", name=name).click()
    looked_at(page)
    page.get_by_role("link", name="Client Information").click()
    toggle = page.get_by_role("switch", name="Delete this client")
    expect(toggle).not_to_be_checked()
    toggle.check()

    checklist = page.get_by_role("dialog", name="Account deletion checklist")
    expect(checklist).to_contain_text("Can not delete this account until the following list of items has been resolved")
    expect(checklist).to_contain_text("Future scheduled sessions")
    looked_at(page)
    page.keyboard.press("Escape")
    expect(checklist).not_to_be_visible()
    expect(page.get_by_role("switch", name="Delete this client")).not_to_be_checked()
    expect(page.get_by_role("button", name="Delete the client")).to_have_count(0)

    page.get_by_role("switch", name="Delete this client").check()
    checklist.get_by_role("link", name="Cancel the bookings").click()
    page.get_by_role("button", name=re.compile("^Cancel Dawn Spin")).click()
    expect(page.get_by_text("1 booking cancelled.")).to_be_visible()
    booking.refresh_from_db()
    assert booking.status == "cancelled"

    page.get_by_role("link", name="Client Information").click()
    page.get_by_role("switch", name="Delete this client").check()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Delete the client").click()
    confirmation = page.get_by_role("dialog", name=f"{name} account deletion confirmation")
    expect(confirmation).to_be_visible()
    looked_at(page)
    confirmation.get_by_role("button", name="Confirm").click()

    expect(page.get_by_role("heading", level=1, name="Client deleted")).to_be_visible()
    number = Receipt.objects.get().number
    assert number in page.url
    outbox.drain()
    expect(page.get_by_text("All done")).to_be_visible(timeout=15_000)
    looked_at(page)
    assert canaries.medical_notes.encode() not in logical_dump(connection)

    page.goto(f"{live_server.url}/clients/deleted/")
    expect(page.get_by_role("heading", level=1, name="Deleted Clients")).to_be_visible()
    page.get_by_role("link", name=re.compile(r"^\[deleted\]")).click()
    expect(page.get_by_role("heading", level=1, name=re.compile(r"^\[deleted\]"))).to_be_visible()
    expect(page.get_by_role("link", name="Edit", exact=True)).to_have_count(0)
    looked_at(page)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_the_status(
    live_server, browser: Browser, administrator: StaffMember, settled_record: Record, scripts: bool
) -> None:
    """Row F3: Users, search, the record, Edit, status "Deleted", Update; without scripts, Update shows it all first."""
    client, canaries = searchable(settled_record.client), settled_record.canaries
    page = signed_in(browser, live_server, administrator, viewport=DESK, java_script_enabled=scripts)
    page.get_by_role("link", name="Users", exact=True).click()
    page.get_by_role("searchbox").first.fill(canaries.email)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=client.display_name).click()
    page.get_by_role("link", name="Edit", exact=True).click()
    page.get_by_label("Status").select_option("Deleted")
    if not scripts:
        page.get_by_role("button", name="Update").click()
    expect(page.get_by_text("“Update” deletes this client for good")).to_be_visible()
    page.get_by_role("button", name="Update").click()
    expect(page.get_by_role("heading", level=1, name="Client deleted")).to_be_visible()
    outbox.drain()
    assert canaries.email.lower().encode() not in logical_dump(connection).lower()


def test_who_may_not_delete_sees_no_way_to(
    live_server, browser: Browser, administrator_without_delete: StaffMember, club: Club
) -> None:
    """Row H19."""
    client = make.make_client(club)
    page = signed_in(browser, live_server, administrator_without_delete, viewport=DESK)
    page.goto(f"{live_server.url}/clients/{client.pk}/information/")
    expect(page.get_by_role("heading", level=1, name="Client Information")).to_be_visible()
    expect(page.get_by_role("switch")).to_have_count(0)
    page.goto(f"{live_server.url}/clients/{client.pk}/edit/")
    assert "Deleted" not in page.get_by_label("Status").inner_text()
