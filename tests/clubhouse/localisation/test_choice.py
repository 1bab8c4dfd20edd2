"""Who reads in which language, and on whose clock."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.localisation.models import BusinessLanguage, ReaderChoice
from clubhouse.localisation.services import choose, set_business_language
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def language(browser: Browser, address: str = "/preferences/", **headers: str) -> str:
    """The language that a page says it is in."""
    answer = browser.get(address, headers=headers)
    assert answer.status_code == 200
    said = answer.content.decode().split('<html lang="', 1)[1].split('"', 1)[0]
    assert answer.headers["Content-Language"].lower() == said.lower()
    return said


def test_before_a_sign_in_the_browser_decides(db: None) -> None:
    browser = Browser()
    address = reverse("sign-in")
    assert language(browser, address) == "en-GB"
    assert language(browser, address, **{"accept-language": "de-AT,de;q=0.9,en;q=0.5"}) == "de"
    assert language(browser, address, **{"accept-language": "fr"}) == "en-GB"


def test_the_switch_on_the_sign_in_page_is_remembered_by_the_browser(db: None) -> None:
    browser = Browser(enforce_csrf_checks=True)
    page = browser.get(reverse("sign-in")).content.decode()
    assert 'value="de" lang="de">Deutsch</button>' in page
    form = {"language": "de", "next": reverse("sign-in"), "csrfmiddlewaretoken": browser.cookies["csrftoken"].value}
    answer = browser.post(reverse("localisation:switch"), form)
    assert (answer.status_code, answer.url) == (302, reverse("sign-in"))
    assert language(browser, reverse("sign-in"), **{"accept-language": "en"}) == "de"


@pytest.mark.parametrize("wanted", ["https://example.com/", "//example.com/", ""])
def test_the_switch_leads_nowhere_else(db: None, wanted: str) -> None:
    assert Browser().post(reverse("localisation:switch"), {"language": "de", "next": wanted}).url == "/"


def test_the_switch_refuses_a_language_we_do_not_speak(db: None) -> None:
    browser = Browser()
    answer = browser.post(reverse("localisation:switch"), {"language": "xx", "next": "/"})
    assert answer.status_code == 400
    assert "django_language" not in browser.cookies
    assert browser.get(reverse("localisation:switch")).status_code == 405


def test_a_colleagues_choice_goes_before_the_browsers(administrator: StaffMember) -> None:
    browser = sign_in(Browser(), administrator)
    assert language(browser, **{"accept-language": "en"}) == "en-GB"
    answer = browser.post("/preferences/", {"language": "de", "timezone": ""}, headers={"accept-language": "en"})
    assert answer.status_code == 302
    assert language(browser, **{"accept-language": "en"}) == "de"
    # It is the account's: another browser has it after its sign-in.
    assert language(sign_in(Browser(), administrator), **{"accept-language": "en"}) == "de"
    browser.post("/preferences/", {"language": "", "timezone": ""})
    assert language(browser, **{"accept-language": "en"}) == "en-GB"


def test_the_business_decides_where_nothing_else_does(administrator: StaffMember) -> None:
    browser = sign_in(Browser(), administrator)
    assert browser.post("/team/language/", {"language": "de"}).status_code == 302
    assert language(browser) == "de"
    assert language(browser, **{"accept-language": "fr"}) == "de"
    assert language(browser, **{"accept-language": "en"}) == "en-GB"
    assert BusinessLanguage.objects.get().business_id == administrator.business_id


def test_only_administrators_set_the_language_of_the_business(employee: StaffMember) -> None:
    assert sign_in(Browser(), employee).post("/team/language/", {"language": "de"}).status_code == 403
    assert not BusinessLanguage.objects.exists()
    assert Browser().post("/team/language/", {"language": "de"}).status_code == 302
    assert not BusinessLanguage.objects.exists()


def test_bad_choices_keep_the_form(administrator: StaffMember) -> None:
    browser = sign_in(Browser(), administrator)
    answer = browser.post("/preferences/", {"language": "xx", "timezone": "Mars/Olympus"})
    assert answer.status_code == 422
    assert not ReaderChoice.objects.exists()
    assert browser.post("/team/language/", {"language": ""}).status_code == 422


def test_a_member_chooses_in_the_app(club: Club) -> None:
    member = make.make_client(club, member=True)
    build = AppBuild.objects.create(business=club.business, name="App", slug="our-app")
    browser = sign_in(Browser(), member.user)
    address = reverse("member:language", args=[build.slug])
    assert address in browser.get(reverse("member:preferences", args=[build.slug])).content.decode()
    answer = browser.post(address, {"language": "de", "timezone": "Asia/Tokyo"}, follow=True)
    assert '<html lang="de">' in answer.content.decode()
    choice = ReaderChoice.objects.get()
    assert (choice.user_id, choice.language, choice.timezone) == (member.user_id, "de", "Asia/Tokyo")
    assert Browser().get(address).status_code == 302


def test_a_page_costs_no_query_for_its_language(administrator: StaffMember) -> None:
    choose(administrator.user, language="de", timezone="Asia/Tokyo")
    browser = sign_in(Browser(), administrator)
    with CaptureQueriesContext(connection) as asked:
        assert language(browser, "/inbox/", **{"accept-language": "en"}) == "de"
    assert not [one["sql"] for one in asked if "localisation_" in one["sql"]]


# --- time -------------------------------------------------------------------------------------------------------------
def test_a_session_is_told_on_its_clubs_clock_and_the_rest_on_the_readers(administrator: StaffMember) -> None:
    """A class in New York at noon; a notification made at noon UTC; read in Tokyo."""
    club = make.make_club(administrator.business, timezone="America/New_York")
    noon = datetime.datetime(2031, 7, 1, 16, 0, tzinfo=datetime.UTC)
    session = make.make_session(club)
    session.starts_at = noon
    session.save(update_fields=["starts_at"])
    line = administrator.notifications.create(kind="booking_cancelled", session=session, places=1)
    type(line).objects.filter(pk=line.pk).update(created_at=datetime.datetime(2031, 6, 1, 12, 0, tzinfo=datetime.UTC))
    seen = {}
    for zone in ("Asia/Tokyo", "America/Los_Angeles"):
        choose(administrator.user, language="", timezone=zone)
        seen[zone] = sign_in(Browser(), administrator).get(reverse("messages:inbox")).content.decode()
        assert "Tue 1 Jul 2031, 12:00" in seen[zone]
    assert "1 Jun, 21:00" in seen["Asia/Tokyo"]
    assert "1 Jun, 05:00" in seen["America/Los_Angeles"]


def test_a_zone_is_forgotten_with_the_request(administrator: StaffMember) -> None:
    before = timezone.get_current_timezone_name()
    choose(administrator.user, timezone="Asia/Tokyo")
    sign_in(Browser(), administrator).get("/inbox/")
    assert timezone.get_current_timezone_name() == before


def test_a_manager_reads_on_the_clock_of_their_club(administrator: StaffMember) -> None:
    club = make.make_club(administrator.business, timezone="America/New_York")
    manager = make.make_staff(administrator.business, role=StaffMember.Role.MANAGER, club=club)
    line = manager.notifications.create(kind="needs_payer")
    type(line).objects.filter(pk=line.pk).update(created_at=datetime.datetime(2031, 6, 1, 12, 0, tzinfo=datetime.UTC))
    assert "1 Jun, 08:00" in sign_in(Browser(), manager).get("/inbox/").content.decode()


def test_a_business_with_a_zone_that_does_not_exist_is_read_in_utc(administrator: StaffMember) -> None:
    choose(administrator.user, timezone="Nowhere/Atlantis")
    assert sign_in(Browser(), administrator).get("/inbox/").status_code == 200


def test_the_choice_goes_with_the_sign_in(administrator: StaffMember, club: Club) -> None:
    member = make.make_client(club, member=True)
    choose(member.user, language="de")
    set_business_language(club.business, "de")
    User.objects.filter(pk=member.user_id).delete()
    assert not ReaderChoice.objects.exists()
    assert BusinessLanguage.objects.exists()
