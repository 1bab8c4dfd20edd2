"""What a child of the zygote does: erase at a desk or in a browser, work off effects, let time pass, look around."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import os
import re
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
from botocore.config import Config
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from django.core.signals import setting_changed
from django.db import connection, connections
from django.db.models import F
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from storages.backends.s3 import S3Storage

from bench.racing import left_behind
from clubhouse.billing.models import StoredCard
from clubhouse.billing.provider import gateway
from clubhouse.clients.models import Client
from clubhouse.memberships.models import Membership
from clubhouse.messages.models import ClientMessage, Notification
from clubhouse.privacy import services
from clubhouse.privacy.models import ErasureReceipt
from clubhouse.privacy.selectors import look as look_at
from clubhouse.team.models import StaffMember
from clubhouse.webhooks import sending
from clubhouse.webhooks.models import Endpoint
from lethe import outbox
from lethe.exceptions import LetheError
from lethe.models import Effect, ErasedMark, Receipt, Run
from lethe.plan import plan_for
from lethe.points import armed
from tests.clubhouse.erasure.evidence import broken_foreign_keys, let_all_pass
from tests.support import factories as make
from tests.support.canaries import Canaries
from tests.support.dump import logical_dump
from tests.support.record import make_record
from tests.support.sign_in import sign_in

#: Timeouts of the process under test, in seconds: shorter than a slow gate holds.
PATIENCE = 0.5
#: Rows that a sign-in or the look of a page writes; everything else must be as before where nothing was erased.
SIGN_IN_TABLES = ("accounts_session", "accounts_user", "django_session", "axes_")
#: Declared as kept: what the provider tells of a payment later finds its payment by it.
KEPT = {"payment_token"}
WARM: dict[str, Any] = {}
HOUR = datetime.timedelta(hours=1)


def warm_up() -> None:
    """What every process does once after its start."""
    os.umask(0o077)
    from django.test.utils import setup_test_environment

    # What is imported at the first request is imported now, so that a child does not do it each time.
    import_module(settings.ROOT_URLCONF)
    backend = settings.EMAIL_BACKEND
    setup_test_environment(debug=False)
    settings.EMAIL_BACKEND = backend
    settings.EMAIL_TIMEOUT = PATIENCE
    gateway.TIMEOUT = (PATIENCE, PATIENCE)
    sending.SILENCE, sending.WHOLE = PATIENCE, 2 * PATIENCE


def prepare(order: dict[str, Any]) -> dict[str, Any]:
    """Point the process at the outside, and fill the database that is copied for each run."""
    ports = order["gates"]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", ports["mail server"]
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.STRIPE_KEY, settings.STRIPE_API = "sk_test_x", f"http://127.0.0.1:{ports['payment provider']}"
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    _at(order["database"])
    _media(order["media"], False)
    club = make.make_club(make.make_business())
    business = club.business
    let_all_pass(business)
    make.make_staff(business, "manager", club=club)
    administrator = make.make_staff(business, "administrator", delete_accounts=True)
    Endpoint.objects.create(business=business, url=f"http://127.0.0.1:{ports['webhook endpoint']}/hook")
    record = make_record(club)
    default_storage.save("clients/bystander.png", ContentFile(b"stays"))
    Effect.objects.all().delete()
    # Compiled plans and templates, and clients of the outside, as a process has them that runs for a while.
    plan_for(Client)
    look_at(record.client)
    _page(sign_in(Browser(), administrator), record.client.pk)
    WARM["bucket"] = _bucket(ports["object store"])
    connections.close_all()
    image = record.image
    return {
        "client": record.client.pk,
        "administrator": administrator.pk,
        "canaries": asdict(record.canaries) | {"dob": record.canaries.dob.isoformat()},
        "files": [image.original.name, image.medium.name, image.thumbnail.name],
        "addresses": [record.canaries.email, record.canaries.member_email],
    }


def _at(database: str) -> None:
    connections.close_all()
    connection.settings_dict["NAME"] = database


def _media(folder: str, bucket: bool) -> None:
    """Keep files in a folder, or in the bucket."""
    settings.MEDIA_ROOT = folder
    setting_changed.send(sender=None, setting="MEDIA_ROOT", value=folder, enter=True)
    if bucket:
        storages._storages["default"] = WARM["bucket"]
        default_storage._wrapped = WARM["bucket"]


def _bucket(port: int) -> S3Storage:
    """The bucket behind a gate, with a client that is made already: making one takes longer than all it does."""
    made = S3Storage(
        bucket_name="club",
        region_name="us-east-1",
        file_overwrite=False,
        endpoint_url=f"http://127.0.0.1:{port}",
        access_key="testing",
        secret_key="testing",
        client_config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=PATIENCE,
            read_timeout=PATIENCE,
            retries={"total_max_attempts": 2},
        ),
    )
    client = made.connection.meta.client
    for pages in ("list_multipart_uploads", "list_object_versions"):
        client.get_paginator(pages)
    return made


def act(order: dict[str, Any]) -> Any:
    """Do one thing, under the fault that the order names."""
    _at(order["database"])
    _media(order["media"], order["bucket"])
    with _faulty(order.get("fault") or {}):
        return DOING[order["do"]](order)


# --- faults -----------------------------------------------------------------------------------------------------------
@contextlib.contextmanager
def _faulty(fault: dict[str, Any]) -> Iterator[None]:
    kind = fault.get("kind", "")
    if kind in {"disk", "clock"}:
        Path(fault["mark"]).touch()
    if kind == "disk":
        # What is longer than this cannot be written, as on a disk that is full. PostgreSQL writes for itself.
        whose = _backend() if connection.vendor == "postgresql" else 0
        resource.prlimit(whose, resource.RLIMIT_FSIZE, (fault["bytes"], resource.RLIM_INFINITY))
    if "hours" in fault:
        real, shift = timezone.now, fault["hours"] * HOUR
        timezone.now = lambda: real() + shift
    if kind not in {"kill", "cut", "restart"}:
        yield
        return
    wanted, seen = (fault["point"], fault["nth"]), [0]

    def hook(name: str) -> None:
        if name != wanted[0]:
            return
        seen[0] += 1
        if seen[0] != wanted[1]:
            return
        # Whoever reads this knows that the fault really came.
        Path(fault["mark"]).touch()
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "cut":
            _cut()
        else:
            os.kill(fault["postmaster"], getattr(signal, fault["how"]))
            # Until the connection is really gone.
            time.sleep(0.3)

    with armed(hook):
        yield


def _backend() -> int:
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def _cut() -> None:
    """End this process's connection from the other side."""
    wanted = connection.settings_dict
    if connection.connection is None:
        return
    place = {"host": wanted["HOST"], "port": wanted["PORT"], "user": wanted["USER"], "dbname": "postgres"}
    with psycopg.connect(**place, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [_backend()])


