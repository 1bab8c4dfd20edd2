"""The schedule in a frame: framed only where the business says, and signed in without a cookie (row H14)."""

from __future__ import annotations

import datetime
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.embed import services, site_urls, urls
from clubhouse.embed.models import Embed, EmbedSignIn, EmbedSite
from clubhouse.privacy.selectors import look
from clubhouse.privacy.services import erase
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from clubhouse.team.models import StaffMember
from lethe import pipeline
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db
SITE = "https://www.harbour.example"


@pytest.fixture
def embed(member: Client) -> Embed:
    services.add_site(member.business, SITE)
    return Embed.objects.get()


@pytest.fixture
def frame() -> Browser:
    """A browser that insists on CSRF tokens, as real ones are insisted on."""
    return Browser(enforce_csrf_checks=True)


def at(embed: Embed, name: str, *rest: object) -> str:
    return reverse(f"embed:{name}", args=[embed.public_id, *rest])


def signed_in(frame: Browser, embed: Embed, member: Client) -> str:
    """Sign in inside the frame; gives the token that its pages carry."""
    answer = frame.post(at(embed, "sign-in"), {"email": member.user.email, "password": make.PASSWORD})
    assert "You are signed in on this page" in answer.content.decode()
    found = re.search(r'name="token" value="([^"]+)"', answer.content.decode())
    assert found
    return found.group(1)


# --- framing -------------------------------------------------------------------------------------------------------
def test_only_listed_sites_may_frame_it(frame: Browser, embed: Embed, member: Client) -> None:
    for url in (at(embed, "show"), at(embed, "sign-in")):
        answer = frame.get(url)
        assert f"frame-ancestors {SITE}" in answer["Content-Security-Policy"]
        assert "X-Frame-Options" not in answer
        assert "no-store" in answer["Cache-Control"]
    services.add_site(member.business, "http://localhost:8080/page")
    assert f"frame-ancestors http://localhost:8080 {SITE}" in frame.get(at(embed, "show"))["Content-Security-Policy"]
    EmbedSite.objects.all().delete()
    closed = frame.get(at(embed, "show"))
    assert "frame-ancestors 'none'" in closed["Content-Security-Policy"]
    assert closed["X-Frame-Options"] == "DENY"
    elsewhere = frame.get(reverse("sign-in"))
    assert "frame-ancestors 'none'" in elsewhere["Content-Security-Policy"], "no other page may be framed"


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("https://www.Example.com/classes?x=1", "https://www.example.com"),
        ("https://example.com:443", "https://example.com"),
        ("https://example.com:8443/", "https://example.com:8443"),
        ("https://münchen.example", "https://xn--mnchen-3ya.example"),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_a_site_is_kept_as_its_origin(member: Client, address: str, origin: str) -> None:
    for _ in range(2):
        assert services.add_site(member.business, address).origin == origin
    assert EmbedSite.objects.count() == 1


@pytest.mark.parametrize(
    "address",
    ["example.com", "http://example.com", "https://*", "https://a b", "https://x;y", "https://u:p@x.example",
     "javascript:alert(1)", "https://", "https://x.example:99999", "https://[::1", "*"],
)  # fmt: skip
def test_what_is_no_site_is_refused(client: Browser, administrator: StaffMember, address: str) -> None:
    sign_in(client, administrator)
    answer = client.post(reverse("embeds:sites"), {"address": address})
    assert answer.status_code == 422
    assert not EmbedSite.objects.exists()


# --- in the frame --------------------------------------------------------------------------------------------------
def test_anybody_sees_the_schedule_and_nobody_gets_a_cookie(frame: Browser, embed: Embed, member: Client) -> None:
    session = make.make_session(member.home_club, title="Dawn Spin", days=1)
    make.make_booking(session, member)
    day = session.starts_at.date().isoformat()
    answer = frame.get(at(embed, "show"), {"club": session.club_id, "day": day})
    page = answer.content.decode()
    assert "Dawn Spin" in page
    assert "11 places free" in page
    assert "Sign in to book" in page
    token = signed_in(frame, embed, member)
    frame.post(at(embed, "show"), {"token": token})
    assert not frame.cookies
    assert frame.get(at(embed, "show"), {"club": "x", "day": "9999-99-99"}).status_code == 200


