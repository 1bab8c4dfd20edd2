"""Sending one signed message to one address, by the Standard Webhooks rules.

No redirect is followed (it could lead inside), no proxy of the environment is used (it would look the name up itself),
and of the answer only the status is read.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from typing import TypeVar

from standardwebhooks import Webhook

from clubhouse.webhooks.addresses import Target, target

#: Seconds for each silence, and for all of it, from the first connection on: neither a name with many dead addresses
#: nor a trickle of bytes, in the handshake or after it, may hold a worker.
SILENCE, WHOLE = 10.0, 20.0


_Link = TypeVar("_Link", bound=socket.socket)


class NotReached(Exception):
    """Nobody answered as HTTP does; the message is the kind of failure and holds no address."""


def post(url: str, message: str, body: str, *, secrets: Sequence[str], now: datetime.datetime) -> int:
    """Send a message; returns the status of the answer. Raises ``NotAllowed`` or :class:`NotReached`."""
    where = target(url)
    headers = {
        "Host": where.host_header,
        "Content-Type": "application/json",
        "User-Agent": "clubhouse-webhooks",
        "Connection": "close",
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message, now, body) for secret in secrets),
    }
    try:
        with _Deadline(WHOLE) as deadline:
            return _exchange(_connected(where, deadline), where, body.encode(), headers, deadline)
    except ssl.SSLError:
        raise NotReached("its certificate is not valid") from None
    except TimeoutError:
        raise NotReached("it did not answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        raise NotReached(f"no answer ({type(error).__name__})") from None


class _Deadline:
    """Cuts whatever connection is open when the time is up; what fails because of that is a ``TimeoutError``."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._timer = threading.Timer(seconds, self._cut)
        self._link: socket.socket | None = None

    def check(self) -> float:
        """Seconds that are left. Raises ``TimeoutError`` where none are."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def watch(self, link: _Link) -> _Link:
        """Cut this connection when the time is up, and close it at the end; returns it. Raises ``TimeoutError``."""
        self._link = link
        # It may have been up while there was nothing to cut yet.
        self.check()
        return link

    def _cut(self) -> None:
        if self._link is not None:
            with contextlib.suppress(OSError):
                # Not by its own method: one that is being secured refuses until the handshake is over.
                socket.socket.shutdown(self._link, socket.SHUT_RDWR)

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        self._timer.cancel()
        if self._link is not None:
            self._link.close()
        # What was cut off reads like an answer that ended early, or like a broken handshake.
        if (
            kind is not None
            and issubclass(kind, (OSError, http.client.HTTPException))
            and self._ends <= time.monotonic()
        ):
            raise TimeoutError from None


def _exchange(link: socket.socket, where: Target, body: bytes, headers: dict[str, str], deadline: _Deadline) -> int:
    connection = http.client.HTTPConnection(where.host, where.port)
    # The socket is the one to the checked address; the connection never opens one by itself.
    connection.auto_open = 0
    connection.sock = link
    connection.request("POST", where.path, body, headers)
    with connection.getresponse() as response:
        # What was cut off in the middle of its headers reads like an answer that has no more of them.
        deadline.check()
        return response.status


def _connected(where: Target, deadline: _Deadline) -> socket.socket:
    """Connect to the first of the checked addresses that takes the connection."""
    failure: OSError = OSError()
    for address in where.addresses:
        try:
            link = socket.create_connection((address, where.port), timeout=min(SILENCE, deadline.check()))
        except OSError as error:
            failure = error
            continue
        deadline.watch(link)
        if not where.secure:
            return link
        # The handshake comes after the watch has begun: it too can trickle.
        safe = deadline.watch(_trust().wrap_socket(link, server_hostname=where.host, do_handshake_on_connect=False))
        safe.do_handshake()
        return safe
    raise failure


@functools.cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