# --- deeds ------------------------------------------------------------------------------------------------------------
def dress(order: dict[str, Any]) -> None:
    """Give the client what the provider really holds of them."""
    held = order["held"]
    cards = StoredCard.objects.filter(client=order["client"])
    assert cards.update(customer_token=held["customer"], card_token=held["methods"][0]) == 1
    rows = Membership.objects.filter(client=order["client"]).exclude(provider_reference="")
    assert rows.update(provider_reference=held["subscription"]) == 1


def erase(order: dict[str, Any]) -> dict[str, Any]:
    """Erase as the service does that both doors end in."""
    client = Client.objects.get(pk=order["client"])
    by = StaffMember.objects.select_related("user").get(pk=order["administrator"]).user
    try:
        done = services.erase(client, by=by, reason="a fault run", fingerprint=look_at(client).fingerprint)
    except LetheError as error:
        return {"refused": type(error).__name__}
    return {"number": done.number}


def web(order: dict[str, Any]) -> dict[str, Any]:
    """Confirm in the box of the first door, through the whole web process."""
    staff = StaffMember.objects.select_related("user").get(pk=order["administrator"])
    browser = sign_in(Browser(raise_request_exception=False), staff)
    found = re.search(r'name="fingerprint" value="([^"]+)"', _page(browser, order["client"]))
    answer = browser.post(
        reverse("clients:delete", args=[order["client"]]), {"fingerprint": found[1] if found else "none"}
    )
    return {"status": answer.status_code, "to": answer.headers.get("Location", "")}


def _page(browser: Browser, client: int) -> str:
    answer = browser.get(reverse("clients:information", args=[client]), {"delete": "on", "confirm": "yes"})
    return unescape(answer.content.decode())


