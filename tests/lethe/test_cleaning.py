"""Bytes (row N11): once they are cleaned, the database's own files hold nothing of what was erased."""

from __future__ import annotations

import datetime
import io
import random
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from lethe import cleaning_postgres, cleaning_sqlite, outbox, pipeline
from lethe.cleaned import NotClean
from lethe.cleaning import KIND, clean, due
from lethe.models import Effect, Run, Tally
from tests.lethe.apps.shop.models import Address, Customer, Order
from tests.lethe.support.database import raw_bytes
from tests.lethe.support.world import World, make_customer, make_world

pytestmark = pytest.mark.django_db(transaction=True)


def erase(*keys: Any) -> None:
    """Erase customers."""
    assert pipeline.erase(Customer, keys, by="role:test", reason="asked").erased == len(keys)


class Words:
    """The canaries that stand in some bytes, found in one pass over them."""

    def __init__(self, data: bytes) -> None:
        low = data.lower()
        self.found = {low[at : at + size] for at in (m.start() for m in re.finditer(b"zq", low)) for size in (12, 14)}
        self.data = low

    def of(self, world: World) -> list[str]:
        """The places whose value is there."""
        values = {place: value.encode() for place, value in world.canaries.items()}
        values["fingerprint"] = bytes.fromhex(world.canaries["fingerprint"])
        # PostgreSQL keeps a day as a number.
        values["born"] = values["name"] if connection.vendor == "postgresql" else values["born"]
        return sorted(
            place
            for place, value in values.items()
            if (value in self.found if value.startswith(b"zq") else value in self.data)
        )


def left_of(world: World) -> list[str]:
    """What of a customer stands in the database's files."""
    return Words(raw_bytes(connection)).of(world)


def waiting() -> list[Effect]:
    """The cleanings that are owed."""
    return list(Effect.objects.filter(kind=KIND, done_at=None))


@pytest.fixture
def scheduled(settings: Any) -> None:
    """A project that cleans by itself on either database."""
    settings.LETHE_CLEAN_EVERY = 600
    settings.LETHE_CLEAN_AT = "03:30"


# --- nothing is left --------------------------------------------------------------------------------------------------
def test_nothing_of_the_erased_is_left_and_everything_of_the_others() -> None:
    worlds = [make_world() for _ in range(6)]
    gone, stay = worlds[:3], worlds[3:]
    before = Words(raw_bytes(connection))
    assert all(before.of(world) == sorted(world.canaries) for world in worlds)
    erase(*(world.pk for world in gone))
    outbox.drain()
    uncleaned = Words(raw_bytes(connection))
    assert any(uncleaned.of(world) for world in gone), "nothing was left to clean"
    done = clean()
    after = Words(raw_bytes(connection))
    assert [after.of(world) for world in gone] == [[], [], []]
    assert all(after.of(world) == sorted(world.canaries) for world in stay)
    assert done.rewritten >= 1
    assert done.before > 0
    assert done.after > 0
    assert done.not_allowed == ()


def test_what_was_changed_long_before_the_erasure_goes_too(postgres: bool) -> None:
    """An earlier value, which nobody overwrote when it was replaced, lies in free pages until they are rewritten."""
    noise = random.Random(7)
    former = "zqf0rmerva1ue0" + "".join(f"{noise.getrandbits(64):016x}" for _ in range(600))
    one = make_customer(about=former)
    if not postgres:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = OFF")
    Customer.objects.filter(pk=one.pk).update(about="moved")
    erase(one.pk)
    outbox.drain()
    assert b"zqf0rmerva1ue0" in raw_bytes(connection)
    clean()
    assert b"zqf0rmerva1ue0" not in raw_bytes(connection)


