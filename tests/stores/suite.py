"""Row F15 against OpenStack Swift: what an erasure leaves in a real object store, seen from its other side.

``bin/stores`` runs this; it is no part of ``bin/test``. What S3 does not show is looked for with Swift's own listing of
containers, and in the bytes on its disk.
"""

from __future__ import annotations

import datetime
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.utils import timezone

from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.contrib.storages import purge, purge_all
from lethe.models import Effect
from tests.clubhouse.outside.conftest import Bucket
from tests.support.record import Record, make_record
from tests.support.swift import CREDENTIALS, Swift

pytestmark = pytest.mark.django_db(transaction=True)

FILES = Effect.objects.filter(kind="file.delete")


def keys_of(record: Record) -> list[str]:
    return [getattr(record.image, size).name for size in ("original", "medium", "thumbnail")]


def erase(*records: Record) -> None:
    pipeline.erase(Client, [record.client.pk for record in records], by="account:1", reason="asked at the desk")


def try_again() -> int:
    """Let the waiting time be over, and do what is due."""
    Effect.objects.filter(done_at=None).update(next_try_at=timezone.now() - datetime.timedelta(seconds=1))
    return outbox.drain()


def in_parts(bucket: Bucket, key: str, words: bytes, *, finish: bool = True) -> None:
    """Upload in two parts, and leave it open or finish it."""
    name = {"Bucket": bucket.name, "Key": key}
    name["UploadId"] = bucket.client.create_multipart_upload(**name)["UploadId"]
    parts = [
        {"PartNumber": number, "ETag": bucket.client.upload_part(**name, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate((words, b" and more"), 1)
    ]
    if finish:
        bucket.client.complete_multipart_upload(**name, MultipartUpload={"Parts": parts})


def fill(bucket: Bucket, record: Record) -> bytes:
    """Give each file of a client more than one life, and return what is to be found in the bytes of all of them."""
    words = record.canaries.image_text.encode()
    original, medium, thumbnail = keys_of(record)
    for number in range(3):
        bucket.client.put_object(Bucket=bucket.name, Key=original, Body=words + b" version %d" % number)
    in_parts(bucket, original, words + b" in parts")
    in_parts(bucket, original, words + b" in parts again")
    in_parts(bucket, original, words + b" never finished", finish=False)
    bucket.client.delete_object(Bucket=bucket.name, Key=medium)
    in_parts(bucket, thumbnail, words + b" never finished either", finish=False)
    return words


def of_bucket(store: Swift, bucket: Bucket) -> dict[str, list[str]]:
    """The three containers that Swift keeps for a bucket: files, parts and versions."""
    return {name: there for name, there in store.everything().items() if bucket.name in name}


def naming(there: dict[str, list[str]], keys: list[str]) -> list[str]:
    """Names in any container that are of one of the keys, or of a part or a version of one."""
    own = {f"{key}" for key in keys}
    ours = []
    for names in there.values():
        for name in names:
            # A version is "\0KEY\0when", a part "KEY/upload/number".
            key = name.strip("\0").split("\0")[0]
            if key in own or any(key.startswith(f"{one}/") for one in own):
                ours.append(name)
    return ours


# --- everything goes --------------------------------------------------------------------------------------------------
def test_nothing_of_a_client_is_left_and_nothing_of_anybody_else_is_touched(
    store: Swift, bucket: Bucket, club: Club, manager: StaffMember
) -> None:
    record, other = make_record(club, settled=True), make_record(club, settled=True)
    words, of_other = fill(bucket, record), fill(bucket, other)
    # Keys that begin as this client's do.
    for key in keys_of(record):
        bucket.client.put_object(Bucket=bucket.name, Key=f"{key}.old", Body=b"not this client's")
        in_parts(bucket, f"{key}0", b"not this client's in parts")
    before, bytes_before = of_bucket(store, bucket), store.stored()
    assert len(before) == 3, "files, parts, versions"
    ours = naming(before, keys_of(record))
    assert len(ours) == 1 + 2 + 1 + 3 * 2 + 2 + 2 + 7
    assert bytes_before.count(words) >= 10

    erase(record)
    assert outbox.drain() == Effect.objects.count() >= 3
    # What S3 shows is gone at once. The parts of what was finished are in Swift's own queue, and go with it.
    assert {key for key, _ in bucket.versions()} & {*keys_of(record)} == set()
    assert [key for key in bucket.uploads() if key in keys_of(record)] == []
    store.tidy()

    after = of_bucket(store, bucket)
    assert naming(after, keys_of(record)) == []
    assert {name: sorted({*there} - {*ours}) for name, there in before.items()} == {
        name: sorted(there) for name, there in after.items()
    }, "and nothing else"
    assert words not in store.stored()
    assert store.stored().count(of_other) == bytes_before.count(of_other)
    assert store.stored().count(b"not this client's") == bytes_before.count(b"not this client's")
    receipts = sorted((r["versions"], r["markers"], r["uploads"]) for r in FILES.values_list("receipt", flat=True))
    assert receipts == [(1, 0, 1), (1, 1, 0), (6, 0, 1)]
    assert all(payload == {} for payload in FILES.values_list("payload", flat=True))


def test_a_bucket_without_versions_is_emptied_too(
    store: Swift, plain_bucket: Bucket, club: Club, manager: StaffMember
) -> None:
    record = make_record(club, settled=True)
    words = record.canaries.image_text.encode()
    original, medium, thumbnail = keys_of(record)
    plain_bucket.client.delete_object(Bucket=plain_bucket.name, Key=medium)
    in_parts(plain_bucket, medium, words + b" in parts")
    in_parts(plain_bucket, thumbnail, words + b" never finished", finish=False)
    assert len(naming(of_bucket(store, plain_bucket), [original, medium, thumbnail])) == 3 + 2 + 3
    assert words in store.stored()
    erase(record)
    assert outbox.drain() >= 3
    store.tidy()
    assert [*of_bucket(store, plain_bucket).values()] == [[], []]
    assert words not in store.stored()


def test_more_than_a_thousand_versions_of_one_file(store: Swift, bucket: Bucket) -> None:
    key = "clients/often.png"
    bucket.client.put_object(Bucket=bucket.name, Key=f"{key}.old", Body=b"another's")
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(bucket.client.put_object, Bucket=bucket.name, Key=key, Body=b"%d" % number)
            for number in range(1_005)
        ]
        for one in asked:
            one.result()
    there = len([name for name, _ in bucket.versions() if name == key])
    assert there > 1_000
    outbox.record("file.delete", {"name": key})
    assert outbox.drain() == 1
    assert FILES.get().receipt == {"file": "deleted", "versions": there, "markers": 0, "uploads": 0}
    assert naming(of_bucket(store, bucket), [key]) == []
    assert [name for name, _ in bucket.versions()] == [f"{key}.old"]


def test_what_swift_keeps_and_s3_does_not_show(store: Swift, bucket: Bucket, plain_bucket: Bucket) -> None:
    """As docs/how-to/object-store.md says it: where an upload in parts is overwritten in a bucket without versions, and
    where a part was uploaded that the finished file does not use, Swift forgets whose they are."""
    for one in (bucket, plain_bucket):
        in_parts(one, "clients/over.png", b"overwritten")
        one.client.put_object(Bucket=one.name, Key="clients/over.png", Body=b"new")
        storage = copy(storages["default"])
        storage.bucket_name = one.name
        assert purge(storage, "clients/over.png")["file"] == "deleted"
    store.tidy()
    assert naming(of_bucket(store, bucket), ["clients/over.png"]) == []
    assert len(naming(of_bucket(store, plain_bucket), ["clients/over.png"])) == 2


def test_the_files_of_many_go_with_few_calls(store: Swift, bucket: Bucket) -> None:
    names = [f"clients/{number:03}.png" for number in range(150)]
    for name in (*names, "clients/stays.png"):
        bucket.client.put_object(Bucket=bucket.name, Key=name, Body=b"pixels")
    outbox.record_all("file.delete", [{"name": name} for name in names])
    asked: list[str] = []
    events = storages["default"].connection.meta.client.meta.events
    events.register("before-send.s3", lambda event_name, **_: asked.append(event_name.rpartition(".")[2]))
    assert outbox.drain() == 150
    look = ["ListMultipartUploads", "ListObjectVersions"]
    assert asked == [*look, "DeleteObjects", *look]
    assert [name for name, _ in bucket.versions()] == ["clients/stays.png"]
    assert naming(of_bucket(store, bucket), names) == []


def test_gone_already_is_done(bucket: Bucket) -> None:
    assert purge(default_storage, "clients/never-was.png")["file"] == "was gone"
    default_storage.save("clients/once.png", ContentFile(b"pixels"))
    twice = [purge(default_storage, "clients/once.png")["file"] for _ in range(2)]
    assert twice == ["deleted", "was gone"]


# --- refused, and done later ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("wrong", [(CREDENTIALS[0], "not-the-secret"), ("club:nobody", CREDENTIALS[1])])
def test_wrong_credentials_are_refused_and_the_effect_stays(
    store: Swift,
    bucket: Bucket,
    use: Callable[..., Bucket],
    club: Club,
    manager: StaffMember,
    caplog: pytest.LogCaptureFixture,
    wrong: tuple[str, str],
) -> None:
    record = make_record(club, settled=True)
    words, keys = record.canaries.image_text.encode(), keys_of(record)
    use(bucket, wrong)
    with caplog.at_level(logging.INFO):
        erase(record)
        outbox.drain()
    waiting = FILES.filter(done_at=None)
    assert set(waiting.values_list("last_error", "attempts")) == {
        ("The object store answered SignatureDoesNotMatch.", 1)
    }
    assert sorted(effect.payload["name"] for effect in waiting) == sorted(keys)
    assert words in store.stored()
    for said in (*keys, *wrong, words.decode()):
        assert said not in caplog.text
    use(bucket)
    assert try_again() == 3
    assert naming(of_bucket(store, bucket), keys) == []
    assert words not in store.stored()


def test_a_bucket_that_is_not_there_is_no_success(
    store: Swift, bucket: Bucket, use: Callable[..., Bucket], settings: Any
) -> None:
    default = settings.STORAGES["default"]
    options = default["OPTIONS"] | {"bucket_name": "nobody-has-it"}
    settings.STORAGES = settings.STORAGES | {"default": default | {"OPTIONS": options}}
    for answer in purge_all(default_storage, ["clients/a.png", "clients/b.png"]):
        assert isinstance(answer, outbox.Retry)
        assert str(answer) == "The object store answered NoSuchBucket."


@pytest.mark.parametrize("server", ["proxy", "object", "container"])
def test_a_store_that_goes_down_in_the_middle_and_comes_back(
    store: Swift, bucket: Bucket, club: Club, manager: StaffMember, server: str
) -> None:
    record = make_record(club, settled=True)
    words, keys = fill(bucket, record), keys_of(record)
    client = storages["default"].connection.meta.client
    down: list[str] = []

    def once(**_: Any) -> None:
        if not down:
            down.append(server)
            store.stop(server)

    erase(record)
    client.meta.events.register("before-send.s3.DeleteObjects", once)
    try:
        outbox.drain()
        assert down == [server]
        causes = set(FILES.filter(done_at=None).values_list("last_error", flat=True))
        assert causes
        assert all(cause.startswith("The object store ") for cause in causes)
        assert not any(key in cause for cause in causes for key in keys)
    finally:
        store.start(server)
    assert words in store.stored()
    for _ in range(10):
        if not FILES.filter(done_at=None).exists():
            break
        # The proxy leaves a server in peace for a second after it has failed.
        time.sleep(1)
        try_again()
    assert not FILES.filter(done_at=None).exists()
    store.tidy()
    assert naming(of_bucket(store, bucket), keys) == []
    assert words not in store.stored()
