"""Row P14: a webhook goes to a public address, and to the very one that was checked."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from clubhouse.environment import networks
from clubhouse.schedule.models import Club
from clubhouse.webhooks import sending, services
from clubhouse.webhooks.addresses import NotAllowed, is_allowed, target
from clubhouse.webhooks.models import Delivery, Endpoint, new_secret
from clubhouse.webhooks.sending import NotReached, post
from lethe import outbox
from lethe.models import Effect
from tests.clubhouse.outside.conftest import allow_loopback
from tests.support.outside import Listener

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",  # noqa: S104 (an address to refuse, not one to listen on)
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::1",
    # An IPv4 address in its oldest clothes, site-local, a network's own translation in two forms, Teredo, segments.
    "::127.0.0.1",
    "::a00:1",
    "fec0::1",
    "64:ff9b:1::a00:1",
    "64:ff9b:1:a9fe:a9:fe00:101:101",
    "2001:0:7f00:1::",
    "5f00::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_refused(address: str) -> None:
    assert not is_allowed(address)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(NotAllowed, match="private network"):
        target(f"https://{host}/hooks")


@pytest.mark.parametrize("address", ["93.184.216.34", "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST",
        "2130706433",
        "0x7f000001",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "0.0.0.0",  # noqa: S104 (an address to refuse)
        "2852039166",
        "169.254.43518",
        "0xa9fea9fe",
        "\uff11\uff12\uff17.0.0.1",
        "\u2460\u2461\u2466.0.0.1",
    ],
)
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(NotAllowed, match="private network"):
        target(f"https://{host}/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "not an address"),
        ("example.com/hooks", "not an address"),
        ("ftp://example.com/", "not an address"),
        ("https:///hooks", "not an address"),
        ("https://exa mple.com/", "not an address"),
        ("https://example.com/\r\nHost: inside", "not an address"),
        ("https://1.1.1.1:99999/", "not an address"),
        ("https://[1.1.1.1/", "not an address"),
        ("https://user:secret@1.1.1.1/", "user name"),
        ("https://1.1.1.1/#part", "user name"),
        ("http://1.1.1.1/", "https://"),
        ("https://no-such-name.invalid/", "not known"),
    ],
)
def test_what_cannot_be_called_is_refused_with_a_reason(url: str, why: str) -> None:
    with pytest.raises(NotAllowed, match=why) as refused:
        target(url)
    assert "secret" not in str(refused.value)


def test_one_private_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    stands_for(monkeypatch, "mixed.test", [["1.1.1.1", "10.0.0.1"]])
    with pytest.raises(NotAllowed, match="private network"):
        target("https://mixed.test/")


def test_a_dot_at_the_end_is_looked_up_and_left_out_of_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = stands_for(monkeypatch, "dotted.test.", [["1.1.1.1"], ["127.0.0.1"]])
    found = target("https://dotted.test./hooks")
    assert (found.host, found.host_header, found.addresses) == ("dotted.test", "dotted.test", ("1.1.1.1",))
    with pytest.raises(NotAllowed, match="private network"):
        target("https://dotted.test./hooks")
    assert looked_up == ["dotted.test."] * 2


def test_networks_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core.exceptions import ImproperlyConfigured

    monkeypatch.setenv("CLUBHOUSE_WEBHOOK_NETWORKS", "10.2.0.0/16, ::1/128")
    assert [str(network) for network in networks("CLUBHOUSE_WEBHOOK_NETWORKS")] == ["10.2.0.0/16", "::1/128"]
    monkeypatch.setenv("CLUBHOUSE_WEBHOOK_NETWORKS", "10.2.0.1/16")
    with pytest.raises(ImproperlyConfigured, match="CLUBHOUSE_WEBHOOK_NETWORKS"):
        networks("CLUBHOUSE_WEBHOOK_NETWORKS")


def stands_for(monkeypatch: pytest.MonkeyPatch, name: str, answers: list[list[str]]) -> list[str]:
    """Let a name stand for these addresses, one list after the other; gives the list of look-ups."""
    real, looked_up = socket.getaddrinfo, []

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != name:
            return real(host, port, *args, **kwargs)
        looked_up.append(host)
        now = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in now for entry in real(address, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return looked_up


# --- at the time of delivery ------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_name_that_leads_inside_later_is_refused_then(club: Club, http_listener: Listener) -> None:
    """It was public when it was registered; "localhost" is what it stands for now."""
    port = http_listener.address.rpartition(":")[2]
    endpoint = Endpoint.objects.create(business=club.business, url=f"http://localhost:{port}/canary")
    services.send_test(endpoint)
    assert outbox.drain() == 0
    assert http_listener.asked == []
    assert "private network" in Effect.objects.get().last_error
    assert "private network" in Delivery.objects.get().error
    assert "canary" not in Effect.objects.get().last_error


def test_the_connection_goes_to_the_address_that_was_checked(
    settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch, http_listener: Listener
) -> None:
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.1/32")]
    port = http_listener.address.rpartition(":")[2]
    looked_up = stands_for(monkeypatch, "rebind.test", [["127.0.0.1"], ["169.254.169.254"]])
    assert send(f"http://rebind.test:{port}/") == 200
    assert looked_up == ["rebind.test"]
    assert http_listener.asked[0].headers["host"] == f"rebind.test:{port}"
    with pytest.raises(NotAllowed, match="private network"):
        send(f"http://rebind.test:{port}/")
    assert len(http_listener.asked) == 1


def test_no_proxy_of_the_environment_is_used(
    settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch, http_listener: Listener
) -> None:
    allow_loopback(settings)
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(http_listener.address) == 200


def send(url: str) -> int:
    return post(url, "msg_1", "{}", secrets=[new_secret()], now=timezone.now())


# --- endpoints that misbehave -----------------------------------------------------------------------------------------
@contextlib.contextmanager
def raw_server(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that sends these bytes, the last of them for ever where there is a pause."""
    ends = threading.Event()

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            link, _ = listening.accept()
            with link:
                link.recv(65536)
                for piece in pieces:
                    link.sendall(piece)
                while pause and not ends.wait(pause):
                    link.sendall(pieces[-1])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=[listening], daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            ends.set()
            thread.join(5)


