"""Files in an object store: nothing of one is left (row F15).

In a versioned bucket "delete" only hides a file: every version stays, and a marker is put on top. An upload in parts
that was never finished is in no listing at all. :func:`purge` takes all of it, for storages of ``django-storages`` and
for any other storage that has a ``purge(name)`` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.files.storage import Storage
from django.core.files.utils import validate_file_name

from lethe.outbox import Retry

#: The most keys that one DeleteObjects call takes.
BATCH = 1_000
#: How often a key is looked at again: somebody may be writing it while it is purged.
ROUNDS = 5
#: What an object store answers for what is gone already.
GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload"}


def purge(storage: Storage, name: str) -> dict[str, Any]:
    """Delete a file with all its versions; returns a receipt of numbers. Gone already is done.

    Raises ``lethe.outbox.Retry`` where the object store refused anything; the cause is its error code, never a key.
    """
    own = getattr(storage, "purge", None)
    if own is not None:
        return dict(own(name))
    if _is_s3(storage):
        return _purge_s3(storage, name)
    existed = storage.exists(name)
    if existed:
        storage.delete(name)
    return {"file": "deleted" if existed else "was gone"}


def _is_s3(storage: Storage) -> bool:
    try:
        from storages.backends.s3 import S3Storage
    except ImportError:  # without django-storages there can be no storage of its kind
        return False
    return isinstance(storage, S3Storage)


def _purge_s3(storage: Any, name: str) -> dict[str, Any]:
    from botocore.exceptions import BotoCoreError, ClientError
    from storages.utils import clean_name, safe_join

    validate_file_name(name, allow_relative_path=True)
    key = safe_join(storage.location, clean_name(name))
    client, bucket = storage.connection.meta.client, storage.bucket_name
    tally = {"versions": 0, "markers": 0, "uploads": 0}
    try:
        for _ in range(ROUNDS):
            # Uploads first: one that is finished in between becomes a version, which the next step finds.
            uploads = _end_uploads(client, bucket, key)
            versions, markers = _delete_versions(client, bucket, key)
            tally["uploads"] += uploads
            tally["versions"] += versions
            tally["markers"] += markers
            if not uploads and not versions and not markers:
                return {"file": "deleted" if any(tally.values()) else "was gone"} | tally
    except ClientError as error:
        raise Retry(f"The object store answered {_code(error.response.get('Error', {}).get('Code'))}.") from None
    except BotoCoreError as error:
        # Its text names the address, and with it the key.
        raise Retry(f"The object store did not answer ({type(error).__name__}).") from None
    raise Retry("The object store still lists the file, or somebody is writing it.")


def _end_uploads(client: Any, bucket: str, key: str) -> int:
    """Abort every upload in parts that is open for the key; returns how many there were."""
    from botocore.exceptions import ClientError

    ended = 0
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key):
        for upload in page.get("Uploads", ()):
            if upload["Key"] != key:
                continue
            ended += 1
            try:
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") not in GONE:
                    raise
    return ended


def _delete_versions(client: Any, bucket: str, key: str) -> tuple[int, int]:
    """Delete every version and delete marker of the key; returns how many of each there were."""
    versions = markers = 0
    batch: list[dict[str, str]] = []
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
        found = [
            [{"Key": key, "VersionId": entry["VersionId"]} for entry in page.get(kind, ()) if entry["Key"] == key]
            for kind in ("Versions", "DeleteMarkers")
        ]
        versions += len(found[0])
        markers += len(found[1])
        batch += [*found[0], *found[1]]
        if not any(found):
            break  # Keys come in order, and the key itself before all that begin with it.
    for part in _parts(batch):
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": part, "Quiet": True})
        refused = [error for error in answer.get("Errors", ()) if error.get("Code") not in GONE]
        if refused:
            code = _code(refused[0].get("Code"))
            raise Retry(f"The object store refused {len(refused)} of {len(part)} deletions ({code}).")
    return versions, markers


def _parts(objects: Sequence[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    for start in range(0, len(objects), BATCH):
        yield list(objects[start : start + BATCH])


def _code(answered: Any) -> str:
    """An error code as the store gave it, if it looks like one: it is shown to people and must not carry a key."""
    return answered if isinstance(answered, str) and re.fullmatch(r"[A-Za-z0-9]{1,60}", answered) else "an error"