def test_the_words_of_a_full_text_index(postgres: bool) -> None:
    """SQLite's keeps the words of deleted rows until it is merged. PostgreSQL's is an index like any other."""
    # An index keeps of a word only what differs from the word before it: so no two begin alike, and the rest is sought.
    words = [f"{a}{b}{random.getrandbits(60):015x}" for a in "ghijklmn" for b in "pqrstuvw"][:60]
    with connection.cursor() as cursor:
        if postgres:
            cursor.execute("CREATE INDEX address_words ON shop_address USING gin (to_tsvector('simple', line))")
        else:
            cursor.execute("CREATE VIRTUAL TABLE address_words USING fts5(line)")
            # SQLite merges now and then as rows come; here it is left to us, so that the deletions alone take nothing.
            for setting, value in (("automerge", 0), ("crisismerge", 1999)):
                cursor.execute("INSERT INTO address_words (address_words, rank) VALUES (%s, %s)", [setting, value])
            cursor.execute(
                "CREATE TRIGGER address_in AFTER INSERT ON shop_address BEGIN "
                "INSERT INTO address_words (rowid, line) VALUES (NEW.id, NEW.line); END"
            )
            cursor.execute(
                "CREATE TRIGGER address_out AFTER DELETE ON shop_address BEGIN "
                "DELETE FROM address_words WHERE rowid = OLD.id; END"
            )
    try:
        customers = [make_customer() for _ in words]
        with transaction.atomic():
            for customer, word in zip(customers, words, strict=True):
                Address.objects.create(customer=customer, line=f"{word} street")
        erase(*(customer.pk for customer in customers[:50]))
        clean()
        after = raw_bytes(connection)
        found = [word[2:].encode() in after for word in words]
        assert found == [False] * 50 + [True] * 10
    finally:
        with connection.cursor() as cursor:
            if postgres:
                cursor.execute("DROP INDEX address_words")
            else:
                cursor.execute("DROP TRIGGER address_in")
                cursor.execute("DROP TRIGGER address_out")
                cursor.execute("DROP TABLE address_words")


def test_statistics_and_large_values_too() -> None:
    """What ANALYZE keeps of a column, and values that are stored apart because they are large."""
    noise = random.Random(5)
    large = ["".join(f"{noise.getrandbits(64):016x}" for _ in range(600)) for _ in range(4)]
    same = "zqcommonvalue5150"
    customers = [make_customer(about=large[n % 4] if n < 8 else same) for n in range(40)]
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    before = raw_bytes(connection)
    assert same.encode() in before
    assert all(value[200:260].encode() in before for value in large)
    erase(*(customer.pk for customer in customers))
    clean()
    after = raw_bytes(connection)
    assert same.encode() not in after
    assert not any(value[at : at + 60].encode() in after for value in large for at in range(0, 9_000, 300))


# --- one effect for many erasures -------------------------------------------------------------------------------------
@pytest.mark.usefixtures("scheduled")
def test_many_erasures_share_one_cleaning() -> None:
    now = timezone.now()
    for _ in range(3):
        erase(make_customer().pk)
    (effect,) = waiting()
    assert effect.run_id is None, "a cleaning is nobody's"
    assert abs(effect.next_try_at - due(connection.vendor, now)) < datetime.timedelta(minutes=1)
    assert Run.objects.count() == 3


@pytest.mark.usefixtures("scheduled")
def test_one_that_has_begun_does_not_answer_for_what_is_erased_meanwhile() -> None:
    erase(make_customer().pk)
    Effect.objects.filter(kind=KIND).update(lease="somebody's", leased_until=timezone.now() + outbox.LEASE)
    erase(make_customer().pk)
    erase(make_customer().pk)
    assert sorted(effect.lease for effect in waiting()) == ["", "somebody's"]
    before = sum(Tally.objects.filter(kind=KIND).values_list("number", flat=True))
    clean()
    assert waiting() == []
    receipts = [effect.receipt for effect in Effect.objects.filter(kind=KIND)]
    assert receipts[0] == receipts[1]
    assert receipts[0]["rewritten"] >= 1
    assert sum(Tally.objects.filter(kind=KIND).values_list("number", flat=True)) == before + 2, "both are counted"