def test_a_trickle_of_bytes_does_not_hold_a_worker(settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(settings)
    monkeypatch.setattr(sending, "WHOLE", 0.5)
    started = time.monotonic()
    with raw_server(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", pause=0.1) as address, pytest.raises(NotReached) as caught:
        send(address)
    assert str(caught.value) == "it did not answer in time"
    assert time.monotonic() - started < 4


def test_a_handshake_that_trickles_does_not_hold_a_worker(
    settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_loopback(settings)
    monkeypatch.setattr(sending, "WHOLE", 0.5)
    started = time.monotonic()
    # The head of a TLS record of 16 KB whose bytes come one by one.
    with raw_server(b"\x16\x03\x03\x40\x00", b"\x02", pause=0.1) as address, pytest.raises(NotReached) as caught:
        send(address.replace("http:", "https:"))
    assert str(caught.value) == "it did not answer in time"
    assert time.monotonic() - started < 4


def test_a_name_with_many_dead_addresses_does_not_hold_a_worker(
    settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_loopback(settings)
    monkeypatch.setattr(sending, "WHOLE", 0.5)
    stands_for(monkeypatch, "dead.test", [[f"127.0.0.{n}" for n in range(1, 60)]])

    def silent(address: Any, timeout: float) -> socket.socket:
        time.sleep(min(timeout, 0.2))
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", silent)
    started = time.monotonic()
    with pytest.raises(NotReached, match="did not answer in time"):
        send("http://dead.test:9/")
    assert time.monotonic() - started < 2


def test_silence_ends_too(settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    allow_loopback(settings)
    monkeypatch.setattr(sending, "SILENCE", 0.3)
    with raw_server(b"", pause=0.1) as address, pytest.raises(NotReached, match="did not answer in time"):
        send(address)


@pytest.mark.parametrize("answer", [b"", b"not http at all\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_answer_is_said(settings: SettingsWrapper, answer: bytes) -> None:
    allow_loopback(settings)
    with raw_server(answer) as address, pytest.raises(NotReached, match=r"no answer \(\w+\)"):
        send(address)


def test_nobody_there_is_said(settings: SettingsWrapper) -> None:
    allow_loopback(settings)
    with pytest.raises(NotReached, match="ConnectionRefusedError"):
        send("http://127.0.0.1:9/")


# --- TLS --------------------------------------------------------------------------------------------------------------
def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize(
    ("name", "trusted", "fails"),
    [("localhost", True, ""), ("localhost", False, "certificate"), ("other.test", True, "certificate")],
)
def test_the_certificate_has_to_be_that_of_the_name(
    settings: SettingsWrapper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, trusted: bool, fails: str
) -> None:
    allow_loopback(settings)
    own = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(own))
    sending._trust.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    seen: list[bytes] = []

    def serve(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            link, _ = listening.accept()
            with link, context.wrap_socket(link, server_side=True) as safe:
                # To its end: closing with the body unread would reset the connection under the answer.
                asked = b""
                while not asked.endswith(b"\r\n\r\n{}") and (more := safe.recv(65536)):
                    asked += more
                seen.append(asked)
                safe.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    try:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            thread = threading.Thread(target=serve, args=[listening], daemon=True)
            thread.start()
            address = f"https://localhost:{listening.getsockname()[1]}/hooks"
            if fails:
                with pytest.raises(NotReached, match=fails):
                    send(address)
            else:
                assert send(address) == 204
            thread.join(5)
    finally:
        sending._trust.cache_clear()
    assert bool(seen) is not bool(fails), "nothing is said before the certificate has been checked"
