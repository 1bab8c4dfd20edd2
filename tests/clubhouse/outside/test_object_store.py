"""Row F15: nothing of a client's pictures is left in an object store, whatever state it is in."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages

from clubhouse.clients.models import Client, ProfileImage
from clubhouse.environment import media_origins, media_storage
from clubhouse.imports.photos import storing
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from lethe import outbox, pipeline
from lethe.contrib import s3 as keys_of_s3
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
    monkeypatch.setattr(keys_of_s3, "BATCH", 2)
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


def answered(request: Any, body: str, status: int = 200) -> Any:
    """What an object store answers, without asking it."""
    from botocore.awsrequest import AWSResponse

    class Raw:
        def stream(self, **_: Any) -> list[bytes]:
            return [body.encode()]

    return AWSResponse(request.url, status, {"content-type": "application/xml"}, Raw())


def answer_with(client: Any, operation: str, body: str, status: int = 200) -> None:
    """Let the next answers to ``operation`` be what an object store sends when it refuses, instead of asking it."""
    client.meta.events.register(f"before-send.s3.{operation}", lambda request, **_: answered(request, body, status))


# --- many at once -----------------------------------------------------------------------------------------------------
def calls(client: Any) -> list[str]:
    """What this client asks the store from now on, by name."""
    asked: list[str] = []
    client.meta.events.register("before-send.s3", lambda event_name, **_: asked.append(event_name.rpartition(".")[2]))
    return asked


def some(bucket: Bucket, count: int, folder: str = "clients") -> list[str]:
    """Keys of files in a folder: with two versions each, every third under a delete marker as well."""
    names = [f"{folder}/{number:02}-{secrets.token_hex(4)}.png" for number in range(count)]
    for number, name in enumerate(names):
        for body in (b"first", b"second"):
            bucket.client.put_object(Bucket=bucket.name, Key=name, Body=body)
        if number % 3 == 0:
            bucket.client.delete_object(Bucket=bucket.name, Key=name)
    return names


def test_many_files_go_with_few_calls_and_no_other(bucket: Bucket) -> None:
    names, others = some(bucket, 30), some(bucket, 3)
    longer = f"{names[5]}.old"
    bucket.client.put_object(Bucket=bucket.name, Key=longer, Body=b"not this client's")
    upload = bucket.client.create_multipart_upload(Bucket=bucket.name, Key=names[7])["UploadId"]
    bucket.client.upload_part(Bucket=bucket.name, Key=names[7], UploadId=upload, PartNumber=1, Body=b"third")
    of_others = bucket.client.create_multipart_upload(Bucket=bucket.name, Key=others[0])["UploadId"]
    gone = "clients/never-was.png"
    outbox.record_all("file.delete", [{"name": name} for name in (*names, gone, names[0])])
    asked = calls(storages["default"].connection.meta.client)

    assert outbox.drain() == 32

    once = ["ListMultipartUploads", "ListObjectVersions"]
    first = ["ListMultipartUploads", "AbortMultipartUpload", "ListObjectVersions", "DeleteObjects"]
    assert asked == [*first, *once], "and a second look, nothing more"
    assert {key for key, _ in bucket.versions()} == {*others, longer}
    assert bucket.uploads() == [others[0]]
    assert of_others != upload
    receipts = [effect.receipt for effect in Effect.objects.order_by("pk")]
    assert receipts[0] == {"file": "deleted", "versions": 2, "markers": 1, "uploads": 0}
    assert receipts[7] == {"file": "deleted", "versions": 2, "markers": 0, "uploads": 1}
    assert receipts[30] == receipts[31] == {"file": "was gone", "versions": 0, "markers": 0, "uploads": 0}


@pytest.mark.parametrize(("page", "worth"), [(1, 1), (7, 2), (40, 4)])
def test_whatever_the_size_of_a_page_all_of_them_go_and_no_other(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, page: int, worth: int
) -> None:
    """A folder is listed as long as that is cheaper, and the rest is asked for one by one."""
    monkeypatch.setattr(keys_of_s3, "PAGE", worth)
    mixed = some(bucket, 14)
    wanted, others = mixed[::2] + some(bucket, 2, "clients/deeper"), mixed[1::2]
    s3 = storages["default"].connection.meta.client
    for operation, name in (("ListObjectVersions", "MaxKeys"), ("ListMultipartUploads", "MaxUploads")):
        s3.meta.events.register(
            f"provide-client-params.s3.{operation}", lambda params, name=name, **_: params | {name: page}
        )
    before = bucket.versions()
    answers = adapter.purge_all(storages["default"], wanted)
    assert [answer["file"] for answer in answers] == ["deleted"] * len(wanted)
    assert sorted(bucket.versions()) == sorted(entry for entry in before if entry[0] in others)


def test_a_crowded_folder_is_not_listed_to_its_end(bucket: Bucket) -> None:
    names = some(bucket, 20)
    wanted = [names[0], names[9], names[19]]
    asked = calls(storages["default"].connection.meta.client)
    adapter.purge_all(storages["default"], wanted)
    assert asked.count("ListObjectVersions") == 6, "so few are asked for by themselves"
    assert {key for key, _ in bucket.versions()} == {*names} - {*wanted}


def test_one_that_is_refused_does_not_stop_the_others(bucket: Bucket, caplog: pytest.LogCaptureFixture) -> None:
    """By the answer for one key, by the call that names it, and where it is listed with others."""
    names = some(bucket, 20)
    in_answer, in_call, listed = names[2], names[8], names[13]
    s3 = storages["default"].connection.meta.client

    asked: list[bytes] = []

    def refuse(request: Any, **_: Any) -> Any:
        asked.append(request.body or b"")
        if request.method == "POST" and in_call.encode() in request.body:
            return answered(request, "<Error><Code>MalformedXML</Code></Error>", 400)
        prefix = parse_qs(urlsplit(request.url).query).get("prefix") if "versions" in request.url else None
        if prefix in (["clients/"], [listed]):
            return answered(request, "<Error><Code>InvalidArgument</Code></Error>", 400)
        return None

    def lock(parsed: dict[str, Any], **_: Any) -> None:
        if "Error" not in parsed and in_answer.encode() in asked[-1]:
            parsed["Errors"] = [{"Key": in_answer, "Code": "AccessDenied"}]

    s3.meta.events.register("after-call.s3.DeleteObjects", lock)
    s3.meta.events.register("before-send.s3", refuse)
    outbox.record_all("file.delete", [{"name": name} for name in names])
    assert outbox.drain() == 17
    causes = dict(Effect.objects.filter(done_at=None).values_list("payload__name", "last_error"))
    assert causes == {
        in_answer: causes[in_answer],
        in_call: "The object store answered MalformedXML.",
        listed: "The object store answered InvalidArgument.",
    }
    assert re.fullmatch(r"The object store refused [12] of 2 deletions \(AccessDenied\)\.", causes[in_answer])
    assert {key for key, _ in bucket.versions()} >= {in_call, listed}
    assert not any(name in caplog.text for name in names)


def test_a_store_that_needs_its_time_for_many_gets_it(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call for many that is not answered in time is made again for fewer at once, in the same try."""
    names = some(bucket, 8)
    s3 = storages["default"].connection.meta.client
    sizes: list[int] = []

    def slow(request: Any, **_: Any) -> None:
        sizes.append(request.body.count(b"<Key>"))
        if sizes[-1] > 3:
            raise ReadTimeoutError(endpoint_url="nowhere")

    monkeypatch.setattr("botocore.retryhandler.random.random", lambda: 0.01)
    s3.meta.events.register("before-send.s3.DeleteObjects", slow)
    outbox.record_all("file.delete", [{"name": name} for name in names])
    assert outbox.drain() == 8
    assert bucket.versions() == []
    assert [size for size in sizes if size <= 3] == [3, 3, 3, 3, 3, 3, 1]


@pytest.mark.parametrize(
    ("address", "cause", "most"),
    [
        ("http://127.0.0.1:9", "The object store did not answer (EndpointConnectionError).", 30),
        (None, "The object store answered NoSuchBucket.", 1),
    ],
)
def test_what_no_key_will_get_is_not_asked_for_each(
    bucket: Bucket, settings: Any, address: str | None, cause: str, most: int
) -> None:
    default = settings.STORAGES["default"]
    options = default["OPTIONS"] | ({"endpoint_url": address} if address else {"bucket_name": "nobody-has-it"})
    settings.STORAGES = settings.STORAGES | {"default": default | {"OPTIONS": options}}
    outbox.record_all("file.delete", [{"name": f"clients/{number}.png"} for number in range(200)])
    asked = calls(storages["default"].connection.meta.client)
    assert outbox.drain() == 0
    assert set(Effect.objects.values_list("last_error", "attempts")) == {(cause, 1)}
    assert 1 <= len(asked) <= most


# --- refusals ---------------------------------------------------------------------------------------------------------
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