def test_book_cancel_wait_and_sign_out(frame: Browser, embed: Embed, member: Client) -> None:
    session = make.make_session(member.home_club, days=1)
    full = make.make_session(member.home_club, days=1, capacity=1)
    make.make_booking(full, make.make_client(member.home_club))
    token = signed_in(frame, embed, member)
    sent = {"token": token, "club": session.club_id, "day": session.starts_at.date().isoformat()}

    def act(what: str, pk: int, says: str, status: int = 200) -> None:
        answer = frame.post(at(embed, "act", what, pk), sent)
        assert answer.status_code == status
        assert says in answer.content.decode()

    act("book", session.pk, "The place is yours.")
    act("book", session.pk, "has a place", 409)
    booking = Booking.objects.get(client=member)
    assert "You have a place" in frame.post(at(embed, "show"), sent).content.decode()
    act("cancel", booking.pk, "The booking was cancelled.")
    act("cancel", booking.pk, "Nothing was changed", 409)
    act("wait", full.pk, "on the waiting list")
    entry = WaitingListEntry.objects.get()
    act("accept", entry.pk, "The offer has run out", 409)
    act("leave", entry.pk, "no longer on this waiting list")
    assert "You are signed out." in frame.post(at(embed, "sign-out"), sent).content.decode()
    act("book", session.pk, "Your sign-in on this page has ended", 401)
    assert frame.post(at(embed, "sign-out"), sent).status_code == 200
    assert not Booking.objects.filter(client=member, status="booked").exists()


def test_others_rows_are_not_there(frame: Browser, embed: Embed, member: Client) -> None:
    sent = {"token": signed_in(frame, embed, member)}
    session, neighbour = make.make_session(member.home_club), make.make_client(member.home_club)
    elsewhere = make.make_session(make.make_club(make.make_business()))
    entry = make.make_waiting(session, neighbour)
    booking = make.make_booking(session, neighbour)
    asked: list[tuple[str, Any]] = [
        ("book", elsewhere),
        ("wait", elsewhere),
        ("cancel", booking),
        ("leave", entry),
        ("accept", entry),
        ("no-such-deed", entry),
    ]
    for what, row in asked:
        assert frame.post(at(embed, "act", what, row.pk), sent).status_code == 404


def test_a_wrong_password_is_refused_and_locks(frame: Browser, embed: Embed, member: Client) -> None:
    wrong = {"email": member.user.email, "password": "wrong"}
    tries = [frame.post(at(embed, "sign-in"), wrong).status_code for _ in range(6)]
    assert tries == [422] * 5 + [429]
    assert not EmbedSignIn.objects.exists()


def test_a_token_works_in_its_own_frame_alone(frame: Browser, embed: Embed, member: Client) -> None:
    token = signed_in(frame, embed, member)
    other = services.embed_of(make.make_business())
    now = timezone.now()
    assert services.member_of(embed, token, now=now) == member
    assert services.member_of(other, token, now=now) is None
    assert token not in str(EmbedSignIn.objects.values().get()), "kept as a hash"
    stranger = make.make_client(make.make_club(other.business), member=True)
    answer = frame.post(at(embed, "sign-in"), {"email": stranger.user.email, "password": make.PASSWORD})
    assert answer.status_code == 422


def test_a_sign_in_ends_by_rest_age_password_and_deactivation(frame: Browser, embed: Embed, member: Client) -> None:
    token, now = signed_in(frame, embed, member), timezone.now()
    assert services.member_of(embed, token, now=now + datetime.timedelta(minutes=29)) == member
    assert services.member_of(embed, token, now=now + datetime.timedelta(minutes=58)) == member, "use begins it anew"
    assert services.member_of(embed, token, now=now + datetime.timedelta(minutes=89)) is None
    EmbedSignIn.objects.update(expires_at=now + datetime.timedelta(days=1))
    assert services.member_of(embed, token, now=now + datetime.timedelta(hours=4, minutes=1)) is None
    member.user.is_active = False
    member.user.save()
    assert services.member_of(embed, token, now=now) is None
    member.user.is_active = True
    member.user.set_password("a quite new password")
    member.user.save()
    assert services.member_of(embed, token, now=now) is None
    assert services.forget_ended(now + datetime.timedelta(days=2)) == 1


