"""Row P14: other systems are told of an erasure, signed, until they answer, and learn nothing of the person."""

from __future__ import annotations

import datetime
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from clubhouse.clients.models import Client
from clubhouse.schedule.models import Club
from clubhouse.team.models import StaffMember
from clubhouse.webhooks import services, telling
from clubhouse.webhooks.models import OVERLAP, Delivery, Endpoint
from lethe import outbox, pipeline
from lethe.exceptions import Blocked
from lethe.execute import Outcome
from lethe.models import Effect
from tests.clubhouse.outside.conftest import allow_loopback
from tests.support import factories as make
from tests.support.outside import Listener, listener
from tests.support.record import make_record

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def loopback(settings: SettingsWrapper) -> None:
    allow_loopback(settings)


@pytest.fixture
def endpoint(club: Club, http_listener: Listener) -> Endpoint:
    return services.add(club.business, url=f"{http_listener.address}/hooks?key=canary-key", description="CRM")


def erase(*clients: Client) -> Outcome:
    return pipeline.erase(Client, [c.pk for c in clients], by="account:1", reason="asked at the desk")


def try_again(endpoint: Endpoint) -> int:
    """Let the time pass that a failure costs, and do what is due then."""
    Effect.objects.filter(done_at=None).update(next_try_at=timezone.now())
    Endpoint.objects.filter(pk=endpoint.pk).update(paused_until=timezone.now() - datetime.timedelta(seconds=1))
    return outbox.drain()


def test_an_erasure_is_told_signed_and_says_nothing_of_the_person(
    endpoint: Endpoint, http_listener: Listener, club: Club, manager: StaffMember
) -> None:
    record = make_record(club, settled=True)
    numbers = {str(record.client.pk), record.client.number}
    receipt = erase(record.client).receipts[record.client.pk]
    assert http_listener.asked == [], "nothing is sent inside the transaction"
    outbox.drain()
    (asked,) = http_listener.asked
    assert (asked.method, asked.path) == ("POST", "/hooks?key=canary-key")
    said = Webhook(endpoint.secret).verify(asked.body, asked.headers)
    assert set(said) == {"type", "timestamp", "data"}
    assert said["type"] == "client.erased"
    assert said["data"] == {"receipt": receipt, "business": club.business.slug, "ordered_by": "command"}
    assert abs(datetime.datetime.fromisoformat(said["timestamp"]) - timezone.now()) < datetime.timedelta(minutes=1)
    wire = asked.body + json.dumps(asked.headers).encode()
    assert record.canaries.found_in(wire) == []
    assert not numbers & set(json.dumps(said["data"]).split('"'))
    delivery = Delivery.objects.get()
    assert (delivery.receipt, delivery.attempts, delivery.answer, delivery.error) == (receipt, 1, 200, "")
    assert delivery.delivered_at is not None
    effect = Effect.objects.get(kind="webhook.deliver")
    assert (effect.payload, effect.receipt) == ({}, {"outcome": "delivered", "status": 200})