def work(order: dict[str, Any]) -> int:
    """Be the worker, until there is nothing more that is due; returns how many effects are not done."""
    if order.get("hours"):
        _let_pass(order["hours"] * HOUR)
    idle = Idle()
    from lethe import points

    # Beside the fault's own hook, not instead of it.
    fault = points._hook

    def hook(name: str) -> None:
        idle.activity += 1
        if fault is not None:
            fault(name)

    with armed(hook):
        outbox.work(idle, pause=0.02)
    return Effect.objects.filter(done_at=None).count()


class Idle:
    """Says "stop" once nothing has happened between a few questions."""

    def __init__(self) -> None:
        self.activity, self._seen, self._quiet = 0, -1, 0

    def __call__(self) -> bool:
        self._quiet = self._quiet + 1 if self.activity == self._seen else 0
        self._seen = self.activity
        return self._quiet >= 3


def _let_pass(hours: datetime.timedelta) -> None:
    """Let hours pass: what waits for its time has waited so much."""
    waiting = Effect.objects.filter(done_at=None)
    waiting.update(next_try_at=F("next_try_at") - hours, leased_until=F("leased_until") - hours)
    Endpoint.objects.update(paused_until=F("paused_until") - hours)
    messages = ClientMessage.objects.filter(sent_at=None)
    messages.update(send_after=F("send_after") - hours, leased_until=F("leased_until") - hours)
    lines = Notification.objects.filter(mailed_at=None)
    lines.update(created_at=F("created_at") - hours, mailing_since=F("mailing_since") - hours)


# --- looking ----------------------------------------------------------------------------------------------------------
def look(order: dict[str, Any]) -> dict[str, Any]:
    """All that can be known from inside, without the names of anybody."""
    said = order["canaries"] | {"dob": datetime.date.fromisoformat(order["canaries"]["dob"])}
    canaries = Canaries(**said)
    dump = _rows() if order.get("quick") else logical_dump(connection)
    held = order["held"]
    tokens = [held["customer"], held["subscription"], *held["methods"]]
    low = dump.lower()
    erased = ErasedMark.objects.filter(subject="clients.client", key=str(order["client"])).exists()
    effects = Effect.objects.order_by("pk").values("kind", "done_at", "receipt", "payload", "last_error", "attempts")
    return {
        "erased": erased,
        "canaries": sorted(set(canaries.found_in(dump)) - KEPT),
        "tokens": sum(token.lower().encode() in low for token in tokens),
        "digest": _digest(dump),
        "broken": broken_foreign_keys(),
        "left": left_behind({order["client"]}) if erased else [],
        "receipts": sorted(Receipt.objects.values_list("number", flat=True)),
        "runs": Run.objects.count(),
        "ours": sorted(ErasureReceipt.objects.values_list("number", flat=True)),
        "effects": [
            {
                "kind": effect["kind"],
                "done": effect["done_at"] is not None,
                "receipt": effect["receipt"],
                "scrubbed": effect["payload"] == {},
                "error": effect["last_error"],
                "attempts": effect["attempts"],
            }
            for effect in effects
        ],
        "mailed": Notification.objects.filter(mailed_at__isnull=False).count(),
        "lines": Notification.objects.filter(session__starts_at__gt=timezone.now()).count(),
    }


def _rows() -> bytes:
    """Every row of every table as text, without another process."""
    if connection.vendor == "sqlite":
        return logical_dump(connection)
    found = []
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')
            found += [f"INSERT INTO {table} {row}" for (row,) in cursor.fetchall()]
    return "\n".join(found).encode()


def _digest(dump: bytes) -> str:
    ignored = re.compile(rb'^(?:INSERT INTO|COPY) "?(?:public\.)?(?:%s)' % "|".join(SIGN_IN_TABLES).encode())
    digest = hashlib.sha256()
    for line in dump.split(b"\n"):
        if line.startswith(b"INSERT INTO") and not ignored.match(line) and b"sqlite_sequence" not in line:
            digest.update(line)
    return digest.hexdigest()


DOING: dict[str, Callable[[dict[str, Any]], Any]] = {
    "dress": dress,
    "erase": erase,
    "web": web,
    "work": work,
    "look": look,
}
