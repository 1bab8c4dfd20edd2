"""Which addresses a webhook may go to: public ones, and what the deployment allows beside them (row P14).

A business types these addresses, and our machines call them from inside our network. So a name is looked up here, all
of what it stands for is checked, and the connection goes to the very address that was checked: a name that stands for
something else a moment later changes nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
#: Where IPv6 has public addresses at all (RFC 4291). Outside of it are the old site-local ones (fec0::/10), an IPv4
#: address in its oldest clothes (::a.b.c.d) and a network's own translation (64:ff9b:1::/48); ``is_global`` of this
#: Python takes all three for public.
PUBLIC = ipaddress.IPv6Network("2000::/3")
#: The prefix under which the internet carries an IPv4 address to its own network (RFC 6052).
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


class NotAllowed(Exception):
    """The address cannot be used; the message says why and what to do, and repeats no part of the address."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where to connect: the checked addresses in the order they were given, and what the request says."""

    secure: bool
    host: str
    port: int
    addresses: tuple[str, ...]
    path: str

    @property
    def host_header(self) -> str:
        """The Host header: the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def target(url: str) -> Target:
    """Take an address apart, look its name up and check all that it stands for. Raises :class:`NotAllowed`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise NotAllowed(_("This is not an address. Give one such as https://example.com/hooks.")) from None
    secure = parts.scheme == "https"
    if parts.scheme not in {"https", "http"} or not host or any(letter <= " " or letter == "\x7f" for letter in url):
        raise NotAllowed(_("This is not an address. Give one such as https://example.com/hooks."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise NotAllowed(_("Give the address without a user name, a password or a part after #."))
    with contextlib.suppress(UnicodeError):
        host = host.encode("idna").decode("ascii")
    port = port or (443 if secure else 80)
    addresses = _looked_up(host, port)
    if not all(is_allowed(address) for address in addresses):
        raise NotAllowed(_("The address is inside a private network. Give one that the internet can reach."))
    if not secure and not all(_listed(ipaddress.ip_address(address)) for address in addresses):
        raise NotAllowed(_("The address has to begin with https://, so that nobody on the way can read it."))
    path = parts.path or "/"
    return Target(
        secure=secure,
        # The dot at the end says to the look-up that the name is whole; certificates are made out without it.
        host=host.rstrip("."),
        port=port,
        addresses=tuple(addresses),
        path=f"{path}?{parts.query}" if parts.query else path,
    )


def is_allowed(text: str) -> bool:
    """Whether an IP address is public, or in one of the networks of ``WEBHOOK_NETWORKS``."""
    address = ipaddress.ip_address(text)
    if _listed(address):
        return True
    carried = _carried(address)
    if carried is not None:
        return is_allowed(str(carried))
    if address.version == 6 and address not in PUBLIC:
        return False
    return address.is_global and not address.is_multicast


def _listed(address: Address) -> bool:
    return any(address in network for network in settings.WEBHOOK_NETWORKS if network.version == address.version)


def _carried(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if address.ipv4_mapped or address.sixtofour:
        return address.ipv4_mapped or address.sixtofour
    if address in TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _looked_up(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise NotAllowed(_("The name in the address is not known. Check its spelling.")) from None
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))
