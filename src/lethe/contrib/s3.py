"""Many keys of a bucket, gone with few calls.

In a versioned bucket "delete" only hides a file: every version stays, and a marker is put on top. An upload in parts
that was never finished is in no listing of files at all. :func:`purge_keys` takes all of it.
"""

from __future__ import annotations

import bisect
import os
import posixpath
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from django.core.files.utils import validate_file_name
from storages.utils import clean_name, safe_join

from lethe.outbox import Retry

#: The most keys that one DeleteObjects call takes.
BATCH = 1_000
#: How often keys are looked at again: somebody may be writing one while it is purged.
ROUNDS = 5
#: So many threads ask for one key each; a client of boto3 keeps ten connections.
THREADS = 8
#: A page of a listing is worth as many calls for one key each.
PAGE = 16
#: A call that deletes and fails is made again in so many: one key may be the reason, or a store that needs its time.
SHARES = 8
#: What an object store answers for what is gone already.
GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchUpload"}
#: What it would answer whatever the key.
FOR_ALL = {"NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"}
#: The rest is not asked for after so many refusals with no answer between; a call without any answer counts for four.
ENOUGH, SILENCE = 12, 4


class Hopeless(Retry):
    """What is still to be asked would be answered like what was asked last: by a refusal, or not at all."""


#: Entries of one page of a listing, each a key and what of it is there; and whether there are more pages.
Page = tuple[list[tuple[str, "Found"]], bool]


@dataclass(frozen=True)
class Found:
    """Something of a key, and its id."""

    what: Literal["versions", "markers", "uploads"]
    id: str


@dataclass
class Key:
    """A key: what of it was found last, how much of what went, and why it cannot go."""

    name: str
    versions: list[Found] = field(default_factory=list)
    uploads: list[Found] = field(default_factory=list)
    went: Counter[str] = field(default_factory=Counter)
    error: Exception | None = None

    @property
    def order(self) -> bytes:
        """Where object stores have it in a listing."""
        return self.name.encode()

    @property
    def receipt(self) -> dict[str, Any]:
        """What went, in numbers."""
        kinds = ("versions", "markers", "uploads")
        return {"file": "deleted" if self.went.total() else "was gone"} | {kind: self.went[kind] for kind in kinds}


def purge_keys(
    storage: Any, names: Sequence[str], working: Callable[[], None]
) -> dict[str, dict[str, Any] | Exception]:
    """Delete files of an ``S3Storage`` with all versions, delete markers and open uploads: a receipt or an error each.

    A file is done when nothing of it is listed any more.
    """
    keys: dict[str, Key] = {}
    answers: dict[str, dict[str, Any] | Exception] = {}
    for name in names:
        try:
            validate_file_name(name, allow_relative_path=True)
            keys[name] = Key(safe_join(storage.location, clean_name(name)))
        except Exception as error:
            answers[name] = error
    if keys:
        # Many threads may use the client; what finds it in the storage is one thread's.
        Purge(storage.connection.meta.client, storage.bucket_name, working).run(list(keys.values()))
    return answers | {name: key.error or key.receipt for name, key in keys.items()}


