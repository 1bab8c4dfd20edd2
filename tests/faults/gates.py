"""Gates: a loopback port before each outside part that can be slow, down, rate-limited, wrong, or lose the answer.

What stands behind a gate is real. A gate counts nothing itself but the requests with an idempotency key that it let
through; everything else is asked of the part behind it.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import threading
import time
from typing import Final

#: How a gate may stand. "lost": the other side does it, and its answer never arrives.
MODES: Final = ("slow", "down", "limited", "wrong", "garbage", "lost")
#: Seconds that a slow gate holds a connection; longer than the timeouts of the process under test.
HOLD: Final = 1.0
_ASKED = re.compile(rb"^(POST|DELETE) (\S+) HTTP", re.MULTILINE)
_ONCE = re.compile(rb"^idempotency-key: (\S+)", re.MULTILINE | re.IGNORECASE)


class Gate:
    """A port that passes connections on to ``upstream``, or does to them what ``mode`` says, ``left`` times."""

    def __init__(self, upstream: int, *, speaks: str = "http") -> None:
        self.upstream, self.speaks = upstream, speaks
        self.mode, self.left = "pass", 0
        #: (method and path, idempotency key) of what was passed on.
        self.asked: list[tuple[str, str]] = []
        #: Connections that are open; a slow one may outlive the process that made it.
        self.open = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """The gate's address for HTTP."""
        return f"http://127.0.0.1:{self.port}"

    def stand(self, mode: str, times: int) -> None:
        """Do ``mode`` to so many connections, then pass again."""
        self.mode, self.left = mode, times

    def reset(self) -> None:
        """Pass, and forget what was asked."""
        self.mode, self.left = "pass", 0
        self.asked.clear()

    def close(self) -> None:
        """Listen no more."""
        self._listener.close()

    # --- one connection -----------------------------------------------------------------------------------------------
    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            mode = "pass"
            if self.left > 0:
                self.left -= 1
                mode = self.mode
            with self._lock:
                self.open += 1
            threading.Thread(target=self._serve, args=(client, mode), daemon=True).start()

    def _serve(self, client: socket.socket, mode: str) -> None:
        try:
            self._served(client, mode)
        finally:
            with self._lock:
                self.open -= 1

    def _served(self, client: socket.socket, mode: str) -> None:
        with contextlib.suppress(OSError), client:
            client.settimeout(30)
            if mode == "down":
                return
            if mode in {"limited", "wrong", "garbage"}:
                self._answer(client, mode)
                return
            if mode == "slow":
                time.sleep(HOLD)
            with socket.create_connection(("127.0.0.1", self.upstream), timeout=30) as server:
                self._pump(client, server, lose=mode == "lost")

    def _answer(self, client: socket.socket, mode: str) -> None:
        noise = random.Random(self.port).randbytes(80).replace(b"\n", b"?")
        if self.speaks == "smtp":
            said = {"limited": b"421 4.7.0 Too many connections\r\n", "wrong": b"451 4.3.0 Something broke\r\n"}
            client.sendall(said.get(mode, noise + b"\r\n"))
            return
        _read_request(client)
        status = {"limited": b"429 Too Many Requests", "wrong": b"500 Internal Server Error"}.get(mode)
        body = b"<html>no</html>" if status else noise
        head = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        client.sendall((head % (status, len(body)) if status else b"") + body)

    def _pump(self, client: socket.socket, server: socket.socket, *, lose: bool) -> None:
        """Carry bytes both ways. Where the answer is to be lost, end it when the deed has been asked for in full."""
        whole = threading.Event()

        def up() -> None:
            sent = b""
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    self._note(data)
                    sent = (sent + data)[-200_000:]
                    if self.speaks == "http" or b"\r\n.\r\n" in sent:
                        whole.set()
                    server.sendall(data)
                server.shutdown(socket.SHUT_WR)

        threading.Thread(target=up, daemon=True).start()
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if lose and whole.is_set():
                    return
                client.sendall(data)

    def _note(self, data: bytes) -> None:
        for found in _ASKED.finditer(data):
            once = _ONCE.search(data, found.end())
            self.asked.append(
                (f"{found[1].decode()} {found[2].decode().partition('?')[0]}", once[1].decode() if once else "")
            )


def _read_request(client: socket.socket) -> None:
    """Read one request, so that the answer does not meet a closed ear."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65536)
        if not piece:
            return
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    wanted = int(length[1]) if length else 0
    while len(body) < wanted and (piece := client.recv(65536)):
        body += piece
