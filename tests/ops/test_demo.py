"""The demo business: what bin/serve shows to somebody who has never seen the product."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, F, Q
from django.test.utils import CaptureQueriesContext

from clubhouse.accounts.models import Business, User
from clubhouse.billing.models import Invoice
from clubhouse.clients.models import Client, ClientLinking, ProfileImage
from clubhouse.clients.search import matching
from clubhouse.demo import services
from clubhouse.demo.people import CROWD, SHOWCASE
from clubhouse.demo.world import World
from clubhouse.memberships.models import Membership, Package
from clubhouse.schedule.models import Booking, Session, WaitingListEntry
from lethe import pipeline

pytestmark = pytest.mark.django_db

URL = "http://127.0.0.1:8765/"
BLOCKED_BY = {
    "deletable": set(),
    "debt": {"debts"},
    "failed payment": {"debts"},
    "dispute": {"debts"},
    "future session": {"future_sessions"},
    "account credit": {"account_credits"},
    "paid by": {"paid_by"},
    "unused package": {"unused_credits"},
    "active membership": {"active_membership"},
    "frozen membership": {"active_membership"},
    "guardian": {"guardian"},
}


@pytest.fixture
def data(settings: object, tmp_path: Path) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path


@pytest.fixture
def world(data: Path) -> World:
    return services.load(url=URL)


def people() -> Iterator[tuple[str, str]]:
    return Client.objects.order_by("number").values_list("first_name", "last_name").iterator()


def test_it_takes_a_bounded_number_of_statements(data: Path) -> None:
    with CaptureQueriesContext(connection) as queries:
        services.load(url=URL)
    # SQLite takes so many values in one statement and no more; none of these is a statement per row.
    assert len(queries) < 250
    assert Booking.objects.count() > 3000


def test_each_shows_what_it_is_there_to_show(world: World) -> None:
    for client in world.clients[: len(SHOWCASE)]:
        show = world.shows[client.number]
        assert client.tags == [f"demo: {show}"]
        if show in BLOCKED_BY:
            preview = pipeline.preview(Client, [client.pk])
            assert {finding.name for finding in preview.findings if finding.blocks} == BLOCKED_BY[show], show
    assert set(Client.objects.filter(matching("demo"))) == set(world.clients[1 : len(SHOWCASE)])
    [everything] = world.showing("everything")
    preview = pipeline.preview(Client, [everything.pk])
    assert {finding.name for finding in preview.findings if finding.blocks} == set().union(*BLOCKED_BY.values())


def test_every_state_there_is_occurs(world: World) -> None:
    def seen(model: type, field: str) -> set[str]:
        return set(model.objects.values_list(field, flat=True))

    assert seen(Invoice, "status") == set(Invoice.Status.values)
    assert seen(Booking, "status") == set(Booking.Status.values)
    assert seen(Session, "status") == set(Session.Status.values)
    assert seen(Session, "kind") == set(Session.Kind.values)
    assert seen(Membership, "status") == set(Membership.Status.values)
    assert seen(ClientLinking, "kind") == set(ClientLinking.Kind.values)
    assert seen(Client, "status") == {"lead", "active", "inactive"}
    assert set(world.shows.values()) == {*SHOWCASE, *CROWD}
    assert Session.objects.filter(series__isnull=False).exists()
    assert Booking.objects.filter(booked_by__isnull=False).exists()


def test_it_is_a_business_that_could_be(world: World) -> None:
    live = Count("bookings", filter=Q(bookings__status="booked"))
    assert not Session.objects.annotate(n=live).filter(n__gt=F("capacity")).exists()
    over = Q(session__status__in=("conducted", "cancelled"))
    assert not Booking.objects.filter(over, status="booked").exists()
    assert WaitingListEntry.objects.exists()
    assert not WaitingListEntry.objects.filter(session__bookings__client=F("client")).exists()
    credits = Package.objects.annotate(n=Count("bookings")).exclude(name="Intro offer")
    assert not credits.exclude(n=F("credits_used")).exists()
    assert not Client.objects.filter(search_text="").exists()
    assert not Client.objects.exclude(email__endswith="example.com").exists()
    assert not User.objects.exclude(email__endswith="example.com").exists()
    assert all(image.original.storage.exists(image.thumbnail.name) for image in ProfileImage.objects.all())
    connection.check_constraints()


def test_a_seed_gives_the_same_people_and_other_passwords(data: Path) -> None:
    seen = []
    for seed in (1, 1, 2):
        with transaction.atomic():
            services.load(url=URL, seed=seed)
            seen.append((list(people()), (data / "sign-ins.json").read_text()))
            transaction.set_rollback(True)
    assert seen[0][0] == seen[1][0] != seen[2][0]
    assert seen[0][1] != seen[1][1]


def test_only_one_account_for_each_role_can_sign_in_by_password(world: World, data: Path) -> None:
    entries = json.loads((data / "sign-ins.json").read_text())
    usable = [user for user in User.objects.all() if user.has_usable_password()]
    assert {user.email for user in usable} == {entry["email"] for entry in entries}
    for entry in entries:
        assert User.objects.get(email=entry["email"]).check_password(entry["password"])
    member = world.accounts["member"].client
    assert member.bookings.filter(status="booked", session__status="scheduled").exists()


def test_a_database_that_holds_a_business_is_left_alone(business: Business, data: Path) -> None:
    call_command("load_demo", if_empty=True, url=URL)
    assert list(Business.objects.all()) == [business]
    assert not (data / "sign-ins.json").exists()
    with pytest.raises(CommandError, match="There is a business in this database already"):
        call_command("load_demo")
    with pytest.raises(CommandError, match="There is no demo business here"):
        call_command("load_demo", new_passwords=True)


def test_new_passwords_replace_lost_ones(world: World, data: Path) -> None:
    path = data / "sign-ins.json"
    before = json.loads(path.read_text())
    path.unlink()
    call_command("load_demo", new_passwords=True, url=URL, verbosity=0)
    after = json.loads(path.read_text())
    assert [entry["role"] for entry in after] == [entry["role"] for entry in before]
    assert not {entry["password"] for entry in before} & {entry["password"] for entry in after}
    for entry in after:
        assert User.objects.get(email=entry["email"]).check_password(entry["password"])


def test_another_address_moves_the_sign_ins_and_nothing_else(world: World, data: Path) -> None:
    before = json.loads((data / "sign-ins.json").read_text())
    call_command("load_demo", if_empty=True, url="http://127.0.0.1:9999/")
    after = json.loads((data / "sign-ins.json").read_text())
    assert [entry["url"] for entry in after] == [e["url"].replace("8765", "9999") for e in before]
    assert [(e["email"], e["password"]) for e in after] == [(e["email"], e["password"]) for e in before]
