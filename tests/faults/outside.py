"""The world outside a club, each part real and behind a gate: object store, payment provider, mail server, webhooks.

What became of an effect is asked here, of the other side, and never of the product.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import stripe
from botocore.config import Config

from tests.faults.gates import Gate
from tests.support.mail import Sink, smtp_sink
from tests.support.outside import Listener, listener, object_store, payment_provider

BUCKET = "club"
#: The parts that a run may make slow, down, rate-limited or wrong.
PARTS = ("object store", "payment provider", "mail server", "webhook endpoint")


@dataclass
class Held:
    """What the outside holds of the client of one run, and of a bystander who stays."""

    customer: str = ""
    methods: list[str] = field(default_factory=list)
    subscription: str = ""
    files: list[str] = field(default_factory=list)
    bystander: str = ""


class Outside:
    """All parts together."""

    def __init__(self, store: int, provider: int, sink: Sink, hooks: Listener) -> None:
        self.sink, self.hooks = sink, hooks
        self.gates = {
            "object store": Gate(store),
            "payment provider": Gate(provider),
            "mail server": Gate(sink.port, speaks="smtp"),
            "webhook endpoint": Gate(int(hooks.address.rpartition(":")[2])),
        }
        self.s3: Any = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{store}",
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(s3={"addressing_style": "path"}),
        )
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.stripe = stripe.StripeClient("sk_test_x", base_addresses={"api": f"http://127.0.0.1:{provider}"})
        self.plan = self.stripe.v1.plans.create(
            {"amount": 3900, "currency": "gbp", "interval": "month", "product": {"name": "Monthly"}}
        ).id
        self.bystander = self._subscribe(self._customer()[0])

    def fresh(self, files: list[str], *, bucket: bool) -> Held:
        """Forget the last run, and hold what the next one's client has outside."""
        self.settle()
        for gate in self.gates.values():
            gate.reset()
        self.sink.envelopes.clear()
        self.hooks.asked.clear()
        customer, methods = self._customer()
        held = Held(customer=customer, methods=methods, subscription=self._subscribe(customer), files=files)
        if bucket:
            held.bystander = "clients/bystander.png"
            self._empty_bucket()
            for name in (*files, held.bystander):
                for body in (b"first", b"second"):
                    self.s3.put_object(Bucket=BUCKET, Key=name, Body=body)
        return held

    def _customer(self) -> tuple[str, list[str]]:
        customer = self.stripe.v1.customers.create({"name": "Made Up"}).id
        card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2031, "cvc": "123"}
        method = self.stripe.v1.payment_methods.create({"type": "card", "card": card}).id
        self.stripe.v1.payment_methods.attach(method, {"customer": customer})
        self.stripe.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
        return customer, [method]

    def _subscribe(self, customer: str) -> str:
        return self.stripe.v1.subscriptions.create({"customer": customer, "items": [{"plan": self.plan}]}).id

    def _versions(self) -> list[dict[str, Any]]:
        pages = list(self.s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET))
        return [entry for page in pages for kind in ("Versions", "DeleteMarkers") for entry in page.get(kind, ())]

    def _empty_bucket(self) -> None:
        for entry in self._versions():
            self.s3.delete_object(Bucket=BUCKET, Key=entry["Key"], VersionId=entry["VersionId"])

    def settle(self) -> None:
        """Wait for what is still on its way, so that a late deed counts in the run that asked for it."""
        deadline = time.monotonic() + 30
        while any(gate.open for gate in self.gates.values()) and time.monotonic() < deadline:
            time.sleep(0.02)

    # --- what is left, and what arrived -------------------------------------------------------------------------------
    def deeds(self, held: Held, media: Path, *, bucket: bool) -> Counter[str]:
        """How many effects of each kind have happened, as the other side sees it."""
        found: Counter[str] = Counter()
        there = {entry["Key"] for entry in self._versions()} if bucket else _names(media)
        found["file.delete"] = sum(name not in there for name in held.files)
        canceled = self.stripe.v1.subscriptions.retrieve(held.subscription).status == "canceled"
        found["payment.cancel_subscription"] = int(canceled)
        found["payment.detach_method"] = sum(
            self.stripe.v1.payment_methods.retrieve(method).customer is None for method in held.methods
        )
        try:
            gone = getattr(self.stripe.v1.customers.retrieve(held.customer), "deleted", False)
        except stripe.InvalidRequestError:
            gone = True
        found["payment.delete_customer"] = int(bool(gone))
        found["webhook.deliver"] = len({asked.headers["webhook-id"] for asked in self.hooks.asked})
        return found

    def mailed(self) -> dict[str, Counter[str]]:
        """Each recipient's lines, a mail that came twice under one Message-ID counted once."""
        mails: dict[tuple[str, str], str] = {}
        for envelope, message in zip(self.sink.envelopes, self.sink.messages, strict=True):
            body = message.get_body(("plain",))
            assert body is not None
            for address in envelope.rcpt_tos:
                mails.setdefault((address, str(message["Message-ID"])), body.get_content())
        lines: dict[str, Counter[str]] = defaultdict(Counter)
        for (address, _), text in mails.items():
            lines[address].update(line.strip() for line in text.splitlines() if TOLD.search(line))
        return lines

    def doubled(self) -> list[str]:
        """What happened more than once on the other side, in words."""
        found = []
        keys: dict[str, set[str]] = defaultdict(set)
        for what, once in self.gates["payment provider"].asked:
            if what.startswith("POST"):
                keys[what].add(once)
        found += ["one detachment asked under two keys" for _, used in keys.items() if len(used) > 1 or "" in used]
        bodies: dict[str, set[bytes]] = defaultdict(set)
        for asked in self.hooks.asked:
            bodies[asked.headers["webhook-id"]].add(asked.body)
        found += ["one webhook id with two messages" for said in bodies.values() if len(said) > 1]
        return found

    def harmed(self, held: Held, media: Path, *, bucket: bool) -> list[str]:
        """What happened to those who only stood by."""
        found = []
        there = {entry["Key"] for entry in self._versions()} if bucket else _names(media)
        if (held.bystander or "clients/bystander.png") not in there:
            found.append("another client's file is gone")
        if self.stripe.v1.subscriptions.retrieve(self.bystander).status != "active":
            found.append("another client's subscription was cancelled")
        return found


#: A line of a staff digest that says what happened: a session's title, or a task.
TOLD = re.compile(r"^\s*(Class \d+|A client needs .*)$")


def _names(media: Path) -> set[str]:
    return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}


@contextlib.contextmanager
def outside(folder: Path) -> Iterator[Outside]:
    """Every part on a free loopback port while the block runs."""
    with contextlib.ExitStack() as stack:
        ports = [int(stack.enter_context(part(folder)).rpartition(":")[2]) for part in (object_store, payment_provider)]
        whole = Outside(ports[0], ports[1], stack.enter_context(smtp_sink()), stack.enter_context(listener()))
        try:
            yield whole
        finally:
            for gate in whole.gates.values():
                gate.close()