def test_a_wrong_secret_does_not_verify(endpoint: Endpoint, http_listener: Listener, club: Club) -> None:
    erase(make.make_client(club))
    outbox.drain()
    asked = http_listener.asked[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(Endpoint(secret="whsec_c29tZSBvdGhlciBzZWNyZXQ=").secret).verify(asked.body, asked.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(asked.body.replace(b"client.erased", b"client.created"), asked.headers)


def test_every_endpoint_of_the_business_and_no_other_is_told(
    endpoint: Endpoint, http_listener: Listener, club: Club, stranger: StaffMember
) -> None:
    with listener() as second:
        services.add(club.business, url=second.address, description="")
        services.add(stranger.business, url=f"{http_listener.address}/stranger", description="")
        off = services.add(club.business, url=f"{http_listener.address}/off", description="")
        services.change(off, url=off.url, description="", is_on=False)
        people = [make.make_client(club) for _ in range(3)]
        receipts = erase(*people).receipts
        outbox.drain()
        for heard in (http_listener, second):
            assert sorted(json.loads(a.body)["data"]["receipt"] for a in heard.asked) == sorted(receipts.values())
            assert len({asked.headers["webhook-id"] for asked in heard.asked}) == 3
        assert {asked.path for asked in http_listener.asked} == {"/hooks?key=canary-key"}


def test_telling_of_many_takes_as_many_statements_as_of_one(endpoint: Endpoint, club: Club) -> None:
    counts = []
    for number in (1, 40):
        receipts = {make.make_client(club).pk: f"R{number}-{n}" for n in range(number)}
        told: list[dict] = []
        with CaptureQueriesContext(connection) as seen:
            telling.tell_erased(
                receipts, timezone.now(), using="default", emit=lambda kind, payload, told=told: told.append(payload)
            )
        counts.append(len(seen))
        assert [payload["receipt"] for payload in told] == sorted(receipts.values())
    assert counts == [2, 2]


def test_the_preview_says_it_and_without_an_endpoint_nothing_is_recorded(club: Club, http_listener: Listener) -> None:
    client = make.make_client(club)
    assert [a.name for a in pipeline.preview(Client, [client.pk]).actions] == []
    endpoint = services.add(club.business, url=http_listener.address, description="")
    (action,) = pipeline.preview(Client, [client.pk]).actions
    assert (action.name, action.count) == ("tell_systems", 1)
    endpoint.delete()
    erase(client)
    assert not Effect.objects.exists()


def test_a_refusal_rolls_the_message_back(endpoint: Endpoint, club: Club) -> None:
    client = make.make_client(club)
    make.make_invoice(client)
    with pytest.raises(Blocked):
        erase(client)
    assert not Effect.objects.exists()


@pytest.mark.parametrize("status", [500, 503, 404, 302, 429])
def test_it_is_tried_until_it_is_taken(endpoint: Endpoint, http_listener: Listener, club: Club, status: int) -> None:
    http_listener.answer(status, status, 204, headers={"Location": f"{http_listener.address}/elsewhere"})
    erase(make.make_client(club))
    assert outbox.drain() == 0
    effect = Effect.objects.get()
    assert effect.last_error.startswith(f"The endpoint answered {status}")
    assert ("redirects are not followed" in effect.last_error) is (status == 302)
    assert try_again(endpoint) == 0
    assert Delivery.objects.get().answer == status
    assert try_again(endpoint) == 1
    ids = {asked.headers["webhook-id"] for asked in http_listener.asked}
    assert (len(ids), len(http_listener.asked)) == (1, 3), "the same message three times"
    assert {asked.path for asked in http_listener.asked} == {"/hooks?key=canary-key"}
    delivery = Delivery.objects.get()
    assert (delivery.attempts, delivery.answer, delivery.error) == (3, 204, "")
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.paused_until) == (0, None)


def test_nothing_of_the_answer_or_the_address_is_kept(
    endpoint: Endpoint, http_listener: Listener, club: Club, caplog: pytest.LogCaptureFixture
) -> None:
    http_listener.answer(500, headers={"X-Echo": "canary-header"}, body=b"canary-answer")
    erase(make.make_client(club))
    with caplog.at_level(logging.DEBUG):
        outbox.drain()
    assert http_listener.asked
    kept = str(list(Delivery.objects.values())) + str(list(Effect.objects.values()))
    assert "canary" not in kept + caplog.text


def test_an_endpoint_that_fails_holds_up_no_other(endpoint: Endpoint, http_listener: Listener, club: Club) -> None:
    http_listener.answer(500)
    with listener() as good:
        services.add(club.business, url=good.address, description="")
        erase(*[make.make_client(club) for _ in range(5)])
        outbox.drain()
        assert (len(http_listener.asked), len(good.asked)) == (1, 5), "after one failure it is left alone"
    assert Effect.objects.filter(done_at=None).count() == 5
    http_listener.answer(200)
    assert try_again(endpoint) == 5


def test_an_endpoint_that_is_gone_is_switched_off(endpoint: Endpoint, http_listener: Listener, club: Club) -> None:
    http_listener.answer(410)
    erase(make.make_client(club))
    assert outbox.drain() == 1
    endpoint.refresh_from_db()
    assert not endpoint.is_on
    assert Delivery.objects.get().delivered_at is None
    erase(make.make_client(club))
    assert Effect.objects.count() == 1


@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_what_waits_for_an_endpoint_that_ends_is_done(endpoint: Endpoint, club: Club, how: str) -> None:
    erase(make.make_client(club))
    if how == "removed":
        services.remove(endpoint)
    else:
        services.change(endpoint, url=endpoint.url, description="", is_on=False)
    assert outbox.drain() == 1
    assert how in Effect.objects.get().receipt["outcome"]


def test_both_secrets_sign_while_they_overlap(endpoint: Endpoint, http_listener: Listener) -> None:
    old = endpoint.secret
    services.rotate(endpoint, now=timezone.now())
    endpoint.refresh_from_db()
    assert endpoint.secret != old
    services.send_test(endpoint)
    outbox.drain()
    for secret in (old, endpoint.secret):
        asked = http_listener.asked[-1]
        assert Webhook(secret).verify(asked.body, asked.headers)["type"] == "webhook.test"
    assert abs(endpoint.previous_secret_until - OVERLAP - timezone.now()) < datetime.timedelta(minutes=1)
    Endpoint.objects.update(previous_secret_until=timezone.now())
    services.send_test(endpoint)
    outbox.drain()
    asked = http_listener.asked[-1]
    Webhook(endpoint.secret).verify(asked.body, asked.headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(asked.body, asked.headers)


def test_the_one_before_the_last_ends_with_a_second_rotation(endpoint: Endpoint) -> None:
    first = endpoint.secret
    for _ in range(2):
        services.rotate(endpoint, now=timezone.now())
    endpoint.refresh_from_db()
    assert first not in endpoint.secrets_at(timezone.now())
    assert len(endpoint.secrets_at(timezone.now())) == 2


def test_sent_again_under_the_same_id(endpoint: Endpoint, http_listener: Listener, club: Club) -> None:
    erase(make.make_client(club))
    outbox.drain()
    services.send_again(Delivery.objects.get())
    outbox.drain()
    first, second = http_listener.asked
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert Webhook(endpoint.secret).verify(second.body, second.headers)
    assert Delivery.objects.get().attempts == 2


def test_what_still_waits_is_not_doubled(endpoint: Endpoint, http_listener: Listener, club: Club) -> None:
    http_listener.answer(500, 200)
    erase(make.make_client(club))
    outbox.drain()
    services.send_again(Delivery.objects.get())
    assert Effect.objects.count() == 1
    assert outbox.drain() == 1
    assert Delivery.objects.get().delivered_at is not None


def test_nothing_is_sent_while_a_transaction_is_open(
    endpoint: Endpoint, http_listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_ones: list[bool] = []
    real = services.post

    def post(*args: Any, **kwargs: Any) -> int:
        open_ones.append(connection.in_atomic_block)
        return real(*args, **kwargs)

    monkeypatch.setattr(services, "post", post)
    services.send_test(endpoint)
    outbox.drain()
    assert (len(http_listener.asked), open_ones) == (1, [False])
