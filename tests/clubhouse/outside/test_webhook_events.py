"""Row P14: what leads to an erasure, and its end, is told too, by opaque numbers and words of our own lists alone."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client as Browser
from django.utils import timezone
from standardwebhooks import Webhook

from clubhouse.accounts.models import User
from clubhouse.clients.models import Client
from clubhouse.privacy import orders
from clubhouse.privacy import services as privacy
from clubhouse.schedule.models import Club
from clubhouse.support import services as support
from clubhouse.support.models import Case
from clubhouse.team.models import StaffMember
from clubhouse.webhooks import services, telling
from clubhouse.webhooks.models import Delivery, Endpoint
from lethe import outbox, pipeline
from lethe.exceptions import Blocked
from lethe.models import Effect
from lethe.outbox import LONGEST_DELAY
from tests.clubhouse.outside.conftest import allow_loopback
from tests.clubhouse.support.requests import send
from tests.support import factories as make
from tests.support.outside import Listener
from tests.support.record import make_record
from tests.support.sign_in import sign_in

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def loopback(settings: SettingsWrapper) -> None:
    allow_loopback(settings)


@pytest.fixture
def endpoint(club: Club, http_listener: Listener) -> Endpoint:
    return services.add(club.business, url=http_listener.address, description="CRM", hears_all=True)


@pytest.fixture
def only_erasures(club: Club, http_listener: Listener) -> Endpoint:
    return services.add(club.business, url=f"{http_listener.address}/erasures", description="Mailing lists")


def heard(http_listener: Listener, endpoint: Endpoint) -> list[tuple[str, dict[str, Any]]]:
    """What has arrived at ``/``, each message verified as a receiver would, by type and data."""
    outbox.drain()
    found = [Webhook(endpoint.secret).verify(a.body, a.headers) for a in http_listener.asked if a.path == "/"]
    assert all(set(said) == {"type", "timestamp", "data"} for said in found)
    return [(said["type"], said["data"]) for said in found]


def erase(client: Client, administrator: StaffMember, reason: str = orders.TOGGLE) -> str:
    seen = pipeline.preview(Client, [client.pk]).fingerprint
    return privacy.erase(client, by=administrator.user, reason=reason, fingerprint=seen).number


@pytest.mark.parametrize(
    ("reason", "who"),
    [
        (orders.TOGGLE, "administrator"),
        (orders.STATUS, "administrator"),
        (orders.API, "administrator"),
        (orders.MEMBER, "member"),
        (orders.OPERATOR, "operator"),
        ("tried out by Q", "command"),
    ],
)
def test_who_ordered_it_is_told_by_one_word(
    club: Club, administrator: StaffMember, endpoint: Endpoint, http_listener: Listener, reason: str, who: str
) -> None:
    number = erase(make.make_client(club), administrator, reason)
    wanted = {"business": club.business.slug, "receipt": number, "ordered_by": who}
    assert heard(http_listener, endpoint)[0] == ("client.erased", wanted)


def test_the_end_is_told_when_all_of_it_is_done_and_to_whom_wants_it(
    club: Club,
    administrator: StaffMember,
    endpoint: Endpoint,
    only_erasures: Endpoint,
    http_listener: Listener,
    settings: SettingsWrapper,
) -> None:
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_x", "http://127.0.0.1:9"
    client = make.make_client(club)
    make.make_membership(client, status="cancelled", provider_reference="sub_1")
    number = erase(client, administrator)
    assert [kind for kind, _ in heard(http_listener, endpoint)] == ["client.erased"]
    # The provider is down: the end waits without failing, and is looked for again soon.
    waiting = Effect.objects.get(kind=telling.COMPLETE)
    assert (waiting.done_at, waiting.attempts, waiting.last_error) == (None, 0, "")
    assert waiting.next_try_at - timezone.now() <= datetime.timedelta(seconds=6)
    settings.STRIPE_KEY = ""
    Effect.objects.filter(kind="payment.cancel_subscription").update(next_try_at=timezone.now())
    outbox.drain()
    Effect.objects.filter(done_at=None).update(next_try_at=timezone.now())
    wanted = ("client.erasure_completed", {"business": club.business.slug, "receipt": number})
    assert heard(http_listener, endpoint)[1:] == [wanted]
    assert [json.loads(asked.body)["type"] for asked in http_listener.asked if asked.path == "/erasures"] == [
        "client.erased"
    ]
    assert not Effect.objects.filter(done_at=None).exists()
    assert {str(row) for row in Effect.objects.values_list("payload", flat=True)} == {"{}"}


def test_an_end_is_told_once(
    club: Club, administrator: StaffMember, endpoint: Endpoint, http_listener: Listener
) -> None:
    """A worker that died before it wrote the receipt does it a second time."""
    erase(make.make_client(club), administrator)
    payload = Effect.objects.get(kind=telling.COMPLETE).payload
    for _ in range(2):
        assert telling.complete(payload, now=timezone.now()) == {"messages": 1}
    assert Effect.objects.filter(kind=telling.DELIVER).count() == 2, "of the erasure, and of its end"
    heard(http_listener, endpoint)
    telling.complete(payload, now=timezone.now())
    assert [kind for kind, _ in heard(http_listener, endpoint)] == ["client.erased", "client.erasure_completed"]
    assert len({asked.headers["webhook-id"] for asked in http_listener.asked}) == 2


def test_a_webhook_that_is_never_reached_does_not_keep_the_end_from_the_others(
    club: Club, administrator: StaffMember, endpoint: Endpoint, http_listener: Listener
) -> None:
    services.add(club.business, url="http://127.0.0.1:9/", description="", hears_all=True)
    erase(make.make_client(club), administrator)
    assert "client.erasure_completed" in [kind for kind, _ in heard(http_listener, endpoint)]


def test_an_order_that_is_refused_is_told_by_what_stands_in_the_way(
    club: Club, administrator: StaffMember, endpoint: Endpoint, only_erasures: Endpoint, http_listener: Listener
) -> None:
    record = make_record(club)
    before = Client.objects.filter(status="deleted").count()
    with pytest.raises(Blocked) as refused:
        erase(record.client, administrator, orders.MEMBER)
    ((kind, data),) = heard(http_listener, endpoint)
    assert kind == "client.erasure_blocked"
    assert data == {
        "business": club.business.slug,
        "ordered_by": "member",
        "to_settle": sorted(finding.name for finding in refused.value.findings),
    }
    assert "debts" in data["to_settle"]
    wire = b"".join(asked.body + json.dumps(asked.headers).encode() for asked in http_listener.asked)
    assert record.canaries.found_in(wire) == []
    assert str(record.client.pk) not in json.dumps(data).replace(club.business.slug, "")
    assert Client.objects.filter(status="deleted").count() == before


def test_a_support_request_is_told_by_its_number_until_it_is_closed(
    club: Club, employee: StaffMember, endpoint: Endpoint, http_listener: Listener
) -> None:
    operator = make.make_user(None, User.Audience.OPERATOR, "operator@example.com")
    person = make.make_client(club, first_name="Zoë", last_name="Canaryquill", email="canary@example.com", number="K-7")
    case = send(employee, person)
    support.open_deletion(case, by=operator, now=timezone.now())
    seen = pipeline.preview(Client, [person.pk]).fingerprint
    done = support.delete(case, by=operator, fingerprint=seen)
    refused, old, back = (send(employee, make.make_client(club)) for _ in range(3))
    support.refuse(refused, by=operator, now=timezone.now())
    support.withdraw(back, by=employee.user, now=timezone.now())
    assert support.close_old(timezone.now() + support.LIES_FOR) == 1
    told = heard(http_listener, endpoint)
    mine = [(kind, data) for kind, data in told if data.get("request") == case.number or "receipt" in data]
    slug, request = club.business.slug, case.number
    assert sorted(mine, key=str) == sorted(
        [
            ("deletion_request.sent", {"business": slug, "request": request}),
            ("deletion_request.opened", {"business": slug, "request": request}),
            ("deletion_request.closed", {"business": slug, "request": request, "outcome": "deleted"}),
            ("client.erased", {"business": slug, "receipt": done.number, "ordered_by": "operator"}),
            ("client.erasure_completed", {"business": slug, "receipt": done.number}),
        ],
        key=str,
    )
    ends = {data["request"]: data["outcome"] for kind, data in told if kind == "deletion_request.closed"}
    assert ends == {request: "deleted", refused.number: "refused", old.number: "expired", back.number: "withdrawn"}
    wire = b"".join(asked.body for asked in http_listener.asked)
    assert b"canary" not in wire.lower()
    assert "Zoë" not in wire.decode()
    assert {row.state for row in Case.objects.all()} == {"deleted", "refused", "expired", "withdrawn"}


def test_nothing_is_told_of_another_business_or_where_nobody_wants_it(
    club: Club, stranger: StaffMember, employee: StaffMember, only_erasures: Endpoint, http_listener: Listener
) -> None:
    services.add(stranger.business, url=http_listener.address, description="", hears_all=True)
    send(employee, make.make_client(club))
    client = make.make_client(club)
    make.make_invoice(client)
    with pytest.raises(Blocked):
        erase(client, employee)
    outbox.drain()
    assert http_listener.asked == []
    assert not Effect.objects.filter(kind__startswith="webhook").exists()


def test_a_request_is_sent_again_with_what_it_said(
    club: Club, employee: StaffMember, endpoint: Endpoint, http_listener: Listener
) -> None:
    case = send(employee, make.make_client(club))
    outbox.drain()
    services.send_again(Delivery.objects.get())
    outbox.drain()
    first, second = http_listener.asked
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert case.number.encode() in second.body


def test_what_an_endpoint_hears_is_chosen_on_its_page(
    club: Club, administrator: StaffMember, client: Browser, http_listener: Listener
) -> None:
    browser = sign_in(client, administrator)
    assert 'name="hears_all"' in (page := browser.get("/webhooks/new/").text)
    assert "checked" in page.split('name="hears_all"')[1].split(">")[0]
    browser.post("/webhooks/new/", {"url": http_listener.address, "hears_all": "on"})
    made = Endpoint.objects.get()
    assert made.hears_all
    telling.tell([(club.business_id, {"request": "S1234567"})], Delivery.Event.REQUESTED, timezone.now())
    http_listener.answer(500)
    outbox.drain()
    page = browser.get(f"/webhooks/{made.pk}/").text
    assert "A deletion was asked for" in page
    assert "S1234567" in page
    browser.post(f"/webhooks/{made.pk}/", {"url": made.url, "is_on": "on"})
    made.refresh_from_db()
    assert (made.hears_all, made.is_on) == (False, True)
    # In the reader's language, though the worker wrote it in another.
    assert "Der Endpunkt antwortete 500." in browser.get(f"/webhooks/{made.pk}/", headers=GERMAN).text


GERMAN = {"accept-language": "de"}


# --- for days ---------------------------------------------------------------------------------------------------------
def test_an_endpoint_that_is_down_for_three_days_gets_it(
    club: Club,
    administrator: StaffMember,
    only_erasures: Endpoint,
    http_listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With the clock moved, from each try to the next."""
    now = begun = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    monkeypatch.setattr(outbox, "clock", lambda using: now)
    http_listener.answer(503)
    number = erase(make.make_client(club), administrator)
    outbox.drain()
    tries = 1
    while now < begun + datetime.timedelta(days=3):
        effect = Effect.objects.get(done_at=None)
        assert effect.next_try_at - now <= LONGEST_DELAY * 1.2
        now = effect.next_try_at
        assert outbox.drain() == 0
        tries += 1
    assert 20 < tries < 40, "growing delays, and no storm"
    delivery = Delivery.objects.get()
    # One or two fall into the time in which the endpoint is left alone.
    assert tries - 3 <= len(http_listener.asked) == delivery.attempts
    assert delivery.delivered_at is None
    # It is back: the next try brings it, at most six hours and some later, signed for the moment at which it is sent.
    http_listener.answer(200)
    back = now
    now = Effect.objects.get(done_at=None).next_try_at
    assert now - back <= LONGEST_DELAY * 1.2
    assert outbox.drain() == 1
    asked = http_listener.asked[-1]
    assert int(asked.headers["webhook-timestamp"]) == int(now.timestamp())
    said = json.loads(asked.body)
    assert (said["data"]["receipt"], said["timestamp"]) == (number, delivery.occurred_at.isoformat())
    assert len({one.headers["webhook-id"] for one in http_listener.asked}) == 1


def test_an_endpoint_that_takes_long_leaves_the_worker_to_the_others(
    club: Club,
    administrator: StaffMember,
    only_erasures: Endpoint,
    http_listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It answers each time, and late: without a rest, a hundred messages would hold everything else up."""
    monkeypatch.setattr(services, "SLOW", 0.0)
    monkeypatch.setattr(services, "SHARE", 1_000_000)
    erase(make.make_client(club), administrator)
    erase(make.make_client(club), administrator)
    assert outbox.drain() == 1
    only_erasures.refresh_from_db()
    assert only_erasures.paused_until > timezone.now() + datetime.timedelta(seconds=60)
    assert only_erasures.failures == 0
    assert len(http_listener.asked) == 1
    waiting = Effect.objects.get(done_at=None)
    assert waiting.last_error == "The endpoint failed or was slow a moment ago and is left alone for a while."
