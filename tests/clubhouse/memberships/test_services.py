"""Ending memberships and forfeiting credits, once, for a reason, and with as many statements for one as for many."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.memberships.models import Membership, Package
from clubhouse.memberships.selectors import active_memberships, open_account_credits, packages_of, unused_packages
from clubhouse.memberships.services import (
    cancel_for_erasure,
    cancel_memberships,
    forfeit_packages,
    forfeit_packages_for_erasure,
)
from clubhouse.schedule.models import Club
from tests.support import factories as make

pytestmark = pytest.mark.django_db
DAY = datetime.timedelta(days=1)


def test_active_and_frozen_memberships_are_cancelled_and_others_left(club: Club) -> None:
    client, other = make.make_client(club), make.make_client(club)
    for status in ("active", "frozen"):
        make.make_membership(client, status=status)
    old = make.make_membership(
        client, status="cancelled", cancelled_on=make.today() - 9 * DAY, cancellation_reason="moved"
    )
    theirs = make.make_membership(other, paid_by=client)
    now = timezone.now()
    assert cancel_for_erasure([client.pk], now) == {"memberships cancelled": 2}
    ended = Membership.objects.filter(client=client).exclude(pk=old.pk)
    assert set(ended.values_list("status", "cancelled_on", "cancellation_reason")) == {
        ("cancelled", now.date(), "erasure")
    }
    old.refresh_from_db()
    theirs.refresh_from_db()
    assert (old.cancellation_reason, theirs.status) == ("moved", "active")
    assert cancel_for_erasure([client.pk], now) == {"memberships cancelled": 0}


def test_a_membership_is_cancelled_as_of_a_day(club: Club) -> None:
    membership = make.make_membership(make.make_client(club))
    day = make.today() + 30 * DAY
    assert cancel_memberships(Membership.objects.all(), on=day, reason="desk") == 1
    membership.refresh_from_db()
    assert (membership.cancelled_on, membership.cancellation_reason) == (day, "desk")


def test_what_is_left_of_an_unexpired_package_is_forfeited(club: Club) -> None:
    client = make.make_client(club)
    used = make.make_package(client, credits_used=3, credits_forfeited=2)
    last_day = make.make_package(client, credits_used=9, expires_on=timezone.now().date())
    expired = make.make_package(client, expires_on=timezone.now().date() - DAY)
    theirs = make.make_package(make.make_client(club))
    assert forfeit_packages_for_erasure([client.pk], timezone.now()) == {
        "packages forfeited": 2,
        "credits forfeited": 6,
    }
    rows = {p.pk: (p.credits_used, p.credits_forfeited, p.forfeited_reason) for p in Package.objects.all()}
    assert rows == {
        used.pk: (3, 7, "erasure"),
        last_day.pk: (9, 1, "erasure"),
        expired.pk: (0, 0, ""),
        theirs.pk: (0, 0, ""),
    }
    assert forfeit_packages(Package.objects.filter(client=client), now=timezone.now(), reason="desk") == (0, 0)


def test_what_counts_as_unused_active_and_open(club: Club) -> None:
    now = timezone.now()
    client = make.make_client(club)
    good = make.make_package(client, credits_used=4)
    make.make_package(client, credits_used=10)
    make.make_package(client, expires_on=now.date() - DAY)
    assert [(package.pk, package.left) for package in unused_packages(now)] == [(good.pk, 6)]
    frozen = make.make_membership(client, status="frozen")
    make.make_membership(client, status="cancelled")
    assert list(active_memberships(now)) == [frozen]
    credit = make.make_credit(client, "25.00", used="10.10", forfeited="4.50")
    make.make_credit(client, "0.30", used="0.10", forfeited="0.20")
    assert [(row.pk, row.balance) for row in open_account_credits(now)] == [(credit.pk, Decimal("10.40"))]


def test_a_profile_says_which_packages_can_still_be_forfeited(club: Club) -> None:
    client = make.make_client(club)
    good = make.make_package(client)
    make.make_package(client, expires_on=timezone.now().date() - DAY)
    make.make_package(client, credits_used=10)
    assert [package.pk for package in packages_of(client.pk) if package.usable] == [good.pk]


def test_one_and_two_hundred_take_the_same_statements(club: Club) -> None:
    taken = []
    for count in (1, 200):
        clients = [make.make_client(club).pk for _ in range(count)]
        Package.objects.bulk_create(Package(client_id=pk, name="Ten", credits_total=10) for pk in clients)
        Membership.objects.bulk_create(
            Membership(client_id=pk, plan="M", starts_on=make.today(), price=1, currency="GBP") for pk in clients
        )
        with CaptureQueriesContext(connection) as seen:
            assert cancel_for_erasure(clients, timezone.now())["memberships cancelled"] == count
            assert forfeit_packages_for_erasure(clients, timezone.now())["packages forfeited"] == count
        taken.append(len(seen))
    assert taken[0] == taken[1]