class Purge:
    """One bucket, and what is said to it."""

    def __init__(self, client: Any, bucket: str, working: Callable[[], None]) -> None:
        self.client, self.bucket, self.working = client, bucket, working
        self._bad, self._lock = 0, threading.Lock()

    def run(self, keys: list[Key]) -> None:
        """Delete, and look again, until nothing is listed; each key has what went, or its error, afterwards."""
        error = Retry("The object store still lists the file, or somebody is writing it.")
        try:
            for _ in range(ROUNDS):
                # Uploads first: one that is finished in between becomes a version, which the next step finds.
                self._each(self._under(keys, "uploads", self._uploads), self._list_uploads)
                self._each([key for key in keys if key.uploads], self._abort)
                self._each(self._in_folders(keys), self._list_versions)
                self._delete([(key, found) for key in keys if not key.error for found in key.versions])
                keys = [key for key in keys if not key.error and (key.uploads or key.versions)]
                if not keys:
                    return
        except Hopeless as hopeless:
            error = hopeless
        for key in keys:
            key.error = key.error or error

    # --- finding ------------------------------------------------------------------------------------------------------
    def _in_folders(self, keys: list[Key]) -> list[Key]:
        """Find versions by listing folders of which many keys are wanted; returns those that are left to ask for."""
        folders: dict[str, list[Key]] = defaultdict(list)
        for key in keys:
            folders[posixpath.dirname(key.name)].append(key)
        left = []
        for wanted in folders.values():
            left += self._under(wanted, "versions", self._versions) if len(wanted) >= PAGE else wanted
        return left

    def _under(self, keys: list[Key], what: str, pages: Callable[[str], Iterable[Page]]) -> list[Key]:
        """Find something of keys in a listing of all that begins as they do, as long as that takes fewer calls than to
        ask for each; returns the keys that are left to ask for."""
        wanted = sorted((key for key in keys if not key.error), key=lambda key: key.order)
        if len(wanted) < 2:
            return wanted
        found: dict[str, list[Found]] = {key.name: [] for key in wanted}
        passed = 0
        try:
            for number, (entries, more) in enumerate(pages(_begin(found)), 1):
                self._answered()
                self.working()
                for name, entry in entries:
                    if name in found:
                        found[name].append(entry)
                # The last key of a page may go on in the next.
                last = max((name.encode() for name, _ in entries), default=b"")
                passed = bisect.bisect_left(wanted, last, key=lambda key: key.order) if more else len(wanted)
                if passed < PAGE * number:
                    break
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            # There may be something that nobody can read, and that is not ours: each key is asked for by itself.
            self._failed(error)
        for key in wanted[:passed]:
            setattr(key, what, found[key.name])
        return wanted[passed:]

    def _list_versions(self, key: Key) -> None:
        key.versions = []
        for entries, _ in self._versions(key.name):
            mine = [entry for name, entry in entries if name == key.name]
            key.versions += mine
            if not mine:
                break  # Keys come in order, and the key itself before all that begin with it.

    def _list_uploads(self, key: Key) -> None:
        pages = self._uploads(key.name)
        key.uploads = [entry for entries, _ in pages for name, entry in entries if name == key.name]

    def _versions(self, prefix: str) -> Iterator[Page]:
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix):
            entries = [(one["Key"], Found("versions", one["VersionId"])) for one in page.get("Versions", ())]
            entries += [(one["Key"], Found("markers", one["VersionId"])) for one in page.get("DeleteMarkers", ())]
            yield entries, bool(page.get("IsTruncated"))

    def _uploads(self, prefix: str) -> Iterator[Page]:
        for page in self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=prefix):
            entries = [(one["Key"], Found("uploads", one["UploadId"])) for one in page.get("Uploads", ())]
            yield entries, bool(page.get("IsTruncated"))

    # --- deleting -----------------------------------------------------------------------------------------------------
    def _abort(self, key: Key) -> None:
        for upload in key.uploads:
            try:
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key.name, UploadId=upload.id)
            except ClientError as error:
                if _code(error) not in GONE:
                    raise
            key.went["uploads"] += 1

    def _delete(self, entries: list[tuple[Key, Found]]) -> None:
        refused: dict[str, list[Any]] = defaultdict(list)
        self._call_in(entries, BATCH, refused)
        asked = Counter(key.name for key, _ in entries)
        for key, found in entries:
            key.went[found.what] += 1
            if codes := refused.get(key.name):
                said = f"The object store refused {len(codes)} of {asked[key.name]} deletions ({_shown(codes[0])})."
                key.error = key.error or Retry(said)

    def _call_in(self, entries: list[tuple[Key, Found]], most: int, refused: dict[str, list[Any]]) -> None:
        for start in range(0, len(entries), most):
            self.working()
            self._call(entries[start : start + most], refused)

    def _call(self, part: list[tuple[Key, Found]], refused: dict[str, list[Any]]) -> None:
        objects = [{"Key": key.name, "VersionId": found.id} for key, found in part]
        try:
            answer = self.client.delete_objects(Bucket=self.bucket, Delete={"Objects": objects, "Quiet": True})
        except Exception as error:
            cause = self._failed(error)
            if len(part) == 1:
                part[0][0].error = cause
            else:
                self._call_in(part, -(-len(part) // SHARES), refused)
            return
        self._answered()
        for fault in answer.get("Errors", ()):
            if fault.get("Code") not in GONE:
                for name in {fault["Key"]} if fault.get("Key") else {key.name for key, _ in part}:
                    refused[name].append(fault.get("Code"))

    # --- asking -------------------------------------------------------------------------------------------------------
    def _each(self, keys: list[Key], ask: Callable[[Key], None]) -> None:
        """Ask for each key, several at once. Raises :class:`Hopeless`."""
        keys = [key for key in keys if not key.error]
        if len(keys) < 2:
            for key in keys:
                self._ask(key, ask)
            return
        pool = ThreadPoolExecutor(min(THREADS, len(keys)))
        try:
            for done in as_completed([pool.submit(self._ask, key, ask) for key in keys]):
                done.result()
                self.working()
        finally:
            pool.shutdown(cancel_futures=True)

    def _ask(self, key: Key, ask: Callable[[Key], None]) -> None:
        try:
            ask(key)
        except Exception as error:
            key.error = self._failed(error)
        else:
            self._answered()

    def _answered(self) -> None:
        with self._lock:
            self._bad = 0

    def _failed(self, error: Exception) -> Retry:
        """What to say of a failure. Raises :class:`Hopeless` where it would be the same for every key."""
        if isinstance(error, ClientError):
            cause, counts = f"The object store answered {_shown(_code(error))}.", 1
        elif isinstance(error, BotoCoreError):
            # Its text names the address, and with it the key.
            cause, counts = f"The object store did not answer ({type(error).__name__}).", SILENCE
        else:
            cause, counts = f"What the object store answered cannot be read ({type(error).__name__}).", 1
        with self._lock:
            self._bad += counts
            enough = self._bad >= ENOUGH
        if enough or _code(error) in FOR_ALL:
            raise Hopeless(cause) from None
        return Retry(cause)


def _begin(names: Iterable[str]) -> str:
    """What all of them begin with, in the middle of a word too."""
    return os.path.commonprefix(list(names))  # noqa: RUF071


def _code(error: Exception) -> Any:
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None


def _shown(code: Any) -> str:
    """An error code as the store gave it, if it looks like one: it is shown to people and must not carry a key."""
    return code if isinstance(code, str) and re.fullmatch(r"[A-Za-z0-9]{1,60}", code) else "an error"
