"""A blocked member sees each thing that stands in the way, and settles it there (row N7)."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.team.models import StaffMember
from lethe.models import Run
from tests.clubhouse.member.pages import at, confirm, last_step
from tests.support import factories as make
from tests.support.sign_in import sign_in

pytestmark = pytest.mark.django_db


def test_each_thing_is_settled_and_then_the_account_goes(
    client: Browser, build: AppBuild, member: Client, manager: StaffMember
) -> None:
    session = make.make_session(member.home_club, title="Spin for two")
    booking = make.make_booking(session, member, package=make.make_package(member, credits_used=1))
    membership = make.make_membership(member, plan="Gold")
    package, money = booking.package, make.make_credit(member, "12.50")
    sign_in(client, member)
    page = client.get(at(build, "delete")).content.decode()
    for said in ("Spin for two", "Gold", "Ten classes", "£12.50", "Give up 9 credits", "Nothing was deleted"):
        assert said in page
    assert "Confirm Deletion" not in page

    client.post(at(build, "settle", "booking", booking.pk))
    client.post(at(build, "settle", "membership", membership.pk))
    client.post(at(build, "settle", "package", package.pk), {"understood": "yes"})
    client.post(at(build, "settle", "credit", money.pk), {"understood": "yes"})

    for row in (booking, membership, package, money):
        row.refresh_from_db()
    assert (booking.status, membership.status) == ("cancelled", "cancelled")
    assert (package.credits_used, package.credits_forfeited) == (0, 10), (
        "the cancelled booking's credit came back first"
    )
    assert money.forfeited == money.amount
    assert {membership.cancellation_reason, package.forfeited_reason, money.forfeited_reason} == {"member"}
    assert Notification.objects.filter(recipient=manager, session=session).exists(), "staff is told (row F11)"
    assert not ClientMessage.objects.exists()
    assert confirm(client, build, password=make.PASSWORD)["Location"] == at(build, "deleted")


def test_all_bookings_at_once(client: Browser, build: AppBuild, member: Client) -> None:
    mine = [make.make_booking(make.make_session(member.home_club, days=n), member) for n in (1, 2, 3)]
    other = make.make_booking(mine[0].session, make.make_client(member.home_club))
    sign_in(client, member)
    assert "Cancel all 3 bookings" in client.get(at(build, "delete")).content.decode()
    client.post(at(build, "settle-all", "booking"))
    assert {row.status for row in member.bookings.all()} == {"cancelled"}
    other.refresh_from_db()
    assert other.status == "booked"


@pytest.mark.parametrize("kind", ["package", "credit"])
def test_nothing_of_value_is_given_up_unknowingly(client: Browser, build: AppBuild, member: Client, kind: str) -> None:
    row = make.make_package(member) if kind == "package" else make.make_credit(member)
    sign_in(client, member)
    answer = client.post(at(build, "settle", kind, row.pk), follow=True)
    assert "box was not ticked" in answer.content.decode()
    before = (getattr(row, "credits_forfeited", 0), getattr(row, "forfeited", 0))
    row.refresh_from_db()
    assert (getattr(row, "credits_forfeited", 0), getattr(row, "forfeited", 0)) == before


def test_what_only_the_club_can_settle_says_so(client: Browser, build: AppBuild, member: Client) -> None:
    make.make_invoice(member)
    child = make.make_client(member.home_club)
    make.make_linking("guardian", child, member)
    make.make_linking("paid_by", child, member)
    sign_in(client, member)
    page = client.get(at(build, "delete")).content.decode()
    assert "Pay at the desk" in page
    assert "change who pays" in page
    assert "name another first" in page
    assert f"Your club: {member.home_club.name}" in page
    assert child.first_name not in page, "somebody else's name is not shown"


def test_a_blocker_that_comes_late_is_found_under_the_lock(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    form = last_step(client, build, password=make.PASSWORD)
    make.make_invoice(member)
    answer = client.post(at(build, "delete"), form)
    assert answer.status_code == 409
    assert "Outstanding and failed payments" in answer.content.decode()
    assert not Run.objects.exists()


@pytest.mark.parametrize("kind", ["booking", "membership", "package", "credit"])
def test_what_is_somebody_elses_is_not_there(client: Browser, build: AppBuild, member: Client, kind: str) -> None:
    other = make.make_client(member.home_club)
    rows = {
        "booking": lambda: make.make_booking(make.make_session(member.home_club), other),
        "membership": lambda: make.make_membership(other),
        "package": lambda: make.make_package(other),
        "credit": lambda: make.make_credit(other),
    }
    row = rows[kind]()
    sign_in(client, member)
    assert client.post(at(build, "settle", kind, row.pk), {"understood": "yes"}).status_code == 404
    assert client.post(at(build, "settle-all", kind), {"understood": "yes"}).status_code == 302
    before = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    row.refresh_from_db()
    assert {name: getattr(row, name) for name in before} == before


def test_an_unknown_kind_is_not_there(client: Browser, build: AppBuild, member: Client) -> None:
    sign_in(client, member)
    assert client.post(at(build, "settle-all", "everything")).status_code == 404
