"""What an administrator's program does with clients: permissions, services, isolation (rows H19, P8)."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from clubhouse.api import answers, scopes, tokens
from clubhouse.api.models import ApiAnswer, ApiToken
from clubhouse.clients.models import Client
from clubhouse.messages.models import HandOver
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import execute
from lethe.models import Receipt, Run
from tests.clubhouse.api.calls import Api, key, token_for
from tests.support import factories as make

pytestmark = pytest.mark.django_db


@pytest.fixture
def someone(club: Club) -> Client:
    return make.make_client(club, first_name="Alma", last_name="Quist")


def previewed(api: Api, client: Client) -> dict[str, str]:
    return {"fingerprint": api("GET", f"/clients/{client.pk}/deletion")["fingerprint"]}


def test_search(theirs: Api, someone: Client, stranger: StaffMember) -> None:
    make.make_client(make.make_club(stranger.business), first_name="Alma", last_name="Quist")
    for query in ("alma", "Quist", someone.email, someone.number):
        said = theirs("GET", f"/clients?q={query}")
        assert [(one["id"], one["name"]) for one in said["clients"]] == [(someone.pk, "Alma Quist")]
    assert theirs("GET", "/clients?q=nobody")["total"] == 0
    assert theirs("GET", "/clients?page=99")["page"] == 1


def test_erase_as_previewed_and_once_by_key(theirs: Api, someone: Client, administrator: StaffMember) -> None:
    order, mark = previewed(theirs, someone), key()
    done = [theirs("POST", f"/clients/{someone.pk}/deletion", order, headers=mark) for _ in range(2)]
    receipt = Receipt.objects.get().number
    assert done == [{"receipt": receipt, "already": False}] * 2
    assert Run.objects.get().by == f"account:{administrator.user.pk}"
    again = theirs("POST", f"/clients/{someone.pk}/deletion", order, headers=key())
    assert again == {"receipt": "", "already": True}
    theirs("GET", f"/clients/{someone.pk}/deletion", expect=409)
    assert theirs("GET", "/clients?q=quist")["total"] == 0
    someone.refresh_from_db()
    assert someone.first_name == "[deleted]"


def test_a_key_stands_for_one_request(theirs: Api, someone: Client, club: Club) -> None:
    other, mark = make.make_client(club), key()
    theirs("POST", f"/clients/{someone.pk}/deletion", previewed(theirs, someone), headers=mark)
    said = theirs("POST", f"/clients/{other.pk}/deletion", previewed(theirs, other), headers=mark, expect=422)
    assert "Draw a new one" in said["detail"]
    theirs("POST", f"/clients/{other.pk}/deletion", previewed(theirs, other), expect=422)
    stored = str(ApiAnswer.objects.values().get())
    assert mark["Idempotency-Key"] not in stored, "the key is kept as a hash"
    other.refresh_from_db()
    assert other.status == "active"


def test_a_key_whose_request_is_under_way_waits(theirs: Api, someone: Client) -> None:
    order, mark, now = previewed(theirs, someone), key(), timezone.now()
    token, asked = ApiToken.objects.get(), f"{someone.pk} {order['fingerprint']}"
    with pytest.raises(KeyboardInterrupt):
        answers.once(token, mark["Idempotency-Key"], asked, interrupted, now=now)
    assert not ApiAnswer.objects.exists(), "what failed may be tried again"
    hashed = (
        answers._hashed("key", mark["Idempotency-Key"]),
        answers._hashed("request", f"{mark['Idempotency-Key']} {asked}"),
    )
    ApiAnswer.objects.create(token=token, key=hashed[0], request=hashed[1], created_at=now)
    theirs("POST", f"/clients/{someone.pk}/deletion", order, headers=mark, expect=409)
    ApiAnswer.objects.update(created_at=now - datetime.timedelta(minutes=3))
    assert theirs("POST", f"/clients/{someone.pk}/deletion", order, headers=mark)["receipt"]


def interrupted() -> str:
    raise KeyboardInterrupt


def test_blocked_and_changed_are_refused_by_name_and_may_be_sent_again(theirs: Api, someone: Client) -> None:
    order, mark = previewed(theirs, someone), key()
    membership = make.make_membership(someone)
    url = f"/clients/{someone.pk}/deletion"
    assert theirs("POST", url, order, headers=mark, expect=409)["changes"]
    order = previewed(theirs, someone)
    assert theirs("POST", url, order, headers=key(), expect=409)["blockers"][0]["name"] == "active_membership"
    membership.delete()
    assert theirs("POST", url, previewed(theirs, someone), headers=key())["receipt"]


def test_a_mail_on_its_way_is_said_and_the_same_order_may_be_sent_again(
    theirs: Api, someone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "PATIENCE", 0.1)
    order, mark = previewed(theirs, someone), key()
    mail = HandOver.objects.create(client=someone, since=timezone.now())
    url = f"/clients/{someone.pk}/deletion"
    assert "just being handed over" in theirs("POST", url, order, headers=mark, expect=503)["detail"]
    mail.delete()
    assert theirs("POST", url, order, headers=mark)["receipt"]


@pytest.mark.parametrize("role", ["administrator_without_delete", "manager", "employee"])
def test_the_screens_permissions_hold(request: pytest.FixtureRequest, someone: Client, role: str) -> None:
    api = Api(token_for(request.getfixturevalue(role).user, *scopes.TEAM))
    url = f"/clients/{someone.pk}/deletion"
    assert api("GET", "/clients")["total"] == 1
    api("GET", url, expect=403)
    api("POST", url, {"fingerprint": "x"}, headers=key(), expect=403)


def test_a_permission_taken_away_is_gone_with_the_next_call(
    theirs: Api, someone: Client, administrator: StaffMember
) -> None:
    order = previewed(theirs, someone)
    group = administrator.access_group
    group.delete_accounts = group.contacts = False
    group.save()
    theirs("POST", f"/clients/{someone.pk}/deletion", order, headers=key(), expect=403)
    theirs("GET", "/clients", expect=403)


def test_another_businesss_client_is_not_there(someone: Client, stranger: StaffMember) -> None:
    api = Api(token_for(stranger.user, *scopes.TEAM))
    api("GET", f"/clients/{someone.pk}/deletion", expect=404)
    api("POST", f"/clients/{someone.pk}/deletion", {"fingerprint": "x"}, headers=key(), expect=404)
    assert api("GET", "/clients")["total"] == 0


def test_what_is_over_is_forgotten(theirs: Api, someone: Client) -> None:
    theirs("POST", f"/clients/{someone.pk}/deletion", previewed(theirs, someone), headers=key())
    now = timezone.now()
    assert tokens.forget_old(now) == 0
    assert tokens.forget_old(now + datetime.timedelta(days=2)) == 1
    assert not ApiAnswer.objects.exists()
    assert ApiToken.objects.exists()
    assert tokens.forget_old(now + datetime.timedelta(days=61)) == 1
    assert not ApiToken.objects.exists()