@pytest.mark.usefixtures("scheduled")
def test_a_worker_cleans_when_it_is_due() -> None:
    world = make_world()
    erase(world.pk)
    outbox.drain()
    assert waiting(), "not due yet"
    assert left_of(world)
    Effect.objects.filter(kind=KIND).update(next_try_at=timezone.now())
    assert outbox.drain() == 1
    assert waiting() == []
    assert left_of(world) == []


@pytest.mark.usefixtures("scheduled")
def test_an_effect_that_is_done_after_the_cleaning_asks_for_another() -> None:
    """Its row held a card's token until then."""
    world = make_world()
    erase(world.pk)
    clean()
    assert waiting() == []
    assert left_of(world) == ["picture", "token"]
    outbox.drain()
    (effect,) = waiting()
    assert effect.attempts == 0
    clean()
    assert left_of(world) == []


def test_an_effect_that_is_no_erasure_s_asks_for_none(tmp_path: Path, scheduled: None) -> None:
    outbox.record("shop.write", {"file": str(tmp_path / "written")})
    assert outbox.drain() == 1
    assert waiting() == []


# --- when -------------------------------------------------------------------------------------------------------------
def test_when(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    timezone.get_default_timezone.cache_clear()
    morning = datetime.datetime(2026, 3, 1, 1, 0, tzinfo=datetime.UTC)
    try:
        settings.LETHE_CLEAN_EVERY, settings.LETHE_CLEAN_AT = 900, "03:30"
        assert due("sqlite", morning) == morning + datetime.timedelta(minutes=15)
        assert due("postgresql", morning) == morning + datetime.timedelta(hours=1, minutes=30)
        assert due("postgresql", morning + datetime.timedelta(hours=2)) == morning + datetime.timedelta(hours=25.5)
        settings.LETHE_CLEAN_EVERY = settings.LETHE_CLEAN_AT = None
        assert due("sqlite", morning) is due("postgresql", morning) is None
    finally:
        timezone.get_default_timezone.cache_clear()


def test_left_to_the_command_line_nothing_is_recorded_and_the_command_cleans(settings: Any) -> None:
    settings.LETHE_CLEAN_EVERY = settings.LETHE_CLEAN_AT = None
    world = make_world()
    erase(world.pk)
    outbox.drain()
    assert not Effect.objects.filter(kind=KIND).exists()
    assert left_of(world)
    out = io.StringIO()
    call_command("lethe", "clean", stdout=out)
    said = out.getvalue().splitlines()
    assert said[0].startswith("1/")
    assert "rewritten:" in said[-1]
    assert left_of(world) == []


# --- who is in the way ------------------------------------------------------------------------------------------------
def test_a_reader_who_is_open_is_named_and_it_is_tried_again(
    scheduled: None, settings: Any, monkeypatch: pytest.MonkeyPatch, postgres: bool
) -> None:
    monkeypatch.setattr(cleaning_sqlite, "PATIENCE", 50)
    monkeypatch.setattr(cleaning_postgres, "LONGEST_WAIT", 0.3)
    world = make_world()
    other = connections["default"].copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" if postgres else "BEGIN DEFERRED")
        cursor.execute("SELECT count(*) FROM shop_customer")
        assert cursor.fetchone()[0] > 0
        erase(world.pk)
        outbox.drain()
        size = len(raw_bytes(connection))
        with pytest.raises(NotClean, match="older than the erasures" if postgres else "reading"):
            clean()
        assert postgres or len(raw_bytes(connection)) <= size, "the log grew by a rewrite that was for nothing"
        Effect.objects.filter(kind=KIND).update(next_try_at=timezone.now())
        assert outbox.drain() == 0
        (effect,) = waiting()
        assert effect.attempts == 1
        assert effect.last_error
        assert effect.next_try_at > timezone.now()
        assert left_of(world)
    other.close()
    # Tests that run beside this one write on the same server.
    monkeypatch.setattr(cleaning_postgres, "LONGEST_WAIT", 60)
    Effect.objects.filter(kind=KIND).update(next_try_at=timezone.now())
    assert outbox.drain() == 1
    assert left_of(world) == []


def test_whoever_writes_in_another_database_of_the_server_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, postgres: bool
) -> None:
    """A rewrite on PostgreSQL looks with a snapshot of its own, and that goes back to the oldest writer anywhere."""
    world = make_world()
    elsewhere = connections["default"].copy()
    elsewhere.settings_dict["NAME"] = "postgres" if postgres else str(tmp_path / "elsewhere.sqlite3")
    with elsewhere.cursor() as cursor:
        cursor.execute("BEGIN" if postgres else "BEGIN IMMEDIATE")
        cursor.execute("SELECT pg_current_xact_id()" if postgres else "SELECT 1")
        erase(world.pk)
        outbox.drain()
        assert left_of(world)
        if postgres:
            monkeypatch.setattr(cleaning_postgres, "LONGEST_WAIT", 0.3)
            with pytest.raises(NotClean, match="in another database"):
                clean()
            monkeypatch.setattr(cleaning_postgres, "LONGEST_WAIT", 60)
            cursor.execute("ROLLBACK")
        clean()
    elsewhere.close()
    assert left_of(world) == []


