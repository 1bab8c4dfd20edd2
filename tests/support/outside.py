"""Stand-ins for what is outside the database, as processes of their own on free loopback ports."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.mail import free_port

#: localstripe listens everywhere and keeps what it knows in one shared file; here it does neither.
_LOCALSTRIPE = """
import socket, sys
from aiohttp import web
from localstripe import resources
resources.Store.dump_to_disk = lambda self: None
# The provider takes this at the confirmation of a payment too; localstripe knows it at the creation only.
confirm = resources.PaymentIntent._api_confirm
resources.extra_apis[:] = [
    (method, url, (lambda id, off_session=None: confirm(id)) if url.endswith("payment_intents/{id}/confirm") else api)
    for method, url, api in resources.extra_apis
]
from localstripe import server
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
web.run_app(server.app, sock=listener, access_log=None, print=None)
"""


def object_store(folder: Path) -> contextlib.AbstractContextManager[str]:
    """An S3 server (moto) while the block runs; gives its address."""
    return server(["-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p"], folder)


def payment_provider(folder: Path) -> contextlib.AbstractContextManager[str]:
    """A payment provider (localstripe) while the block runs; gives its address."""
    return server(["-c", _LOCALSTRIPE], folder)


@contextlib.contextmanager
def server(arguments: Sequence[str], folder: Path) -> Iterator[str]:
    """Run a Python server that takes its port as last argument, until the block ends."""
    for _ in range(3):
        port = free_port()
        command = [sys.executable, "-W", "ignore", *arguments, str(port)]
        quiet = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        process = subprocess.Popen(
            command, cwd=folder, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            if answers(process, port):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            end(process)
    raise RuntimeError(f"{command[2][:40]!r} did not start on a loopback port")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that was started here, by force where it does not end by itself."""
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    if process.poll() is None:
        process.kill()
        process.wait()


def answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the port takes connections; False where the process ended first (somebody took the port)."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.1)
    return False


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """A real HTTP server: keeps what it is asked, answers as ``answers`` says (the last one again and again)."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: list[tuple[int, dict[str, str], bytes]] = [(200, {}, b"")]
        self.address = ""

    def answer(self, *statuses: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        """Answer with these statuses, one after the other."""
        self.answers = [(status, headers or {}, body) for status in statuses]


@contextlib.contextmanager
def listener() -> Iterator[Listener]:
    """A :class:`Listener` on a free loopback port while the block runs."""
    kept = Listener()

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.asked.append(Asked(self.command, self.path, headers, self.rfile.read(length)))
            status, extra, body = kept.answers.pop(0) if len(kept.answers) > 1 else kept.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **extra}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = handle_one

        def log_message(self, *_: object) -> None:
            """Nothing: what is asked may hold a canary."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        kept.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield kept
        finally:
            server.shutdown()
            thread.join(10)
