"""Every outside part on loopback, to try the product against: ``python -m tests.support.parts`` (docs/how-to).

It stays in the foreground, says what to set, and whenever Enter is pressed tells what each part holds.
``python -m tests.support.parts hold CLIENT`` gives a client of the running product something at each of them.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
import stripe
from botocore.config import Config

from tests.support.mail import smtp_sink
from tests.support.outside import listener, object_store, payment_provider

BUCKET = "clubhouse"


def store_client(address: str, key: str = "testing", secret: str = "testing") -> Any:  # noqa: S107
    """The object store as a person with another program sees it."""
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": "path"}),
    )


def serve() -> None:
    """Start the parts, and tell what they hold until the input ends."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clubhouse-parts-")))
        store = stack.enter_context(object_store(folder))
        provider = stack.enter_context(payment_provider(folder))
        mail = stack.enter_context(smtp_sink())
        hooks = stack.enter_context(listener())
        s3 = store_client(store)
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        for name, value in {
            "CLUBHOUSE_S3_BUCKET": BUCKET,
            "CLUBHOUSE_S3_ENDPOINT": store,
            "CLUBHOUSE_S3_KEY": "testing",
            "CLUBHOUSE_S3_SECRET": "testing",
            "CLUBHOUSE_STRIPE_KEY": "sk_test_try",
            "CLUBHOUSE_STRIPE_API": provider,
            "CLUBHOUSE_SMTP_HOST": "127.0.0.1",
            "CLUBHOUSE_SMTP_PORT": mail.port,
            "CLUBHOUSE_STAFF_MAIL_SECONDS": 5,
            "CLUBHOUSE_WEBHOOK_NETWORKS": "127.0.0.0/8",
        }.items():
            print(f"export {name}={value}")
        print(f"\nThe webhook receiver: {hooks.address}/hook\nEnter tells what each part holds; Ctrl-C ends them.")
        sys.stdout.flush()
        api = stripe.StripeClient("sk_test_try", base_addresses={"api": provider})
        for _ in sys.stdin:
            pages = s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
            versions = sum(len(page.get(kind, ())) for page in pages for kind in ("Versions", "DeleteMarkers"))
            customers = api.v1.customers.list({"limit": 100}).data
            running = [
                one
                for customer in customers
                for one in api.v1.subscriptions.list({"customer": customer.id}).data
                if one.status == "active"
            ]
            methods = [
                one
                for customer in customers
                for one in api.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
            ]
            print(f"object store      {versions} versions of files")
            print(f"payment provider  {len(customers)} customers, {len(methods)} cards, {len(running)} subscriptions")
            told = ", ".join(sorted(set(mail.recipients))) or "nobody"
            print(f"mail              {len(mail.envelopes)} mails to {told}")
            print(
                f"webhooks          {len({one.headers.get('webhook-id') for one in hooks.asked})} messages", flush=True
            )


def hold(client: str) -> None:
    """Give the client with this key a customer, a card and a subscription at the provider, and a picture."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clubhouse.settings")
    import django

    django.setup()
    from django.conf import settings

    from clubhouse.billing.models import StoredCard
    from clubhouse.clients.models import Client, ProfileImage
    from clubhouse.memberships.models import Membership
    from tests.support.record import picture

    api = stripe.StripeClient(settings.STRIPE_KEY, base_addresses={"api": settings.STRIPE_API})
    person = Client.objects.get(pk=int(client))
    customer = api.v1.customers.create({"name": "Somebody"}).id
    card: Any = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2031, "cvc": "123"}
    method = api.v1.payment_methods.create({"type": "card", "card": card}).id
    api.v1.payment_methods.attach(method, {"customer": customer})
    api.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    plan = api.v1.plans.create(
        {"amount": 3900, "currency": "gbp", "interval": "month", "product": {"name": "Monthly"}}
    ).id
    subscription = api.v1.subscriptions.create({"customer": customer, "items": [{"plan": plan}]}).id
    StoredCard.objects.create(client=person, provider="stripe", customer_token=customer, card_token=method)
    Membership.objects.create(
        client=person,
        plan="Tried out",
        status="cancelled",
        starts_on=person.joined_on,
        price=39,
        currency="GBP",
        provider_reference=subscription,
    )
    ProfileImage.objects.filter(client=person).delete()
    image = ProfileImage(client=person)
    for name in ("original", "medium", "thumbnail"):
        getattr(image, name).save("photo.png", picture("tried out"), save=False)
    image.save()
    print(f"Client {person.pk} has a customer, a card, a subscription and a picture outside now.")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        if sys.argv[1:2] == ["hold"] and len(sys.argv) == 3:
            hold(sys.argv[2])
        else:
            serve()
