"""The inbox: one's own lines only, in a fixed number of queries, and no name of who is deleted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.messages.models import Notification
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
INBOX, READ = "/inbox/", "/inbox/read/"


@pytest.fixture
def browser() -> Browser:
    return Browser()


def tell(recipient: StaffMember, **fields: object) -> Notification:
    return Notification.objects.create(**{"recipient": recipient, "kind": "booking_cancelled"} | fields)


def test_unread_lines_come_first_and_others_inboxes_stay_closed(
    browser: Browser, club: Club, manager: StaffMember, employee: StaffMember
) -> None:
    session = make.make_session(club, title="Morning Spin")
    old = tell(manager, session=make.make_session(club, title="Read Rowing"), read_at=timezone.now())
    new = tell(manager, session=session, places=2)
    tell(employee, session=make.make_session(club, title="Not Yours"))
    Notification.objects.filter(pk=new.pk).update(created_at=make.in_days(-3))
    response = sign_in(browser, manager).get(INBOX)
    page = response.content.decode()
    assert [line.pk for line in response.context["page"]] == [new.pk, old.pk]
    assert "Not Yours" not in page
    assert "2 places became free" in page
    assert reverse("messages:inbox") == INBOX


def test_a_client_is_named_by_key_until_deleted(browser: Browser, club: Club, manager: StaffMember) -> None:
    client = make.make_client(club, first_name="Quillabeth", last_name="Marrowby")
    tell(manager, kind="needs_payer", client=client)
    sign_in(browser, manager)
    page = browser.get(INBOX).content.decode()
    assert "Quillabeth Marrowby" in page
    assert reverse("clients:profile", args=[client.pk]) in page
    Client.objects.filter(pk=client.pk).update(
        status="deleted", first_name="[deleted]", last_name="", number="123456789"
    )
    page = browser.get(INBOX).content.decode()
    assert "[deleted] #123456789" in page
    assert "Quillabeth" not in page
    assert reverse("clients:profile", args=[client.pk]) not in page


def test_who_may_not_see_clients_sees_no_name(browser: Browser, club: Club) -> None:
    colleague = make.make_staff(club.business, access_group=make.make_group(club.business, contacts=False))
    tell(colleague, kind="needs_payer", client=make.make_client(club, first_name="Quillabeth"))
    assert "Quillabeth" not in sign_in(browser, colleague).get(INBOX).content.decode()


def test_marking_some_and_all(browser: Browser, manager: StaffMember, employee: StaffMember, club: Club) -> None:
    lines = [tell(manager, session=make.make_session(club)) for _ in range(3)]
    theirs = tell(employee, session=make.make_session(club))
    sign_in(browser, manager)
    browser.post(READ, {"notification": [lines[0].pk, theirs.pk, "x", "9" * 40]})
    assert set(Notification.objects.filter(read_at=None)) == {lines[1], lines[2], theirs}
    assert browser.post(READ, {}).headers["Location"] == INBOX
    assert Notification.objects.filter(read_at=None).count() == 3
    browser.post(READ, {"all": "yes"})
    assert set(Notification.objects.filter(read_at=None)) == {theirs}


def test_only_the_team_has_an_inbox(browser: Browser, member: Client, manager: StaffMember) -> None:
    for address in (INBOX, READ):
        sent = browser.post if address == READ else browser.get
        assert sent(address).headers["Location"].startswith(reverse("sign-in"))
    sign_in(browser, member)
    assert browser.get(INBOX).status_code == 403
    assert browser.post(READ, {"all": "yes"}).status_code == 403
    sign_in(browser, manager)
    assert browser.post(INBOX).status_code == 405
    assert browser.get(READ).status_code == 405


def test_a_full_inbox_takes_no_more_queries(browser: Browser, club: Club, manager: StaffMember) -> None:
    sign_in(browser, manager)
    taken = []
    for count in (1, 120):
        for _ in range(count):
            tell(manager, session=make.make_session(club))
            tell(manager, kind="needs_payer", client=make.make_client(club))
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(INBOX).status_code == 200
        taken.append(len(seen))
    assert taken[0] == taken[1]


def test_an_empty_inbox_says_so(browser: Browser, manager: StaffMember) -> None:
    assert "Nothing here yet" in sign_in(browser, manager).get(INBOX).content.decode()
