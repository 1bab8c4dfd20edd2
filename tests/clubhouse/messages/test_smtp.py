"""How mail is handed over: its headers, by which encryption and credentials, and what no server ever sees."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import logging
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

from clubhouse.accounts.models import User
from clubhouse.messages.digests import mail_staff
from clubhouse.messages.mail import send
from clubhouse.messages.models import ClientMessage
from clubhouse.messages.outgoing import MOST_ATTEMPTS, send_due_client_messages
from clubhouse.schedule.models import Club
from lethe.outbox import Retry
from tests.clubhouse.messages.test_mail import told
from tests.support import factories as make
from tests.support.mail import Sink, free_port

pytestmark = pytest.mark.django_db

#: Addresses that Django, or smtplib, refuses before a server hears of them; none of them in the same way.
UNMAILABLE = [
    f"zoe@{'b' * 64}.example",
    "zoe@example..com",
    "zoe@",
    "zoe\nquill@example.com",
    f"{'é' * 40}@example.com",
]


def test_headers_of_a_mail_that_nobody_wrote(mail_sink: Sink) -> None:
    assert send("zoe@example.com", "Your\r\nBcc: code", "text", "<p>html</p>", key=("a", 1))
    message = mail_sink.messages[0]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["Subject"] == "Your Bcc: code"
    assert message["Bcc"] is None
    assert message["Date"]
    assert message["Message-ID"].endswith("@localhost>")
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("address", UNMAILABLE)
def test_an_address_that_can_be_nobodys_is_refused_for_good(mail_sink: Sink, address: str) -> None:
    assert not send(address, "Subject", "text", "<p>html</p>", key=("a", 1))
    assert mail_sink.envelopes == []


def test_a_colleague_who_cannot_be_mailed_holds_up_nobody(club: Club, mail_sink: Sink) -> None:
    first, second, third = (make.make_staff(club.business) for _ in range(3))
    User.objects.filter(pk=second.user_id).update(email=UNMAILABLE[0])
    keys = told(club, first, second, third)
    assert mail_staff(keys) == {"mailed": 2, "refused": 1, "no address": 0, "mailed before": 0}
    assert mail_staff(keys)["mailed before"] == 3, "it is over, and not tried again for ever"


def test_a_client_who_cannot_be_mailed_holds_up_nobody(
    club: Club, mail_sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    nobody, somebody = make.make_client(club, email=UNMAILABLE[0]), make.make_client(club)
    rows = [
        ClientMessage.objects.create(client=client, kind="receipt", send_after=timezone.now())
        for client in (nobody, somebody)
    ]
    with caplog.at_level(logging.DEBUG):
        assert send_due_client_messages(timezone.now()) == 1
        assert send_due_client_messages(timezone.now() + datetime.timedelta(days=3)) == 0
    assert mail_sink.recipients == [somebody.email]
    assert ClientMessage.objects.get(pk=rows[0].pk).attempts == MOST_ATTEMPTS
    assert UNMAILABLE[0] not in caplog.text


@pytest.mark.parametrize("answer", ["450 Later, {0}", "550 No such user: {0}", "421 Go away, {0}"])
def test_no_address_is_in_a_log_whatever_the_server_says(
    club: Club, mail_sink: Sink, caplog: pytest.LogCaptureFixture, settings: Any, answer: str
) -> None:
    """The server's own words quote the address."""
    client, colleague = make.make_client(club), make.make_staff(club.business)

    async def handle_RCPT(server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        return answer.format(address)

    mail_sink.handle_RCPT = handle_RCPT  # type: ignore[attr-defined]
    row = ClientMessage.objects.create(client=client, kind="receipt", send_after=timezone.now())
    keys = told(club, colleague)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("clubhouse.messages").warning("said to %s", "the ear")
        send_due_client_messages(timezone.now())
        with contextlib.suppress(Retry):
            mail_staff(keys)
    row.refresh_from_db()
    assert row.attempts > 0
    said = [record.getMessage() + str(record.exc_text) for record in caplog.records if record.name != "mail.log"]
    assert any("the ear" in line for line in said)
    assert not any(address in line for line in said for address in (client.email, colleague.user.email))


# --- encryption and credentials ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of a test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture(params=["STARTTLS", "TLS from the first byte"])
def guarded(request: pytest.FixtureRequest, settings: Any, certificate: Path) -> Iterator[Sink]:
    """A server that takes mail over TLS alone, and from one account alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"club", b"the mail password")
        return AuthResult(success=right, handled=False)

    sink = Sink()
    sink.port = free_port()
    starts = request.param == "STARTTLS"
    # aiosmtpd does not count TLS from the first byte as TLS, and so cannot be told to demand an account then.
    encryption: dict[str, Any] = (
        {"tls_context": context, "require_starttls": True, "auth_required": True}
        if starts
        else {"ssl_context": context, "auth_require_tls": False}
    )
    controller = Controller(sink, hostname="127.0.0.1", port=sink.port, authenticator=known, **encryption)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
    settings.EMAIL_USE_TLS, settings.EMAIL_USE_SSL = starts, not starts
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "club", "the mail password"
    yield sink
    controller.stop()


def test_mail_goes_encrypted_and_with_the_clubs_account(
    club: Club, guarded: Sink, certificate: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = told(club, make.make_staff(club.business))
    with pytest.raises(Retry, match="SSLCertVerificationError"):
        mail_staff(keys)
    assert guarded.envelopes == [], "to a server that cannot prove who it is, nothing goes"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    settings.EMAIL_HOST_PASSWORD = "another"
    with pytest.raises(Retry, match="SMTPAuthenticationError") as caught:
        mail_staff(keys)
    assert "another" not in str(caught.value)
    settings.EMAIL_HOST_PASSWORD = "the mail password"
    assert mail_staff(keys)["mailed"] == 1
    assert len(guarded.envelopes) == 1
