"""Cookies, hashers, validators and session keys: what a deployment gets without asking."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.hashers import identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client as Browser
from django.urls import reverse

from clubhouse.accounts.models import User
from clubhouse.team.models import StaffMember
from tests.support import factories as make
from tests.support.serving import ROOT

NAMES = (
    *("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT", "SECURE_HSTS_SECONDS"),
    *("SESSION_COOKIE_HTTPONLY", "SESSION_COOKIE_SAMESITE", "PASSWORD_HASHERS", "AXES_FAILURE_LIMIT"),
)


def settings_of(folder: Path, **environment: str) -> dict[str, object]:
    """The deployment's own settings, as a process of its own reads them."""
    code = f"import json, clubhouse.settings as s; print(json.dumps({{n: getattr(s, n) for n in {NAMES!r}}}))"
    known = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "CLUBHOUSE_DATA": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=known | environment, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_over_https_cookies_travel_over_tls_only(tmp_path: Path) -> None:
    said = settings_of(tmp_path, CLUBHOUSE_HTTPS="yes")
    assert said["SESSION_COOKIE_SECURE"] is said["CSRF_COOKIE_SECURE"] is said["SECURE_SSL_REDIRECT"] is True
    assert said["SECURE_HSTS_SECONDS"] == 31_536_000
    assert said["SESSION_COOKIE_HTTPONLY"] is True
    assert said["SESSION_COOKIE_SAMESITE"] == "Lax"


def test_on_a_laptop_they_travel_without(tmp_path: Path) -> None:
    said = settings_of(tmp_path)
    assert said["SESSION_COOKIE_SECURE"] is said["CSRF_COOKIE_SECURE"] is False
    assert said["PASSWORD_HASHERS"][0].endswith(".Argon2PasswordHasher"), "argon2 comes first everywhere"


def test_passwords_are_kept_by_argon2() -> None:
    assert identify_hasher(make_password(make.PASSWORD)).algorithm == "argon2"


@pytest.mark.django_db
@pytest.mark.parametrize("password", ["short", "password123", "1029384756473829", "someone.long"])
def test_weak_passwords_are_refused(password: str) -> None:
    user = User(email="someone.long@example.com")
    with pytest.raises(ValidationError):
        validate_password(password, user)
    validate_password(make.PASSWORD, user)


@pytest.mark.django_db
@pytest.mark.parametrize("secure", [True, False])
def test_the_cookie_as_it_is_sent(client: Browser, employee: StaffMember, secure: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "SESSION_COOKIE_SECURE", secure)
        values = {"email": employee.user.email, "password": make.PASSWORD}
        answer = client.post(reverse("sign-in"), values, secure=secure)
    cookie = answer.cookies["sessionid"]
    assert bool(cookie["secure"]) is secure
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"


@pytest.mark.django_db
def test_a_key_that_was_planted_before_the_sign_in_is_worthless(client: Browser, employee: StaffMember) -> None:
    """Session fixation: the key that somebody else knows is not the one that is signed in."""
    session = client.session
    session["planted"] = "yes"
    session.save()
    planted = session.session_key
    client.post(reverse("sign-in"), {"email": employee.user.email, "password": make.PASSWORD})
    assert client.session.session_key != planted
    thief = Browser()
    thief.cookies["sessionid"] = planted
    assert thief.get(reverse("clients:list")).status_code == 302
