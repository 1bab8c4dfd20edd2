"""A real SMTP server on loopback that keeps what it is sent."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


def free_port() -> int:
    """A port on loopback that nothing listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sink:
    """The messages that arrived: ``envelopes`` as they were handed over, ``messages`` parsed."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.port = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 Kept"

    @property
    def messages(self) -> list[EmailMessage]:
        return [
            message_from_bytes(bytes(envelope.content or b""), policy=policy.default) for envelope in self.envelopes
        ]

    @property
    def recipients(self) -> list[str]:
        """Every address that was mailed, once per message, sorted."""
        return sorted(address for envelope in self.envelopes for address in envelope.rcpt_tos)

    def raw(self) -> bytes:
        """All that arrived, envelopes included, to search for what must not be there."""
        lines = [
            " ".join(envelope.rcpt_tos).encode() + b"\n" + bytes(envelope.content or b"") for envelope in self.envelopes
        ]
        return b"\n".join(lines)


@contextlib.contextmanager
def smtp_sink() -> Iterator[Sink]:
    """Run a sink on a free loopback port while the block runs."""
    sink = Sink()
    for attempt in range(5):
        sink.port = free_port()
        controller = Controller(sink, hostname="127.0.0.1", port=sink.port)
        try:
            controller.start()
        except OSError:
            # Somebody took the port between the look and the bind.
            if attempt == 4:
                raise
            continue
        break
    try:
        yield sink
    finally:
        controller.stop()
