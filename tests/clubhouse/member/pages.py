"""Helpers of the member app's tests: an address, and what a page's form carries."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client as Browser
from django.urls import reverse

from clubhouse.member.models import AppBuild


def at(build: AppBuild, name: str, *rest: object) -> str:
    """The address of a page of the build."""
    return reverse(f"member:{name}", args=[build.slug, *rest])


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no hidden field {name!r}"
    return found.group(1)


def last_step(browser: Browser, build: AppBuild, **proof: str) -> dict[str, str]:
    """Open the page before the last step and give what its form sends, with the proof."""
    page = browser.get(at(build, "delete")).content.decode()
    return {"fingerprint": hidden(page, "fingerprint"), "ticket": hidden(page, "ticket")} | proof


def confirm(browser: Browser, build: AppBuild, **proof: str) -> Any:
    """Press "Confirm Deletion"."""
    return browser.post(at(build, "delete"), last_step(browser, build, **proof))
