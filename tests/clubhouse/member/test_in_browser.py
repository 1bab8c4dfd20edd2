"""The member's own deletion in a real browser on a narrow telephone, with and without JavaScript."""

from __future__ import annotations

import re
import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect, sync_playwright

from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from lethe.models import Receipt
from tests.support import factories as make

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def look(page: Page, *, scripts: bool) -> None:
    """Nothing to scroll sideways, and nothing for axe to find."""
    if not scripts:
        return
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, f"{page.title()} scrolls sideways"
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("scripts", "scheme"), [(True, "light"), (False, "dark")], ids=["scripts", "no scripts"])
def test_delete_my_account(live_server, build: AppBuild, member: Client, scripts: bool, scheme: str) -> None:
    make.make_booking(make.make_session(member.home_club, title="Dawn Spin"), member)
    make.make_membership(member, plan="Gold")
    start, email = f"{live_server.url}/member/{build.slug}/", member.email
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        context = browser.new_context(
            viewport={"width": 320, "height": 640}, java_script_enabled=scripts, color_scheme=scheme
        )
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.goto(start)
        look(page, scripts=scripts)
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(make.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Your next classes")).to_be_visible()
        look(page, scripts=scripts)
        for name in ("Settings", "Preferences", "Delete My Account"):
            page.get_by_role("link", name=name).click()
            expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
            look(page, scripts=scripts)
        page.get_by_role("button", name=re.compile("^Cancel Dawn Spin")).click()
        expect(page.get_by_text("1 booking cancelled.")).to_be_visible()
        page.get_by_role("button", name=re.compile("^Cancel the membership")).click()
        expect(page.get_by_text("1 membership cancelled as of today.")).to_be_visible()
        page.get_by_label("Enter your password").fill("wrong")
        page.get_by_role("button", name="Confirm Deletion").click()
        expect(page.get_by_role("alert")).to_contain_text("Nothing was deleted")
        if scripts:
            expect(page.get_by_role("alert")).to_be_focused()
        look(page, scripts=scripts)
        page.get_by_label("Enter your password").fill(make.PASSWORD)
        page.get_by_role("button", name="Confirm Deletion").click()
        expect(page.get_by_role("heading", level=1, name="Your account is deleted")).to_be_visible()
        number = page.locator(".receipt-number").inner_text()
        look(page, scripts=scripts)
        page.get_by_role("button", name="Logout").click()
        expect(page.get_by_text("Your account is deleted and no longer usable.")).to_be_visible()
        look(page, scripts=scripts)
        page.goto(start)
        expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        browser.close()
    assert Receipt.objects.get().number == number
    # A refused password is answered with 422, which Chromium writes to its console.
    assert [text for text in complaints if "422" not in text] == []
