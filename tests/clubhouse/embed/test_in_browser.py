"""The frame on another site in a real browser; and every screen of support, tokens, own data and embed under axe."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from clubhouse.accounts.models import Business, User
from clubhouse.clients.models import Client
from clubhouse.embed import services
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Booking, Club
from clubhouse.team.models import StaffMember
from tests.clubhouse.api.calls import token_for
from tests.clubhouse.member.pages import at
from tests.clubhouse.support.requests import send
from tests.support import factories as make
from tests.support.sign_in import sign_in

OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
#: Cookies of other sites are kept out of frames, as ever more browsers do.
NO_OTHERS_COOKIES = [*OPTIONS, "--test-third-party-cookie-phaseout"]


@pytest.fixture
def build(business: Business) -> AppBuild:
    return AppBuild.objects.create(
        business=business, name="Harbour app", slug=business.slug, sign_up=True, account_deletion=True
    )


def list_site(business: Business, site: str) -> None:
    """List a site from a thread of its own: Playwright's loop runs in the test's."""
    try:
        services.add_site(business, site)
    finally:
        connection.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A web server that says nothing."""

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def web_site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The club's own web site: an address on another host than the product's, and its folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", folder
    server.shutdown()
    server.server_close()


@pytest.mark.django_db(transaction=True)
def test_a_client_books_on_the_clubs_own_site(
    live_server, web_site: tuple[str, Path], club: Club, member: Client
) -> None:
    site, folder = web_site
    make.make_session(club, title="Dawn Spin", days=0.2)
    make.make_session(club, title="Dawn Spin", days=1)
    embed = services.embed_of(club.business)
    address = live_server.url.replace("127.0.0.1", "localhost") + reverse("embed:show", args=[embed.public_id])
    (folder / "index.html").write_text(
        f"<title>Our club</title><iframe src='{address}' title='Schedule' width=390 height=760>"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=NO_OTHERS_COOKIES)
        page = browser.new_page()
        page.goto(site)
        page.wait_for_load_state("networkidle")
        assert "Dawn Spin" not in page.frames[-1].content(), "the site is not listed, so the browser shows nothing"
        assert page.frames[-1].get_by_role("link", name="Sign in to book").count() == 0
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(list_site, club.business, site).result()
        page.goto(site)
        frame = page.frame_locator("iframe")
        frame.get_by_role("link", name="Sign in to book").click()
        frame.get_by_label("E-mail address").fill(member.user.email)
        frame.get_by_label("Password").fill(make.PASSWORD)
        frame.get_by_role("button", name="Sign in").click()
        expect(frame.get_by_text("Signed in as")).to_be_visible()
        frame.get_by_label("Day").select_option(index=1)
        frame.get_by_role("button", name="Show").click()
        frame.get_by_role("button", name="Book").click()
        expect(frame.get_by_text("The place is yours.")).to_be_visible()
        assert page.context.cookies() == []
        browser.close()
    assert Booking.objects.get().client == member


@pytest.mark.django_db(transaction=True)
def test_every_screen_is_clean(live_server, build: AppBuild, club: Club, member: Client, employee: StaffMember) -> None:
    """Nothing for axe to find and nothing to scroll sideways, on a telephone in the dark and on a desk in the light."""
    operator = make.make_user(None, User.Audience.OPERATOR)
    person, session = make.make_client(club), make.make_session(club, days=1)
    friend = make.make_client(club)
    make.make_linking("buddy", member, friend)
    make.make_booking(session, friend, booked_by=member)
    case, wrong = send(employee, person), send(employee, person, typed_name="Somebody Else")
    answered = send(employee, person, typed_id="nothing")
    from clubhouse.support import services as support

    support.open_deletion(case, by=operator, now=make.in_days(0))
    support.ask(answered, by=operator, now=make.in_days(0))
    token_for(member.user, "profile:read")
    embed = services.embed_of(club.business)
    services.add_site(club.business, "https://www.example.com")
    by_case = {"case": [case.pk], "wrong": [wrong.pk], "answered": [answered.pk]}
    screens: list[tuple[object, list[str]]] = [
        (employee, [reverse("support:list"), reverse("support:new")]),
        (employee, [reverse("support:case", args=key) for key in by_case.values()]),
        (operator, [reverse("operator:cases"), reverse("operator:deletion", args=by_case["case"])]),
        (operator, [reverse("operator:case", args=key) for key in by_case.values()]),
        (member, [at(build, name) for name in ("preferences", "copy", "change-password", "tokens", "home", "classes")]),
        (member, [at(build, "buddy", session.pk)]),
        (None, [reverse("operator:sign-in"), reverse("api:docs"), reverse("embed:show", args=[embed.public_id])]),
        (None, [reverse("embed:sign-in", args=[embed.public_id])]),
    ]
    administrator = make.make_staff(club.business, "administrator", delete_accounts=True)
    screens.append((administrator, [reverse("tokens:list"), reverse("embeds:sites"), reverse("support:list")]))
    signed = [(session_of(who), urls) for who, urls in screens]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=OPTIONS)
        for width, scheme in ((390, "dark"), (1280, "light")):
            context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
            page = context.new_page()
            for session_key, urls in signed:
                be(context, live_server.url, session_key)
                for url in urls:
                    page.goto(live_server.url + url)
                    look(page, f"{url} at {width}")
            context.close()
        browser.close()


def session_of(who: object) -> str:
    """The session key of somebody who signed in; "" for nobody. Django refuses this while Playwright's loop runs."""
    return sign_in(Browser(), who).cookies[settings.SESSION_COOKIE_NAME].value if who is not None else ""


def be(context: BrowserContext, address: str, session_key: str) -> None:
    """Be somebody in the browser; nobody for ""."""
    context.clear_cookies()
    if session_key:
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_key, "url": address}])


def look(page: Page, which: str) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, f"{which} scrolls sideways"
    found = Axe().run(page).response["violations"]
    assert [(which, rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found] == []
