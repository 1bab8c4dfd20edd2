"""The second password before a deletion holds at the API too: whose token it is says so, or nothing is deleted."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from clubhouse.accounts.models import Business
from clubhouse.api import scopes
from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe.models import Receipt, Run
from tests.clubhouse.api.calls import Api, key, token_for
from tests.support import factories as make

pytestmark = pytest.mark.django_db
#: Entered and wrong; like nothing else that is anywhere.
WRONG = "quincunx-marmalade-77"


@pytest.fixture
def someone(club: Club) -> Client:
    return make.make_client(club)


@pytest.fixture
def strict(business: Business) -> Business:
    business.password_before_deletion = True
    business.save()
    return business


def order(api: Api, client: Client, **more: str) -> dict[str, str]:
    preview = api("GET", f"/clients/{client.pk}/deletion")
    assert preview["proof"] == "password"
    return {"fingerprint": preview["fingerprint"]} | more


def url(client: Client) -> str:
    return f"/clients/{client.pk}/deletion"


def test_the_right_password_deletes_and_is_not_asked_for_twice(strict: Business, theirs: Api, someone: Client) -> None:
    sent, mark = order(theirs, someone, password=make.PASSWORD), key()
    done = theirs("POST", url(someone), sent, headers=mark)
    assert done == {"receipt": Receipt.objects.get().number, "already": False}
    again = {"fingerprint": sent["fingerprint"]}
    assert theirs("POST", url(someone), again, headers=mark) == done, "the same request gives the same receipt"
    assert theirs("POST", url(someone), again, headers=key()) == {"receipt": "", "already": True}
    assert Run.objects.count() == 1
    assert not AccessAttempt.objects.exists()


def test_without_it_the_problem_names_the_cure(strict: Business, theirs: Api, someone: Client) -> None:
    sent, mark = order(theirs, someone), key()
    for body in (sent, sent | {"password": ""}):
        said = theirs("POST", url(someone), body, headers=mark, expect=422)
        assert "as “password”" in said["detail"]
        assert said["errors"] == [{"where": "body.sent.password", "what": "Field required"}]
    assert not Run.objects.exists()
    assert not AccessAttempt.objects.exists(), "no password is no try"
    assert theirs("POST", url(someone), sent | {"password": make.PASSWORD}, headers=mark)["receipt"]


def test_wrong_ones_count_to_the_lockout_of_whose_token_it_is(
    strict: Business, theirs: Api, someone: Client, administrator: StaffMember
) -> None:
    sent, mark = order(theirs, someone), key()
    other = make.make_staff(strict)
    other.user.set_password(WRONG)
    other.user.save()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        said = theirs("POST", url(someone), sent | {"password": WRONG}, headers=mark, expect=422)
        assert "not the password you sign in with" in said["detail"], "a colleague's does not do"
    right = sent | {"password": make.PASSWORD}
    answer = Browser().post(
        f"/api/v1{url(someone)}",
        right,
        content_type="application/json",
        headers={"Authorization": f"Bearer {theirs.token}"} | mark,
    )
    assert answer.status_code == 429
    assert 0 < int(answer["Retry-After"]) <= settings.AXES_COOLOFF_TIME.total_seconds()
    assert not Run.objects.exists()
    entering = {"email": administrator.user.email, "password": make.PASSWORD}
    assert Browser().post(reverse("business-sign-in", args=[strict.slug]), entering).status_code == 429


def test_it_lands_nowhere(
    strict: Business, theirs: Api, someone: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sent, mark = order(theirs, someone), key()

    def fall_over(*_: Any, **__: Any) -> None:
        raise RuntimeError(sent)

    monkeypatch.setattr("clubhouse.api.client_routes.erase", fall_over)
    with CaptureQueriesContext(connection) as seen:
        for body in ({"password": WRONG}, {"password": WRONG * 60}, {"passwort": WRONG}):
            theirs("POST", url(someone), sent | body, headers=mark, expect=422)
        theirs("POST", url(someone), sent | {"password": make.PASSWORD}, headers=mark, expect=500)
    logged = "\n".join(record.getMessage() + str(record.__dict__) for record in caplog.records)
    stored = "\n".join(query["sql"] for query in seen)
    assert "The API met RuntimeError" in logged
    assert str(AccessAttempt._meta.db_table) in stored
    for password in (WRONG, make.PASSWORD):
        assert password not in logged
        assert password not in stored


def test_permission_comes_before_the_password(strict: Business, someone: Client, stranger: StaffMember) -> None:
    employee = Api(token_for(make.make_staff(strict).user, *scopes.TEAM))
    employee("POST", url(someone), {"fingerprint": "x", "password": WRONG}, headers=key(), expect=403)
    far = Api(token_for(stranger.user, *scopes.TEAM))
    far("POST", url(someone), {"fingerprint": "x", "password": WRONG}, headers=key(), expect=404)
    assert not AccessAttempt.objects.exists()


def test_where_the_business_does_not_want_it_nothing_is_asked(theirs: Api, someone: Client) -> None:
    preview = theirs("GET", url(someone))
    assert preview["proof"] == ""
    sent = {"fingerprint": preview["fingerprint"], "password": WRONG}
    assert theirs("POST", url(someone), sent, headers=key())["receipt"]
    assert not AccessAttempt.objects.exists()
