"""What a browser does to sign in with a provider."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.test import Client as Browser
from django.urls import reverse

from clubhouse.identities.models import Provider
from clubhouse.member.models import AppBuild
from clubhouse.schedule.models import Club
from tests.support import openid


def set_out(browser: Browser, build: AppBuild, provider: Provider, **query: str) -> str:
    """Press "Sign in with …"; returns the address at the provider."""
    answer = browser.get(reverse("openid:set-out", args=[build.slug, provider.pk]), query)
    assert answer.status_code == 302
    return answer["Location"]


def arrive(browser: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, **query: str) -> Any:
    """Go to the provider and come back; returns the last answer."""
    back = urlsplit(elsewhere.consent(set_out(browser, build, provider, **query)))
    return browser.get(f"{back.path}?{back.query}")


def open_account(
    browser: Browser, build: AppBuild, provider: Provider, elsewhere: openid.Provider, club: Club, **more: str
) -> Any:
    """Sign up with the provider, to the first page of the app."""
    answer = arrive(browser, build, provider, elsewhere)
    assert answer["Location"] == reverse("openid:finish", args=[build.slug])
    values = {"first_name": "Zoë", "last_name": "Quill", "club": str(club.pk)} | more
    return browser.post(answer["Location"], values)
