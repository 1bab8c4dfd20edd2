"""OpenStack Swift with ``s3api`` on loopback: a real object store, which refuses bad credentials, as moto does not.

Processes of the environment that ``requirements/swift.lock`` lists (``bin/stores`` makes it), a ring of one disk and
one replica, in a temporary folder. One of them is a second door without sign-in, for tests that look from the other
side: it names the containers that S3 does not show, with the parts of uploads and the versions of files.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tests.support.mail import free_port
from tests.support.outside import answers, end
from tests.support.parts import BUCKET, store_client

ACCOUNT: Final = "AUTH_club"
#: The key's id and its secret; Swift takes no other.
CREDENTIALS: Final = ("club:web", secrets.token_urlsafe(16))
#: In the order in which they start.
SERVERS: Final = ("account", "container", "object", "proxy", "inside")

_RUN = """
import sys
folder, what, path = sys.argv[1:]
from swift.common import daemon, utils, wsgi
utils.set_swift_dir(folder)
if what == "tidy":
    from swift.container.updater import ContainerUpdater
    from swift.obj.expirer import ObjectExpirer
    kind = {"container": ContainerUpdater, "object": ObjectExpirer}[path]
    daemon.run_daemon(kind, f"{folder}/{path}.conf", once=True)
else:
    sys.exit(wsgi.run_wsgi(path, what + "-server", verbose=True))
"""
_COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
workers = 0
log_level = ERROR
log_udp_host = 127.0.0.1
log_udp_port = {nobody}
"""
_BACKEND = """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
#: What tells of the queue of things to delete, and what works it off; see :meth:`Swift.tidy`.
_DAEMONS = """
[container-updater]
recon_cache_path = {folder}
[object-expirer]
dequeue_from_legacy = true
recon_cache_path = {folder}
internal_client_conf_path = {folder}/queue.conf
"""
#: ``versioned_writes`` makes links, so ``symlink`` has to come after it; s3api and slo come before both.
_PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth copy slo dlo versioned_writes symlink proxy-server
[filter:s3api]
use = egg:swift#s3api
min_segment_size = 1
[filter:tempauth]
use = egg:swift#tempauth
{credentials}
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
"""
_INSIDE = """
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats symlink proxy-server
"""
#: The expirer's own way in.
_QUEUE = """
[pipeline:main]
pipeline = catch_errors symlink proxy-server
"""
_PARTS = """
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
allow_reserved_names_header = {inside}
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:symlink]
use = egg:swift#symlink
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
error_suppression_interval = 1
"""