def test_a_sign_in_ends_with_the_erasure_at_the_next_request(
    frame: Browser, embed: Embed, member: Client, administrator: StaffMember
) -> None:
    session = make.make_session(member.home_club, days=1)
    token = signed_in(frame, embed, member)
    bystander = signed_in(frame, embed, make.make_client(member.home_club, member=True))
    row = EmbedSignIn.objects.get(user=member.user)
    copy = str(pipeline.export(Client, member.pk).as_dict())
    assert row.token_hash not in copy
    assert row.password_state not in copy
    erase(member, by=administrator.user, reason="test", fingerprint=look(member).fingerprint)
    answer = frame.post(at(embed, "act", "book", session.pk), {"token": token})
    assert answer.status_code == 401
    assert "Your sign-in on this page has ended" in answer.content.decode()
    assert not Booking.objects.exists()
    assert EmbedSignIn.objects.count() == 1
    assert "Signed in as" in frame.post(at(embed, "show"), {"token": bystander}).content.decode()


def test_the_schedule_takes_the_same_queries_for_few_and_many(frame: Browser, embed: Embed, member: Client) -> None:
    token, counts = signed_in(frame, embed, member), []
    start = make.in_days(1)
    for number in (2, 20):
        Session.objects.bulk_create(
            Session(club=member.home_club, title="Spin", starts_at=start) for _ in range(number)
        )
        with CaptureQueriesContext(connection) as queries:
            frame.post(at(embed, "show"), {"token": token, "day": start.date().isoformat()})
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- Team settings -------------------------------------------------------------------------------------------------
def test_an_administrator_lists_sites_and_copies_the_snippet(client: Browser, administrator: StaffMember) -> None:
    sign_in(client, administrator)
    url = reverse("embeds:sites")
    assert client.post(url, {"address": SITE + "/classes"})["Location"] == url
    page = client.get(url).content.decode()
    assert SITE in page
    embed = Embed.objects.get()
    assert f"&lt;iframe src=&quot;http://testserver{at(embed, 'show')}&quot;" in page
    for _ in range(2):
        status = client.post(reverse("embeds:remove", args=[embed.sites.first().pk if embed.sites.exists() else 0]))
    assert (status.status_code, EmbedSite.objects.count()) == (404, 0)


def test_who_may(
    client: Browser, embed: Embed, member: Client, employee: StaffMember, manager: StaffMember, stranger: StaffMember
) -> None:
    site = EmbedSite.objects.get()
    remove = reverse("embeds:remove", args=[site.pk])
    assert client.get(reverse("embeds:sites")).status_code == client.post(remove).status_code == 302
    for who in (employee, manager, member):
        sign_in(client, who)
        assert client.get(reverse("embeds:sites")).status_code == client.post(remove).status_code == 403
    sign_in(client, stranger)
    assert SITE not in client.get(reverse("embeds:sites")).content.decode()
    assert client.post(remove).status_code == 404
    assert EmbedSite.objects.get() == site


def test_the_wrong_method_and_an_embed_that_is_not_there(
    client: Browser, embed: Embed, administrator: StaffMember
) -> None:
    sign_in(client, administrator)
    for url in (at(embed, "sign-out"), at(embed, "act", "book", 1), reverse("embeds:remove", args=[1])):
        assert client.get(url).status_code == 405
    for url in (at(embed, "show"), at(embed, "sign-in"), reverse("embeds:sites")):
        assert client.put(url).status_code == 405
    for name, rest in (("show", ()), ("sign-in", ()), ("sign-out", ()), ("act", ("book", 1))):
        assert client.post(reverse(f"embed:{name}", args=["nothing", *rest])).status_code == 404


def test_every_view_is_tested_here() -> None:
    assert {pattern.name for pattern in urls.urlpatterns} == {"show", "sign-in", "sign-out", "act"}
    assert {pattern.name for pattern in site_urls.urlpatterns} == {"sites", "remove"}