def test_a_reader_who_began_after_the_erasure_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, postgres: bool
) -> None:
    """On a busy server somebody is always reading: only snapshots that could see what was erased matter."""
    monkeypatch.setattr(cleaning_postgres, "LONGEST_WAIT", 20)
    world = make_world()
    erase(world.pk)
    outbox.drain()
    other, seen = connections["default"].copy(), []

    def tell(what: str, number: int, of: int) -> None:
        if number == 1:
            with other.cursor() as cursor:
                cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ" if postgres else "BEGIN DEFERRED")
                cursor.execute("SELECT 1")
                seen.append(cursor.fetchone()[0])
        if what in {"shop_customer", "the write-ahead log"}:
            # Before the next round of waiting, for which this reader is one of the older ones.
            other.close()

    clean(progress=tell)
    assert seen == [1]
    assert left_of(world) == []


def test_inside_a_transaction_it_is_refused() -> None:
    with transaction.atomic(), pytest.raises(NotClean, match="transaction"):
        clean()


def test_desk_work_goes_on_meanwhile() -> None:
    """Orders are written all through a cleaning, none is lost and none is refused."""
    customers = [make_customer(about="x" * 2_000) for _ in range(60)]
    erase(*(customer.pk for customer in customers[:30]))
    buyer, stop, made = customers[-1], threading.Event(), []

    def write() -> None:
        try:
            while not stop.is_set():
                made.append(Order.objects.create(customer=buyer, total=1).pk)
                time.sleep(0.002)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write) for _ in range(2)]
        try:
            for _ in range(2):
                _patiently()
        finally:
            stop.set()
        for writer in writers:
            writer.result()
    assert made
    assert Order.objects.filter(pk__in=made).count() == len(made)


def _patiently() -> None:
    """Clean, as a worker does: again where somebody was in the way."""
    for _ in range(50):
        try:
            clean()
            return
        except NotClean:
            continue
    raise AssertionError("there was never a moment to clean")


def test_two_cleanings_at_once_end_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def tell(what: str, *_: Any) -> None:
        begun.set()
        go_on.wait(30)

    def first() -> None:
        try:
            clean(progress=tell)
        finally:
            connections.close_all()

    monkeypatch.setattr(cleaning_sqlite, "PATIENCE", 50)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(first)
        assert begun.wait(30)
        try:
            clean()
        except NotClean as error:
            said.append(str(error))
        go_on.set()
        running.result()
    assert said == ["Another cleaning is running."] or connection.vendor == "sqlite"


def test_the_command_says_what_is_in_the_way() -> None:
    with transaction.atomic(), pytest.raises(CommandError, match="outside of transactions"):
        call_command("lethe", "clean", stdout=io.StringIO())
