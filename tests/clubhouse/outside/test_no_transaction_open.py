"""Nothing is sent over a network while a transaction is open: an erasure with every outside part, and an ear."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
import stripe
from django.db import connection, transaction

from clubhouse.clients.models import Client
from clubhouse.webhooks import services as webhooks
from lethe import outbox, pipeline
from lethe.models import Effect
from tests.clubhouse.erasure.evidence import let_all_pass
from tests.clubhouse.outside.conftest import Bucket, allow_loopback
from tests.support.mail import Sink
from tests.support.outside import Listener
from tests.support.record import make_record

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

    from clubhouse.schedule.models import Club
    from clubhouse.team.models import StaffMember

pytestmark = pytest.mark.django_db(transaction=True)


class Ear:
    """Hears every connection that Python opens and every byte it sends, and whether a transaction was open then.

    The database driver speaks for itself, not through these sockets.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ports: set[int] = set()
        self.within: list[str] = []
        for name in ("connect", "connect_ex", "send", "sendall"):
            patch.setattr(socket.socket, name, self._heard(name))

    def _heard(self, name: str) -> Any:
        real = getattr(socket.socket, name)

        def heard(link: socket.socket, *args: Any) -> Any:
            if link.family in (socket.AF_INET, socket.AF_INET6):
                # A connection that was kept open from before is only sent over.
                self.ports.add(args[0][1] if name.startswith("connect") else link.getpeername()[1])
                if connection.in_atomic_block:
                    self.within.append(name)
            return real(link, *args)

        return heard


def test_no_part_outside_hears_of_an_open_transaction(
    club: Club,
    manager: StaffMember,
    bucket: Bucket,
    provider: stripe.StripeClient,
    mail_sink: Sink,
    http_listener: Listener,
    settings: SettingsWrapper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allow_loopback(settings)
    let_all_pass(club.business)
    webhooks.add(club.business, url=http_listener.address, description="")
    record = make_record(club)
    ear = Ear(monkeypatch)
    pipeline.erase(Client, [record.client.pk], by="role:test", reason="asked")
    assert ear.ports == set(), "the erasing transaction speaks to nobody"
    outbox.drain()
    assert not Effect.objects.filter(done_at=None).exclude(kind="bytes.clean").exists()
    parts = {
        int(address.rpartition(":")[2])
        for address in (settings.STRIPE_API, http_listener.address, str(bucket.client.meta.endpoint_url))
    }
    assert ear.ports >= {*parts, mail_sink.port}, "every part was spoken to"
    assert ear.within == []
    with transaction.atomic(), socket.create_connection(("127.0.0.1", mail_sink.port)):
        assert "connect" in ear.within, "it would have been heard"
