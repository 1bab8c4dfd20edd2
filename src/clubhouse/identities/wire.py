"""Talking to a provider over HTTP: only where a business may make us call, briefly, and never more than a page.

The address is a business's to type, so each name is looked up here, all that it stands for is checked, and the
connection goes to what was checked, by the same rules as a webhook's. No redirect is followed, and no proxy of the
environment is used.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session
from django.utils.translation import gettext as _
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from clubhouse.webhooks.addresses import NotAllowed, target

#: Seconds to connect and for each silence; for all of an answer; and the largest answer in bytes.
TIMEOUT, WHOLE, LARGEST = (5.0, 10.0), 20.0, 1024 * 1024


class NotReached(Exception):
    """The provider did not answer as expected; the message is the kind of failure and holds no address."""


class _Checked:
    """Connects to the first of the checked addresses that takes the connection."""

    scheme = "http"

    def _new_conn(self) -> socket.socket:
        me: Any = self
        host = f"[{me.host}]" if ":" in me.host else me.host
        failure: Exception = OSError()
        for address in target(f"{self.scheme}://{host}:{me.port}/").addresses:
            try:
                return socket.create_connection((address, me.port), timeout=TIMEOUT[0])
            except OSError as error:
                failure = error
        raise NewConnectionError(me, type(failure).__name__)


class _PlainConnection(_Checked, HTTPConnection):
    """Plain HTTP: allowed in the deployment's own networks alone, which ``target`` sees to."""


class _SecureConnection(_Checked, HTTPSConnection):
    scheme = "https"


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}


class ProviderSession(OAuth2Session):
    """authlib's client, over checked connections."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.trust_env = False
        self.mount("http://", _Adapter())
        self.mount("https://", _Adapter())

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        kwargs |= {"allow_redirects": False, "stream": True, "timeout": TIMEOUT}
        ends = time.monotonic() + WHOLE
        response: requests.Response = super().send(request, **kwargs)
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(16_384):
            size += len(part)
            if size > LARGEST or time.monotonic() > ends:
                response.close()
                raise NotReached(_("its answer is too long"))
            parts.append(part)
        response._content = b"".join(parts)
        return response


@contextlib.contextmanager
def said_kindly() -> Any:
    """Turn what goes wrong on the way into :class:`NotReached`, without an address in it."""
    try:
        yield
    except NotAllowed as error:
        raise NotReached(str(error)) from None
    except requests.Timeout:
        raise NotReached(_("it did not answer in time")) from None
    except requests.exceptions.SSLError:
        raise NotReached(_("its certificate is not valid")) from None
    except (requests.RequestException, OSError) as error:
        raise NotReached(_("no answer (%(error)s)") % {"error": type(error).__name__}) from None


def get_json(session: ProviderSession, url: str) -> dict[str, Any]:
    """Fetch a JSON object. Raises :class:`NotReached`."""
    with said_kindly():
        answer = session.get(url, withhold_token=True, headers={"Accept": "application/json"})
    if answer.status_code != 200:
        raise NotReached(_("it answered %(status)s") % {"status": answer.status_code})
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise NotReached(_("its answer is not what an OpenID provider says"))
    return said
