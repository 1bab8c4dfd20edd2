"""A German's day: every page that can be reached, both doors of a deletion, and the mail that comes."""

from __future__ import annotations

import re
from collections import deque
from html import unescape
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.test import Client as Browser
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from clubhouse.accounts.models import Business
from clubhouse.clients.models import Client
from clubhouse.localisation.services import choose, set_business_language
from clubhouse.member.models import AppBuild
from clubhouse.messages.digests import mail_staff
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.messages.outgoing import send_due_client_messages
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe.models import Receipt
from tests.clubhouse.localisation.german import Words, english_words
from tests.clubhouse.member.pages import at, last_step
from tests.support import factories as make
from tests.support.mail import Sink
from tests.support.record import Record
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
GERMAN = {"accept-language": "de-CH,de;q=0.9,en;q=0.4"}
#: Pages of one view that are read; the others would be the same with other rows.
EACH = 2


@pytest.fixture
def build(business: Business) -> AppBuild:
    """A build with sign-up and account deletion."""
    return AppBuild.objects.create(
        business=business, name="Harbour", slug=business.slug, sign_up=True, account_deletion=True
    )


def read(browser: Browser, address: str) -> str:
    """A page, which has to be German from its first line to its last."""
    answer = browser.get(address, headers=GERMAN)
    page = answer.content.decode()
    assert '<html lang="de">' in page, f"{address} is not in German"
    assert english_words(page) == [], f"{address} speaks English"
    return page


def walk(browser: Browser, *starts: str) -> dict[str, int]:
    """Read every page that links lead to from here; the names of their views, and how many of each were read."""
    waiting, known, seen = deque(starts), set(starts), dict[str, int]()
    while waiting:
        address = waiting.popleft()
        try:
            name = resolve(urlsplit(address).path).view_name
        except Resolver404:
            continue
        if seen.get(name, 0) >= EACH:
            continue
        answer = browser.get(address, headers=GERMAN)
        if answer.status_code in {301, 302}:
            found = [answer.url]
        elif answer.headers["Content-Type"].startswith("text/html"):
            page = answer.content.decode()
            if "<html" in page:
                assert '<html lang="de">' in page, f"{name} is not in German"
            assert (name, english_words(page)) == (name, [])
            seen[name] = seen.get(name, 0) + 1
            found = re.findall(r'<a[^>]* href="([^"]+)"', page) + re.findall(r'hx-get="([^"]+)"', page)
        else:
            continue
        for link in found:
            target = urldefrag(urljoin(address, unescape(link))).url
            if not urlsplit(target).netloc and target not in known:
                known.add(target)
                waiting.append(target)
    return seen


def test_every_page_of_the_team(
    administrator: StaffMember, client_record: Record, settled_record: Record, build: AppBuild, club: Club
) -> None:
    make.make_client(club, status=Client.Status.LEAD)
    records = [client_record.client.pk, settled_record.client.pk]
    starts = [reverse(name, args=[pk]) for pk in records for name in ("clients:profile", "clients:information")]
    starts += [reverse("clients:information", args=[pk]) + "?delete=on" for pk in records]
    starts += [reverse("clients:edit", args=[records[0]]), reverse("privacy:explanation"), "/preferences/"]
    starts += [reverse("reports:roster", args=[client_record.past.pk]), reverse("users:list") + "?q=nobody+at+all"]
    seen = walk(sign_in(Browser(), administrator), reverse("home"), *starts)
    assert len(seen) > 30, sorted(seen)
    assert {"clients:list", "schedule:day", "reports:debt", "team:groups", "privacy:settings", "inbox"} & set(seen)


def test_every_page_of_the_app(client_record: Record, build: AppBuild) -> None:
    choose(client_record.client.user, language="de")
    seen = walk(sign_in(Browser(), client_record.client), at(build, "home"), at(build, "delete"))
    assert {"member:home", "member:classes", "member:passes", "member:details", "member:delete"} <= set(seen)


def test_every_page_before_a_sign_in(business: Business, build: AppBuild) -> None:
    starts = [reverse("sign-in"), reverse("member-sign-in"), reverse("business-sign-in", args=[business.slug])]
    seen = walk(Browser(), *starts, at(build, "sign-in"), at(build, "sign-up"), at(build, "sign-up-mailed"))
    assert {"sign-in", "member-sign-in", "member:sign-in", "member:sign-up"} <= set(seen)


@pytest.mark.parametrize(
    ("address", "status", "words"),
    [("/clients/999999/", 404, "Nicht gefunden"), ("/sign-out/", 405, "Diese Adresse ist nicht zum Besuchen")],
)
def test_what_cannot_be_shown_is_said_in_german(
    administrator: StaffMember, address: str, status: int, words: str
) -> None:
    answer = sign_in(Browser(), administrator).get(address, headers=GERMAN)
    assert answer.status_code == status
    if status == 404:
        assert words in answer.content.decode()
        assert english_words(answer.content.decode()) == []


def test_the_walk_sees_english() -> None:
    """What the tests above would say if a page fell back."""
    page = (
        '<html lang="de"><title>Kunden</title><button aria-label="Close">Save</button><p>Signed in as Ada.</p></html>'
    )
    assert english_words(page) == ["Close", "Save", "Signed in as Ada."]
    assert Words(page).language == "de"


