"""Signing in without a form, for tests of what comes after."""

from __future__ import annotations

from django.test import Client as Browser

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.team.models import StaffMember


def sign_in(browser: Browser, who: StaffMember | Client | User) -> Browser:
    """Sign a colleague, a member or an account in to the test browser, and give the browser back."""
    user = who if isinstance(who, User) else who.user
    assert user is not None, "this client has no sign-in; make one with make_client(..., member=True)"
    browser.force_login(user)
    return browser
