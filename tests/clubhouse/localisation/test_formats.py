"""Dates, numbers and money as the reader's language writes them, and files that are the same for everybody."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils.formats import date_format, get_format
from django.utils.translation import override

import clubhouse
from clubhouse.formats.de.formats import PATTERNS
from clubhouse.reports.periods import Month, Period
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from clubhouse.templatetags.house import money, sentence
from tests.support import factories as make
from tests.support.sign_in import sign_in

PACKAGE = Path(clubhouse.__file__).parent
USED = re.compile(r"(?:\|(?:date|time):|date_format\([^,\n()]*(?:\([^()]*\)[^,\n()]*)*, )[\"']([^\"']+)[\"']")
#: Parts that every language writes alike, or that stand alone.
NEUTRAL = re.compile(r"[DMFlj]|H:i|F Y|M Y|Y-m-d|Y-m|Y|D H:i|[A-Z]+_FORMAT")


def patterns() -> set[str]:
    """Every date pattern of the templates and of the Python code."""
    sources = [*(PACKAGE / "templates").rglob("*.html"), *(PACKAGE / "templates").rglob("*.txt")]
    sources += [path for path in PACKAGE.rglob("*.py") if "formats" not in path.parts]
    return {found for path in sources for found in USED.findall(path.read_text())}


def test_every_pattern_has_a_german_answer() -> None:
    used = {pattern for pattern in patterns() if not NEUTRAL.fullmatch(pattern)}
    assert "j F Y" in used
    assert used - set(PATTERNS) == set()
    with override("de"):
        assert {pattern: get_format(pattern) for pattern in used} == {pattern: PATTERNS[pattern] for pattern in used}


@pytest.mark.parametrize(
    ("pattern", "english", "german"),
    [
        ("j F Y", "1 March 2031", "1. März 2031"),
        ("j F Y, H:i", "1 March 2031, 18:05", "1. März 2031, 18:05"),
        ("D j M Y, H:i", "Sat 1 Mar 2031, 18:05", "Sa, 1. März 2031, 18:05"),
        ("DATE_FORMAT", "1 March 2031", "1. März 2031"),
    ],
)
def test_dates(pattern: str, english: str, german: str) -> None:
    moment = datetime.datetime(2031, 3, 1, 18, 5)
    with override("en-gb"):
        assert date_format(moment, pattern) == english
    with override("de"):
        assert date_format(moment, pattern) == german


@pytest.mark.parametrize(
    ("amount", "currency", "english", "german"),
    [
        (Decimal("1234.5"), "GBP", "£1,234.50", "1.234,50\N{NO-BREAK SPACE}£"),
        (Decimal("-3"), "EUR", "−€3.00", "−3,00\N{NO-BREAK SPACE}€"),
        (Decimal("7"), "CHF", "CHF\N{NO-BREAK SPACE}7.00", "7,00\N{NO-BREAK SPACE}CHF"),
    ],
)
def test_money(amount: Decimal, currency: str, english: str, german: str) -> None:
    with override("en-gb"):
        assert money(amount, currency) == english
    with override("de"):
        assert money(amount, currency) == german
    assert money(None, currency) == ""


def test_lists_and_periods() -> None:
    period = Period(Month(2031, 2), Month(2031, 3))
    with override("en-gb"):
        assert sentence(["a", "b", "c"]) == "a, b and c"
        assert period.label == "February 2031 to March 2031"
    with override("de"):
        assert sentence(["a", "b", "c"]) == "a, b und c"
        assert sentence(["a"]) == "a"
        assert sentence([]) == ""
        assert period.label == "Februar 2031 bis März 2031"


@pytest.mark.django_db
@pytest.mark.parametrize("report", ["sessions", "revenue", "debt", "held"])
def test_a_file_is_the_same_in_every_language(administrator: StaffMember, club: Club, report: str) -> None:
    client = make.make_client(club)
    make.make_booking(make.make_session(club, days=-40), client)
    make.make_invoice(client, "outstanding", "1234.50")
    make.make_invoice(client, "paid", "1234.50")
    browser = sign_in(Browser(), administrator)
    address = reverse(f"reports:{report}")
    said = {
        language: browser.get(address, {"format": "csv", "by": "month"}, headers={"accept-language": language}).content
        for language in ("en", "de")
    }
    assert said["en"] == said["de"]
    assert b"Club" in said["en"] or b"Month" in said["en"] or b"Due in" in said["en"]
    assert '<html lang="de">' in browser.get(address, headers={"accept-language": "de"}).content.decode()
