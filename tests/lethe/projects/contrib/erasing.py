"""Somebody with traces in every app that there is a ready policy for is erased, and so is every trace."""

from __future__ import annotations

from typing import Any

import pytest
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from auditlog.context import set_actor
from auditlog.models import LogEntry as Audit
from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.utils import timezone

from lethe import Policy, RandomEmail, delete_rows, keep_rows
from lethe.contrib import admin as ready_admin
from lethe.contrib import auditlog as ready_auditlog
from lethe.contrib import axes as ready_axes
from lethe.contrib import sessions as ready_sessions
from lethe.install import install
from lethe.registry import Registry, registry
from tests.lethe.projects import checking
from tests.lethe.projects.contrib.desk.models import Label, Parcel, Stamp
from tests.support.canaries import word

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _sealed(db: None) -> None:
    install("default")


@pytest.fixture
def words() -> dict[str, str]:
    """A person of words that nobody else has."""
    names = ("username", "mailbox", "last", "street", "newstreet", "motto", "social", "token", "agent", "typed")
    return {name: word(name) for name in names}


def person(words: dict[str, str]) -> tuple[User, Client]:
    """Somebody who signs in, fails to, edits in the admin, and has an account elsewhere."""
    email = f"{words['mailbox']}@example.com"
    user = User.objects.create_superuser(words["username"], email, "right", last_name=words["last"])
    browser = Client(HTTP_USER_AGENT=words["agent"])
    form = {"username": words["username"], "next": "/admin/"}
    assert browser.post("/admin/login/", form | {"password": words["typed"]}).status_code == 200
    assert browser.post("/admin/login/", {"username": email.upper(), "password": "no"}).status_code == 200
    assert browser.post("/admin/login/", form | {"password": "right"}).status_code == 302
    address = EmailAddress.objects.create(user=user, email=email, primary=True)
    EmailConfirmation.objects.create(email_address=address, key=words["token"], sent=timezone.now())
    account = SocialAccount.objects.create(
        user=user, provider="elsewhere", uid=words["social"], extra_data={"name": words["last"]}
    )
    app = SocialApp.objects.get_or_create(provider="elsewhere", name="Elsewhere", client_id="1")[0]
    SocialToken.objects.create(app=app, account=account, token=words["token"])
    Authenticator.objects.create(user=user, type="totp", data={"secret": words["token"]})
    UserSession.objects.create(
        user=user, ip="192.0.2.7", session_key=browser.session.session_key, user_agent=words["agent"]
    )
    with set_actor(user):
        parcel = Parcel.objects.create(owner=user, street=words["street"])
        parcel.labels.add(Label.objects.create(name="heavy"))
        stamp = Stamp.objects.create(parcel=parcel, motto=words["motto"])
        stamp.motto = "plain"
        stamp.save()
    saved = {"owner": user.pk, "street": words["newstreet"], "packer": user.pk, "labels": [parcel.labels.get().pk]}
    assert browser.post(f"/admin/desk/parcel/{parcel.pk}/change/", saved).status_code == 302
    return user, browser


@pytest.mark.django_db(transaction=True)
def test_nothing_of_the_person_is_left_and_nothing_of_others_is_gone(words: dict[str, str]) -> None:
    assert checking.gate() == []
    other, others = person({name: word(f"x{name}") for name in words})
    before = checking.rows()
    user, browser = person(words)
    theirs = Parcel.objects.get(owner=other)
    with set_actor(user):
        theirs.packer = user
        theirs.save()
    assert checking.left(words.values()) == set(words.values()) - {words["typed"]}
    assert browser.get("/admin/").status_code == others.get("/admin/").status_code == 200
    for model in (AccessAttempt, AccessLog, LogEntry, Audit, Session, SocialToken, Parcel.history.model):
        assert model.objects.count() >= 2, model

    outcome = checking.erase(User, user.pk)
    assert outcome.erased == 1
    assert checking.left(words.values()) == set()
    assert browser.get("/admin/").status_code == 302
    assert others.get("/admin/").status_code == 200

    # What the other has is as it was, but that nobody packed their parcel, and that it was once packed.
    theirs.refresh_from_db()
    assert theirs.packer_id is None
    assert not Parcel.history.filter(packer_id=user.pk).exists()
    assert not Audit.objects.filter(actor=user).exists()
    after = checking.rows()
    for label, rows in before.items():
        if label not in {"desk.Parcel", "sessions.Session", "contenttypes.ContentType"}:
            assert [row for row in rows if row not in after[label]] == [], label
    checking.assert_twice_is_once(User, user.pk)


