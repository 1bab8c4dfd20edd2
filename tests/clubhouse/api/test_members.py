"""What a member's program does, through the same services as the app, and never with anybody else's rows."""

from __future__ import annotations

import pytest

from clubhouse.audits.models import LogEntry
from clubhouse.clients.models import Client
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Booking, WaitingListEntry
from lethe.models import Receipt
from tests.clubhouse.api.calls import Api, token_for
from tests.support import factories as make
from tests.support.mail import Sink

pytestmark = pytest.mark.django_db


def test_the_own_profile_and_the_clubs(mine: Api, member: Client) -> None:
    said = mine("GET", "/me")
    assert (said["first_name"], said["email"], said["number"]) == (member.first_name, member.email, member.number)
    assert said["home_club"]["id"] == member.home_club_id
    make.make_club(make.make_business())
    assert [club["id"] for club in mine("GET", "/clubs")] == [member.home_club_id]


def test_a_class_is_found_booked_once_and_cancelled(mine: Api, member: Client) -> None:
    session = make.make_session(member.home_club, title="Dawn Spin", trainer=make.make_staff(member.business))
    [row] = mine("GET", f"/schedule?club={member.home_club_id}&day={session.starts_at.date()}")
    assert (row["id"], row["title"], row["free"], row["booking"]) == (session.pk, "Dawn Spin", 12, None)
    booked = mine("POST", "/bookings", {"session": session.pk}, expect=201)
    assert "has a place" in mine("POST", "/bookings", {"session": session.pk}, expect=409)["detail"]
    assert mine("GET", "/bookings") == [booked]
    audit = LogEntry.objects.get(content_type__model="booking", object_id=booked["id"])
    assert audit.actor == member.user, "audits know who it was"
    assert mine("DELETE", f"/bookings/{booked['id']}")["status"] == "cancelled"
    mine("DELETE", f"/bookings/{booked['id']}", expect=409)
    assert mine("GET", "/bookings") == []


def test_waiting_and_taking_an_offer(mine: Api, member: Client) -> None:
    session = make.make_session(member.home_club, capacity=1)
    taken = make.make_booking(session, make.make_client(member.home_club))
    assert "Every place is taken" in mine("POST", "/bookings", {"session": session.pk}, expect=409)["detail"]
    for _ in range(2):
        entry = mine("POST", "/waiting-list", {"session": session.pk}, expect=201)
    assert (entry["position"], entry["offered_until"]) == (1, None)
    assert mine("GET", "/waiting-list") == [entry]
    mine("POST", f"/waiting-list/{entry['id']}/accept", expect=409)
    taken.delete()
    WaitingListEntry.objects.update(offered_until=make.in_days(0.05))
    assert mine("GET", "/waiting-list")[0]["offered_until"]
    assert mine("POST", f"/waiting-list/{entry['id']}/accept", expect=201)["session"]["id"] == session.pk
    other = make.make_waiting(make.make_session(member.home_club), member)
    mine("DELETE", f"/waiting-list/{other.pk}")
    mine("DELETE", f"/waiting-list/{other.pk}", expect=404)


def test_others_rows_are_not_there(mine: Api, member: Client) -> None:
    neighbour = make.make_client(member.home_club)
    session = make.make_session(member.home_club)
    elsewhere = make.make_session(make.make_club(make.make_business()))
    mine("DELETE", f"/bookings/{make.make_booking(session, neighbour).pk}", expect=404)
    entry = make.make_waiting(session, neighbour)
    mine("DELETE", f"/waiting-list/{entry.pk}", expect=404)
    mine("POST", f"/waiting-list/{entry.pk}/accept", expect=404)
    mine("POST", "/bookings", {"session": elsewhere.pk}, expect=404)
    mine("POST", "/waiting-list", {"session": elsewhere.pk}, expect=404)
    mine("GET", f"/schedule?club={elsewhere.club_id}&day={elsewhere.starts_at.date()}", expect=404)
    appointment = make.make_session(member.home_club, kind="appointment")
    mine("POST", "/bookings", {"session": appointment.pk}, expect=404)
    assert Booking.objects.count() == WaitingListEntry.objects.count() == 1


def test_delete_my_account_with_the_password(mine: Api, member: Client) -> None:
    preview = mine("GET", "/me/deletion")
    assert (preview["proof"], preview["blockers"]) == ("password", [])
    order = {"fingerprint": preview["fingerprint"]}
    assert "Nothing was deleted" in mine("POST", "/me/deletion", order | {"password": "wrong"}, expect=422)["detail"]
    assert "Enter your password" in mine("POST", "/me/deletion", order, expect=422)["detail"]
    right = {"password": make.PASSWORD}
    mine("POST", "/me/deletion", right | {"fingerprint": ""}, expect=409)
    done = mine("POST", "/me/deletion", order | right)
    assert done == {"receipt": Receipt.objects.get().number, "already": False}
    mine("POST", "/me/deletion", order | right, expect=401)
    member.refresh_from_db()
    assert member.status == "deleted"


def test_blockers_are_listed_and_stop_it(mine: Api, member: Client) -> None:
    make.make_invoice(member, "outstanding", "39.00")
    preview = mine("GET", "/me/deletion")
    [item] = preview["blockers"]
    assert (item["name"], item["count"], item["worth"]) == ("debts", 1, "£39.00")
    order = {"fingerprint": preview["fingerprint"], "password": make.PASSWORD}
    said = mine("POST", "/me/deletion", order, expect=409)
    assert [one["name"] for one in said["blockers"]] == ["debts"]
    member.refresh_from_db()
    assert member.status == "active"


def test_what_changed_since_the_preview_is_named(mine: Api, member: Client) -> None:
    order = {"fingerprint": mine("GET", "/me/deletion")["fingerprint"], "password": make.PASSWORD}
    make.make_booking(make.make_session(member.home_club, days=-3), member)
    said = mine("POST", "/me/deletion", order, expect=409)
    assert any(one["now"] == one["previewed"] + 1 for one in said["changes"])


def test_a_member_without_a_password_uses_a_code(mine: Api, member: Client, mail_sink: Sink) -> None:
    mine("POST", "/me/deletion/code", expect=409)
    member.user.set_unusable_password()
    member.user.save()
    assert mine("GET", "/me/deletion")["proof"] == "code"
    mine("POST", "/me/deletion/code", expect=202)
    mine("POST", "/me/deletion/code", expect=409)
    text = mail_sink.messages[0].get_body(("plain",)).get_content()
    code = next(word for word in text.split() if word.isdecimal() and len(word) == 6)
    preview = mine("GET", "/me/deletion")
    assert mine("POST", "/me/deletion", {"fingerprint": preview["fingerprint"], "code": code})["receipt"]


def test_a_business_whose_apps_have_no_deletion_does_not_serve_it(mine: Api, build: AppBuild) -> None:
    AppBuild.objects.update(sign_up=False, account_deletion=False)
    mine("GET", "/me/deletion", expect=404)
    mine("POST", "/me/deletion/code", expect=404)
    mine("POST", "/me/deletion", {"fingerprint": "x", "password": make.PASSWORD}, expect=404)


def test_a_member_of_another_business_sees_their_own(build: AppBuild, member: Client) -> None:
    other = make.make_client(make.make_club(make.make_business()), member=True)
    assert Api(token_for(other.user, "profile:read"))("GET", "/me")["number"] == other.number
