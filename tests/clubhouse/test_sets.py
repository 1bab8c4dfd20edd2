"""Any number of rows in one statement, on both databases."""

from __future__ import annotations

import datetime
from decimal import Decimal

import pytest
from django.db import DataError, IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clubhouse.memberships.models import AccountCredit, Package
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.schedule.models import Booking, Club, WaitingListEntry
from clubhouse.sets import Keys, hold_clients, insert_all, update_each
from tests.support import factories as make

pytestmark = pytest.mark.django_db


def test_ten_thousand_keys_are_one_parameter(club: Club) -> None:
    client = make.make_client(club)
    with CaptureQueriesContext(connection) as seen:
        found = list(Club.objects.filter(clients__in=Keys([*range(10**9, 10**9 + 10_000), client.pk])))
    assert found == [club]
    assert len(seen) == 1


def test_no_keys_find_nothing(club: Club) -> None:
    assert not Club.objects.filter(pk__in=Keys([])).exists()
    assert Club.objects.exclude(pk__in=Keys([])).exists()


def test_rows_come_out_as_they_went_in(club: Club) -> None:
    client = make.make_client(club)
    session = make.make_session(club)
    when = timezone.now().replace(microsecond=123456)
    text = "quote ' \" back\\slash\nnew line, % percent, Zoë 李 ‮"
    keys = insert_all(
        [
            Booking(session=session, client=client, booked_at=when, note=text, status="cancelled"),
            Booking(session=session, client=client, booked_at=when, cancelled_at=when, status="cancelled"),
        ],
        using="default",
    )
    rows = Booking.objects.order_by("pk").values_list("pk", "note", "booked_at", "cancelled_at", "package")
    assert list(rows) == [(keys[0], text, when, None, None), (keys[1], "", when, when, None)]
    money = AccountCredit(client=client, amount=Decimal("12.34"), granted_on=datetime.date(2026, 2, 28))
    insert_all([money], using="default")
    row = AccountCredit.objects.get()
    assert (row.amount, row.granted_on) == (Decimal("12.34"), datetime.date(2026, 2, 28))


def test_defaults_and_automatic_times_are_filled_in(club: Club) -> None:
    staff = make.make_staff(club.business)
    insert_all([Notification(recipient=staff, kind="needs_payer")], using="default")
    line = Notification.objects.get()
    assert (line.places, line.read_at) == (0, None)
    assert abs(line.created_at - timezone.now()) < datetime.timedelta(minutes=1)


def test_three_thousand_rows_are_one_statement(club: Club) -> None:
    client = make.make_client(club)
    rows = [ClientMessage(client=client, kind="receipt", send_after=timezone.now()) for _ in range(3000)]
    with CaptureQueriesContext(connection) as seen:
        keys = insert_all(rows, using="default")
    assert len(seen) == 1
    assert len(set(keys)) == 3000
    assert insert_all([], using="default") == []


def test_the_databases_own_rules_hold(club: Club) -> None:
    client, session = make.make_client(club), make.make_session(club)
    twice = [WaitingListEntry(session=session, client=client, joined_at=timezone.now()) for _ in range(2)]
    with pytest.raises(IntegrityError), transaction.atomic():
        insert_all(twice, using="default")
    assert not WaitingListEntry.objects.exists()


def test_what_is_too_long_is_never_cut_in_silence(club: Club) -> None:
    """PostgreSQL refuses it; SQLite, which knows no length of a text, keeps all of it."""
    message = ClientMessage(client=make.make_client(club), kind="x" * 31, send_after=timezone.now())
    try:
        with transaction.atomic():
            insert_all([message], using="default")
    except DataError:
        assert connection.vendor == "postgresql"
    else:
        assert connection.vendor == "sqlite"
        assert ClientMessage.objects.get().kind == "x" * 31


def test_each_row_has_its_own_value(club: Club) -> None:
    client = make.make_client(club)
    packages = [make.make_package(client) for _ in range(3)]
    with CaptureQueriesContext(connection) as seen:
        update_each(Package, "credits_used", {packages[0].pk: 4, packages[2].pk: 7}, using="default")
    assert len(seen) == 1
    assert [Package.objects.get(pk=package.pk).credits_used for package in packages] == [4, 0, 7]
    update_each(Package, "credits_used", {}, using="default")


def test_only_who_is_not_erased_can_be_held(club: Club) -> None:
    client, erased = make.make_client(club), make.make_client(club, status="deleted")
    with transaction.atomic():
        assert hold_clients([erased.pk, client.pk, 10**12], using="default") == {client.pk}
        assert hold_clients([], using="default") == set()