# --- the two deletions ------------------------------------------------------------------------------------------------
def test_an_administrator_deletes_in_german(
    administrator: StaffMember, client_record: Record, settled_record: Record
) -> None:
    browser = sign_in(Browser(), administrator)
    blocked = read(browser, reverse("clients:information", args=[client_record.client.pk]) + "?delete=on")
    assert "Checkliste zur Kontolöschung" in blocked
    assert "Dieses Konto kann nicht gelöscht werden, bis die folgende Liste von Punkten geklärt ist" in blocked
    assert "Künftige geplante Termine" in blocked
    address = reverse("clients:information", args=[settled_record.client.pk])
    page = read(browser, address + "?delete=on")
    assert "Kunden löschen" in page
    found = re.search(r'name="fingerprint" value="([^"]+)"', page)
    assert found
    form = {"fingerprint": found.group(1)}
    answer = browser.post(reverse("clients:delete", args=[settled_record.client.pk]), form, headers=GERMAN, follow=True)
    result = answer.content.decode()
    assert "Kunde gelöscht" in result
    assert Receipt.objects.get().number in result
    assert english_words(result) == []
    # What was recorded is the same as in any other language.
    assert Receipt.objects.get().run.reason == "Deleted by an administrator: Client Information"
    assert all(name.isascii() for name in Receipt.objects.get().run.counts)
    settled_record.client.refresh_from_db()
    assert settled_record.client.first_name == "[deleted]"


def test_a_preview_in_one_language_is_confirmed_in_another(administrator: StaffMember, settled_record: Record) -> None:
    browser = sign_in(Browser(), administrator)
    page = read(browser, reverse("clients:information", args=[settled_record.client.pk]) + "?delete=on")
    form = {"fingerprint": re.search(r'name="fingerprint" value="([^"]+)"', page).group(1)}  # type: ignore[union-attr]
    address = reverse("clients:delete", args=[settled_record.client.pk])
    assert browser.post(address, form, headers={"accept-language": "en"}).status_code == 302
    assert Receipt.objects.exists()


def test_a_member_deletes_their_account_in_german(member: Client, build: AppBuild) -> None:
    browser = Browser(headers=GERMAN)
    read(browser, at(build, "sign-in"))
    browser.post(at(build, "sign-in"), {"email": member.email, "password": make.PASSWORD})
    assert "Mein Konto löschen" in read(browser, at(build, "preferences"))
    page = read(browser, at(build, "delete"))
    assert ">Löschung bestätigen</button>" in page
    assert "Geben Sie Ihr Passwort ein" in page
    form = last_step(browser, build, password="wrong")
    refused = browser.post(at(build, "delete"), form).content.decode()
    assert "Das ist nicht das Passwort Ihres Kontos." in refused
    done = browser.post(at(build, "delete"), last_step(browser, build, password=make.PASSWORD), follow=True)
    assert "Ihr Konto ist gelöscht" in done.content.decode()
    assert ">Abmelden</button>" in done.content.decode()
    assert english_words(done.content.decode()) == []
    assert Receipt.objects.get().run.reason == "Deleted by the member in the member app"


# --- mail -------------------------------------------------------------------------------------------------------------
def test_mail_is_in_its_readers_language(club: Club, mail_sink: Sink) -> None:
    """A client without a choice in a German business, and one who chose English."""
    set_business_language(club.business, "de")
    session = make.make_session(club, title="Spin")
    german, other = make.make_client(club, member=True), make.make_client(club, member=True)
    choose(other.user, language="en-gb")
    for client in (german, other):
        ClientMessage.objects.create(client=client, kind="place_given", session=session, send_after=timezone.now())
    assert send_due_client_messages(timezone.now()) == 2
    said = {mail["To"]: mail for mail in mail_sink.messages}
    assert said[german.email]["Subject"] == "Sie haben einen Platz"
    assert "von der Warteliste nachgerückt" in said[german.email].get_body(("plain",)).get_content()
    assert '<html lang="de">' in said[german.email].get_body(("html",)).get_content()
    assert said[other.email]["Subject"] == "You have a place"
    assert '<html lang="en-GB">' in said[other.email].get_body(("html",)).get_content()


def test_a_digest_is_in_its_readers_language(club: Club, mail_sink: Sink) -> None:
    trainer, manager = make.make_staff(club.business, club=club), make.make_staff(club.business, "manager", club=club)
    choose(trainer.user, language="de")
    session = make.make_session(club, title="Spin")
    keys = [
        Notification.objects.create(recipient=who, kind="booking_cancelled", session=session, places=2).pk
        for who in (trainer, manager)
    ]
    mail_staff(keys)
    said = {mail["To"]: mail for mail in mail_sink.messages}
    assert said[trainer.user.email]["Subject"] == "Ein Platz ist frei geworden"
    assert "2 Plätze sind frei geworden" in said[trainer.user.email].get_body(("plain",)).get_content()
    assert said[manager.user.email]["Subject"] == "A place became free"