class Swift:
    """A Swift: ``address`` is where it speaks S3. Its processes are started and ended one by one."""

    def __init__(self, interpreter: str, folder: Path) -> None:
        self.interpreter, self.folder = interpreter, folder
        self.ports = {kind: free_port() for kind in SERVERS}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "devices" / "d1").mkdir(parents=True)
        suffix = f"[swift-hash]\nswift_hash_path_suffix = {secrets.token_hex(8)}\n"
        (folder / "swift.conf").write_text(f"{suffix}[storage-policy:0]\nname = one\ndefault = yes\n")
        for kind in SERVERS[:3]:
            self._ring(kind)
            self._write(kind, _COMMON + _BACKEND + _DAEMONS)
        self._write("proxy", _COMMON + _PROXY + _PARTS)
        self._write("inside", _COMMON + _INSIDE + _PARTS)
        self._write("queue", _COMMON + _QUEUE + _PARTS)

    @property
    def address(self) -> str:
        """Where S3 is spoken."""
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def start(self, kind: str) -> None:
        """Start one of :data:`SERVERS` and wait until it answers. Raises ``RuntimeError`` where it does not."""
        with (self.folder / f"{kind}.log").open("ab") as log:
            what, conf = "proxy" if kind == "inside" else kind, self.folder / f"{kind}.conf"
            self.running[kind] = subprocess.Popen(
                self._python("-c", _RUN, str(self.folder), what, str(conf)),
                cwd=self.folder, env=_quiet(), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        if not answers(self.running[kind], self.ports[kind]):
            raise RuntimeError(f"Swift's {kind} server did not start: {self.said(kind)}")

    def stop(self, kind: str) -> None:
        """End one of the processes, by its id."""
        end(self.running.pop(kind))

    def said(self, kind: str) -> str:
        """The end of what one of the processes has reported."""
        return (self.folder / f"{kind}.log").read_text(errors="replace").strip()[-600:]

    def tidy(self) -> None:
        """What a Swift does every few minutes: delete the parts of uploads whose manifest is gone, by its own queue."""
        for kind in ("container", "object"):
            self._call("-c", _RUN, str(self.folder), "tidy", kind)

    def everything(self) -> dict[str, list[str]]:
        """Every container of the account, also those that S3 does not show, and the names in each."""
        containers = [entry["name"] for entry in self._list("")]
        return {name: [entry["name"] for entry in self._list(name)] for name in containers}

    def stored(self) -> bytes:
        """The bytes of every object on the disk, whichever container it is in, and whether or not any lists it."""
        return b"\n".join(path.read_bytes() for path in sorted(self.folder.glob("devices/d1/objects/**/*.data")))

    def _list(self, container: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            marker = quote(found[-1]["name"], safe="") if found else ""
            address = f"http://127.0.0.1:{self.ports['inside']}/v1/{ACCOUNT}/{quote(container, safe='')}"
            asked = urllib.request.Request(
                f"{address.rstrip('/')}?format=json&marker={marker}",
                # Containers of versions are among those that are reserved.
                headers={"X-Allow-Reserved-Names": "true"},
            )
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=30) as answer:
                page = json.loads(answer.read() or b"[]")
            if not page:
                return found
            found += page

    def _write(self, kind: str, words: str) -> None:
        name, secret = CREDENTIALS
        values = {
            "kind": kind,
            "port": self.ports.get(kind, 0),
            "nobody": free_port(),
            "user": getpass.getuser(),
            "folder": self.folder,
            "credentials": f"user_{name.replace(':', '_')} = {secret} .admin",
            "inside": kind == "inside",
        }
        path = self.folder / f"{kind}.conf"
        path.write_text(words.format(**values))
        path.chmod(0o600)

    def _ring(self, kind: str) -> None:
        program = str(Path(self.interpreter).with_name("swift-ring-builder"))
        disk = f"r1z1-127.0.0.1:{self.ports[kind]}/d1"
        for words in (["create", "2", "1", "0"], ["add", disk, "1"], ["rebalance"]):
            self._call(program, str(self.folder / f"{kind}.builder"), *words)

    def _call(self, *words: str) -> None:
        done = subprocess.run(
            self._python(*words), cwd=self.folder, env=_quiet(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"Swift's {words[-1]}: {(done.stdout + done.stderr).strip()[-600:]}")

    def _python(self, *words: str) -> list[str]:
        return [self.interpreter, "-W", "ignore", *words]


def _quiet() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}


@contextlib.contextmanager
def swift(interpreter: str, folder: Path) -> Iterator[Swift]:
    """A Swift while the block runs. ``interpreter`` is that of the environment that holds it."""
    made = Swift(interpreter, folder)
    try:
        for kind in SERVERS:
            made.start(kind)
        yield made
    finally:
        for kind in reversed(list(made.running)):
            made.stop(kind)


def serve(interpreter: str) -> None:
    """Start a Swift with a versioned bucket, say what to set, and tell what it holds until the input ends."""
    with tempfile.TemporaryDirectory(prefix="clubhouse-swift-") as folder, swift(interpreter, Path(folder)) as store:
        name, secret = CREDENTIALS
        s3 = store_client(store.address, name, secret)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for setting, value in {
            "CLUBHOUSE_S3_BUCKET": BUCKET,
            "CLUBHOUSE_S3_ENDPOINT": store.address,
            "CLUBHOUSE_S3_KEY": name,
            "CLUBHOUSE_S3_SECRET": secret,
        }.items():
            print(f"export {setting}={value}")
        print("\nEnter tells what Swift holds; Ctrl-C ends it.", flush=True)
        for _ in sys.stdin:
            store.tidy()
            for container, names in store.everything().items():
                what = {f"\0versions\0{BUCKET}": "versions", f"{BUCKET}+segments": "parts"}.get(container, "files")
                print(f"{what:<9} {len(names)}")
            print(f"bytes     {len(store.stored()):,}", flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        serve(sys.argv[1])
