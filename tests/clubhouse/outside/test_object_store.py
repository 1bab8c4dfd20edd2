"""Row F15: nothing of a client's pictures is left in an object store, whatever state it is in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages

from clubhouse.clients.models import Client, ProfileImage
from clubhouse.environment import media_origins, media_storage
from clubhouse.imports.photos import storing
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.contrib import storages as adapter
from lethe.models import Effect
from tests.clubhouse.outside.conftest import Bucket
from tests.support import factories as make
from tests.support.record import make_record

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = ("original", "medium", "thumbnail")


def erase(client: Client) -> None:
    pipeline.erase(Client, [client.pk], by="account:1", reason="asked at the desk")


def keys(image: ProfileImage) -> list[str]:
    return [getattr(image, field).name for field in FIELDS]


def test_every_version_marker_and_open_upload_goes(bucket: Bucket, club: Club, manager: StaffMember) -> None:
    record = make_record(club, settled=True)
    other = make_record(club, settled=True)
    words = record.canaries.image_text
    s3, name = bucket.client, bucket.name
    original, medium, thumbnail = keys(record.image)
    for number in range(3):
        s3.put_object(Bucket=name, Key=original, Body=f"{words} version {number}".encode())
    s3.delete_object(Bucket=name, Key=medium)
    upload = s3.create_multipart_upload(Bucket=name, Key=thumbnail)["UploadId"]
    s3.upload_part(Bucket=name, Key=thumbnail, UploadId=upload, PartNumber=1, Body=words.encode())
    # Somebody else's file whose key begins like this client's.
    s3.put_object(Bucket=name, Key=f"{original}.old", Body=b"not this client's")
    before = bucket.all_bytes()
    assert before.count(words.encode()) == 6, "three originals over the first, a hidden copy, a thumbnail"
    assert bucket.uploads() == [thumbnail]

    erase(record.client)
    assert outbox.drain() == Effect.objects.count() >= 3

    after = bucket.all_bytes()
    assert words.encode() not in after
    assert not any(key.encode() in after.replace(f"{original}.old".encode(), b"") for key in keys(record.image))
    assert bucket.uploads() == []
    assert b"not this client's" in after
    assert after.count(other.canaries.image_text.encode()) == 3
    done = Effect.objects.filter(kind="file.delete").order_by("pk")
    receipts = sorted((r["versions"], r["markers"], r["uploads"]) for r in done.values_list("receipt", flat=True))
    assert receipts == [(1, 0, 1), (1, 1, 0), (4, 0, 0)]
    assert all(payload == {} for payload in done.values_list("payload", flat=True))


def test_a_bucket_without_versions_is_emptied_too(plain_bucket: Bucket, club: Club, manager: StaffMember) -> None:
    record = make_record(club, settled=True)
    assert record.canaries.image_text.encode() in plain_bucket.all_bytes()
    erase(record.client)
    outbox.drain()
    assert plain_bucket.all_bytes() == b""


def test_gone_already_is_done(bucket: Bucket) -> None:
    assert adapter.purge(default_storage, "clients/never-was.png")["file"] == "was gone"


def test_one_call_takes_no_more_than_its_limit(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "BATCH", 2)
    for number in range(5):
        bucket.client.put_object(Bucket=bucket.name, Key="clients/one.png", Body=b"%d" % number)
    sizes: list[int] = []
    client = storages["default"].connection.meta.client
    client.meta.events.register(
        "provide-client-params.s3.DeleteObjects", lambda params, **_: sizes.append(len(params["Delete"]["Objects"]))
    )
    assert adapter.purge(storages["default"], "clients/one.png")["versions"] == 5
    assert sizes == [2, 2, 1]
    assert bucket.all_bytes() == b""


def answer_with(client: Any, operation: str, body: str, status: int = 200) -> None:
    """Let the next answers to ``operation`` be what an object store sends when it refuses, instead of asking it."""
    from botocore.awsrequest import AWSResponse

    class Raw:
        def stream(self, **_: Any) -> list[bytes]:
            return [body.encode()]

    client.meta.events.register(
        f"before-send.s3.{operation}",
        lambda request, **_: AWSResponse(request.url, status, {"content-type": "application/xml"}, Raw()),
    )


def test_a_key_that_is_refused_is_tried_again(
    bucket: Bucket, club: Club, manager: StaffMember, caplog: pytest.LogCaptureFixture
) -> None:
    client = make.make_client(club)
    image = ProfileImage.objects.create(client=client, original=ContentFile(b"pixels", name="photo.png"))
    key = image.original.name
    s3 = storages["default"].connection.meta.client
    refusal = f"<Error><Key>{key}</Key><Code>AccessDenied</Code><Message>{key} is locked</Message></Error>"
    answer_with(s3, "DeleteObjects", f"<DeleteResult>{refusal}</DeleteResult>")
    with caplog.at_level(logging.INFO):
        erase(client)
        assert outbox.drain() == 0
    effect = Effect.objects.get(kind="file.delete")
    assert effect.last_error == "The object store refused 1 of 1 deletions (AccessDenied)."
    assert effect.done_at is None
    assert effect.payload["name"] == key
    assert key not in caplog.text
    assert key.encode() in bucket.all_bytes()


def test_a_missing_bucket_is_no_success(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    bucket.client.delete_bucket(Bucket=bucket.name)
    with pytest.raises(outbox.Retry, match=r"The object store answered NoSuchBucket\."):
        adapter.purge(default_storage, "clients/some.png")


def test_an_object_store_that_is_down_is_waited_for(bucket: Bucket, settings: Any) -> None:
    default = settings.STORAGES["default"]
    options = default["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:9"}
    settings.STORAGES = settings.STORAGES | {"default": default | {"OPTIONS": options}}
    with pytest.raises(outbox.Retry) as caught:
        adapter.purge(default_storage, "clients/some.png")
    assert str(caught.value) == "The object store did not answer (EndpointConnectionError)."


def test_a_local_file_goes(db: None) -> None:
    name = default_storage.save("clients/a.png", ContentFile(b"x"))
    assert adapter.purge(default_storage, name) == {"file": "deleted"}
    assert adapter.purge(default_storage, name) == {"file": "was gone"}


def test_settings_of_a_bucket_that_contradict_each_other_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert media_storage()["BACKEND"].endswith("FileSystemStorage")
    assert media_origins(media_storage()) == []
    monkeypatch.setenv("CLUBHOUSE_S3_BUCKET", "pictures")
    assert "https://pictures.s3.amazonaws.com" in media_origins(media_storage())
    monkeypatch.setenv("CLUBHOUSE_S3_ENDPOINT", "https://s3.example.com/base")
    assert media_origins(media_storage()) == ["https://s3.example.com"]
    monkeypatch.setenv("CLUBHOUSE_S3_KEY", "only one")
    with pytest.raises(ImproperlyConfigured, match="CLUBHOUSE_S3_SECRET"):
        media_storage()
    monkeypatch.setenv("CLUBHOUSE_S3_ENDPOINT", "s3.example.com")
    with pytest.raises(ImproperlyConfigured, match="CLUBHOUSE_S3_ENDPOINT"):
        media_storage()


def test_the_canary_store_is_a_real_one(bucket: Bucket) -> None:
    """What the other tests rely on: a deletion in this bucket only hides."""
    default_storage.save("clients/b.png", ContentFile(b"still here"))
    default_storage.delete("clients/b.png")
    with pytest.raises(ClientError):
        bucket.client.get_object(Bucket=bucket.name, Key="clients/b.png")
    assert b"still here" in bucket.all_bytes()


def fail_with_a_picture(then: Callable[[], object]) -> None:
    """An import that stores a picture, and fails after ``then``."""
    with storing() as stored:
        stored.save(b"pixels of nobody", "png", "original", ProfileImage())
        then()
        raise KeyError


def test_an_import_that_fails_leaves_no_picture_behind(bucket: Bucket) -> None:
    seen: list[bytes] = []
    with pytest.raises(KeyError):
        fail_with_a_picture(lambda: seen.append(bucket.all_bytes()))
    assert b"pixels of nobody" in seen[0]
    assert bucket.all_bytes() == b""


def test_a_picture_of_a_failed_import_that_cannot_go_yet_goes_later(bucket: Bucket, settings: Any) -> None:
    here = settings.STORAGES
    away = here["default"]["OPTIONS"] | {"endpoint_url": "http://127.0.0.1:9"}
    without = here | {"default": here["default"] | {"OPTIONS": away}}
    with pytest.raises(KeyError):
        fail_with_a_picture(lambda: setattr(settings, "STORAGES", without))
    settings.STORAGES = here
    assert b"pixels of nobody" in bucket.all_bytes()
    assert outbox.drain() == 1
    assert bucket.all_bytes() == b""
