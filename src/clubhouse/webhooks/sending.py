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
from collections.abc import Sequence

from standardwebhooks import Webhook

from clubhouse.webhooks.addresses import Target, target

#: Seconds for the connection and for each silence, and for all of it: a trickle of bytes must not hold a worker.
SILENCE, WHOLE = 10.0, 20.0


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
        with contextlib.closing(_connected(where)) as link:
            return _exchange(link, where, body.encode(), headers)
    except ssl.SSLError:
        raise NotReached("its certificate is not valid") from None
    except TimeoutError:
        raise NotReached("it did not answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        raise NotReached(f"no answer ({type(error).__name__})") from None


def _exchange(link: socket.socket, where: Target, body: bytes, headers: dict[str, str]) -> int:
    late = threading.Event()

    def cut() -> None:
        late.set()
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(WHOLE, cut)
    timer.start()
    connection = http.client.HTTPConnection(where.host, where.port)
    # The socket is the one to the checked address; the connection never opens one by itself.
    connection.auto_open = 0
    connection.sock = link
    try:
        connection.request("POST", where.path, body, headers)
        with connection.getresponse() as response:
            # What was cut off reads like an answer that ended early.
            if not late.is_set():
                return response.status
        raise TimeoutError
    except (OSError, http.client.HTTPException):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()


def _connected(where: Target) -> socket.socket:
    """Connect to the first of the checked addresses that takes the connection."""
    failure: OSError = OSError()
    for address in where.addresses:
        try:
            link = socket.create_connection((address, where.port), timeout=SILENCE)
        except OSError as error:
            failure = error
            continue
        if not where.secure:
            return link
        try:
            return _trust().wrap_socket(link, server_hostname=where.host)
        except BaseException:
            link.close()
            raise
    raise failure


@functools.cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
