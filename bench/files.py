"""How many calls to the object store, and how long, it takes to delete the files of many erased clients.

    bin/bench files --clients 334
    .venv/bin/python bench/files.py --clients 334 --others 100000 --latency 20

Each client has three pictures in a versioned bucket of an S3 server on loopback (moto), which counts what it is asked.
The effects are done by the outbox, once one by one and once together. Others have files in the same folder, which stay.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import ground

#: moto, with a count of the calls by what they ask for, and a delay before each answer as a network has one.
_SERVER = """
import json, sys, time
from collections import Counter
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
store, asked, wait = DomainDispatcherApplication(create_backend_app), Counter(), [0.0]
def counting(environ, start):
    path, query = environ["PATH_INFO"], environ["QUERY_STRING"]
    if path == "/asked":
        said, wait[0] = json.dumps(asked).encode(), float(query or 0)
        asked.clear()
        start("200 OK", [("Content-Length", str(len(said)))])
        return [said]
    what = next((word for word in ("uploads", "versions", "delete") if word in query.split("=")[0].split("&")[0]), "")
    asked[f"{environ['REQUEST_METHOD']} {what}".strip()] += 1
    time.sleep(wait[0])
    return store(environ, start)
run_simple("127.0.0.1", int(sys.argv[1]), counting, threaded=True)
"""
SIZES = ("original", "medium", "thumbnail")


@dataclass(frozen=True, kw_only=True)
class Took:
    """What it took: calls by what they ask for, seconds, and how many files were there and are left."""

    asked: dict[str, int]
    seconds: float
    files: int
    left: int
    others: int

    @property
    def calls(self) -> int:
        """All calls together."""
        return sum(self.asked.values())


class Store:
    """The server, and the bucket that is the product's object store."""

    def __init__(self, address: str) -> None:
        from storages.backends.s3 import S3Storage

        self.address, self.bucket = address, f"club-{secrets.token_hex(4)}"
        options = {"access_key": "testing", "secret_key": "testing", "region_name": "us-east-1"}
        self.storage = S3Storage(bucket_name=self.bucket, endpoint_url=address, **options)
        self.s3 = self.storage.connection.meta.client
        self.s3.create_bucket(Bucket=self.bucket)
        versioned = {"Status": "Enabled"}
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration=versioned)

    def asked(self, wait: float = 0) -> dict[str, int]:
        """What was asked since the last time; from now on every call waits so many seconds."""
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
            f"{self.address}/asked?{wait}"
        ) as answer:
            return dict(json.load(answer))

    def names(self) -> list[str]:
        """Every key of which there is a version or a marker."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket)
        return [one["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, ())]


def measure(store: Store, clients: int, others: int, latency: float, *, together: bool) -> Took:
    """Erase so many clients with three pictures each; returns what the store was asked when the outbox did the rest."""
    from django.core.files.base import ContentFile

    from clubhouse.clients.models import Client, ProfileImage
    from lethe import outbox, pipeline
    from lethe.models import Effect
    from tests.support import factories as make

    club = make.make_club(make.make_business())
    people = [make.make_client(club) for _ in range(clients)]
    for person in people:
        image = ProfileImage(client=person)
        for size in SIZES:
            getattr(image, size).save("picture.png", ContentFile(b"pixels"), save=False)
        image.save()
    for _ in range(others):
        store.storage.save(f"clients/{secrets.token_hex(16)}.png", ContentFile(b"pixels"))
    before = len(store.names())
    pipeline.erase(Client, [person.pk for person in people], by="bench", reason="measured")
    Effect.objects.exclude(kind="file.delete").delete()
    store.asked(latency)
    started = time.perf_counter()
    with mock.patch.dict(outbox._together, {} if together else {"file.delete": 1}):
        while Effect.objects.filter(kind="file.delete", done_at=None).exists():
            outbox.drain()
    seconds = time.perf_counter() - started
    asked = store.asked()
    left = len(store.names())
    return Took(asked=asked, seconds=seconds, files=before - others, left=left - others, others=others)


@contextmanager
def counting_store() -> Iterator[Store]:
    """A store that counts, as the product's object store while the block runs."""
    from django.core.files.storage import default_storage, storages

    from tests.support.outside import server

    with tempfile.TemporaryDirectory(prefix="clubhouse-bench-") as folder, server(["-c", _SERVER], Path(folder)) as at:
        store = Store(at)
        storages._storages["default"] = default_storage._wrapped = store.storage  # type: ignore[attr-defined]
        yield store


def main(argv: list[str] | None = None) -> int:
    """Print what it took one by one and together; gives 0 where nothing of the erased is left and all else is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=334, help="how many with three pictures each (334)")
    parser.add_argument("--others", type=int, default=0, help="files of others in the same folder (0)")
    parser.add_argument("--latency", type=float, default=0, help="milliseconds that each answer waits (0)")
    options = parser.parse_args(argv)
    ground.set_up()
    held = True
    with ground.database() as vendor:
        print(f"{vendor}, {options.others:,} files of others, {options.latency:g} ms a call")
        for together in (False, True):
            with counting_store() as store:
                took = measure(store, options.clients, options.others, options.latency / 1000, together=together)
            kinds = ", ".join(f"{count:,} {what}" for what, count in sorted(took.asked.items()))
            way = "together" if together else "one by one"
            print(f"  {way:<11} {took.files:,} files, {took.calls:>6,} calls, {took.seconds:7.1f} s  ({kinds})")
            held = held and took.left == 0 and took.files == 3 * options.clients
    print("held" if held else "NOT HELD: something is left, or of others something is gone")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