def test_what_the_person_did_to_others_stays_by_an_account_that_names_nobody(words: dict[str, str]) -> None:
    user, browser = person(words)
    other = User.objects.create_user(word("other"))
    parcel = Parcel.objects.create(owner=other, street="High Street")
    saved = {"owner": other.pk, "street": "Low Street", "labels": [Label.objects.create(name="light").pk]}
    assert browser.post(f"/admin/desk/parcel/{parcel.pk}/change/", saved).status_code == 302
    checking.erase(User, user.pk)
    entry = LogEntry.objects.get()
    assert (entry.user_id, entry.object_repr) == (user.pk, "Parcel to Low Street")
    assert words["username"] not in str(entry.user)


def test_axes_forgets_attempts_and_what_hangs_on_them(words: dict[str, str]) -> None:
    user, _ = person(words)
    for name in (user.email.upper(), words["username"]):
        attempt = AccessAttempt.objects.create(username=name, user_agent="x", failures_since_start=1)
        AccessAttemptExpiration.objects.create(access_attempt=attempt, expires_at=timezone.now())
        AccessFailureLog.objects.create(username=name, user_agent="x")
    nobodys = AccessAttempt.objects.create(username="somebody else", user_agent="x", failures_since_start=1)
    checking.erase(User, user.pk)
    assert list(AccessAttempt.objects.all()) == [nobodys]
    assert not AccessAttemptExpiration.objects.exists()
    assert not AccessFailureLog.objects.exists()
    assert not AccessLog.objects.exists()


@pytest.mark.parametrize("people", [1, 6])
def test_statements_do_not_depend_on_how_many_sessions_there_are(people: int) -> None:
    names = ("username", "mailbox", "last", "street", "newstreet", "motto", "social", "token", "agent", "typed")
    users = [person({name: word(name) for name in names})[0] for _ in range(people)]
    with checking.counted() as statements:
        checking.erase(User, *(user.pk for user in users))
    assert not Session.objects.exists()
    seen.setdefault(connection.vendor, set()).add(statements())
    assert len(seen[connection.vendor]) == 1


seen: dict[str, set[int]] = {}


def test_a_cached_session_is_forgotten_after_commit(words: dict[str, str], settings: Any) -> None:
    from django.core.cache import cache

    from lethe import outbox

    settings.SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
    user, browser = person(words)
    key = browser.session.cache_key
    assert cache.get(key)
    checking.erase(User, user.pk)
    outbox.drain()
    assert cache.get(key) is None
    assert browser.get("/admin/").status_code == 302


def test_sessions_that_cannot_be_listed_are_refused_with_the_cure(settings: Any) -> None:
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    with pytest.raises(ImproperlyConfigured, match="cannot be listed. Leave out sessions.install"):
        ready_sessions.install(Registry())


def test_axes_asks_what_people_type_where_it_cannot_tell() -> None:
    with pytest.raises(ImproperlyConfigured, match="axes.install"):
        ready_axes.install(_read(Registry()))


def test_an_account_that_goes_takes_its_log_along() -> None:
    class AccountPolicy(Policy):
        path = "parcel__owner"
        rows = delete_rows()

    class OwnerPolicy(Policy):
        subject = True
        replace = {"email": RandomEmail()}

    gone, kept = Registry(), Registry()
    gone.register(User, AccountPolicy)
    kept.register(User, type("Kept", (AccountPolicy,), {"rows": keep_rows("accounts are counted")}))
    for source in (gone, kept):
        for module in (ready_admin, ready_auditlog):
            module.install(source)
        assert LogEntry not in source
        source.all_read()
    assert gone.get(LogEntry).paths() == ("user__parcel__owner",)
    assert kept.get(LogEntry).paths() == ()
    assert "user" in kept.get(LogEntry).kept()
    assert set(gone.get(Audit).unlink["actor"]) == {"actor_email", "remote_addr", "remote_port", "additional_data"}
    subject = Registry()
    subject.register(User, OwnerPolicy)
    ready_auditlog.install(_read(subject))
    assert "actor" in subject.get(Audit).unlink


def test_a_policy_of_the_project_s_own_goes_before_a_ready_one() -> None:
    class OwnPolicy(Policy):
        by_key = ("content_type", "object_id")
        rows = delete_rows()

    source = registry.copy()
    source._policies.pop(LogEntry)
    source.register(LogEntry, OwnPolicy)
    ready_admin.install(_read(source))
    assert source.get(LogEntry) is OwnPolicy


def _read(source: Registry) -> Registry:
    source.all_read()
    return source
