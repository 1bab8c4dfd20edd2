"""What stands in for the world outside: started once for each test process, on free loopback ports."""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
import stripe
from botocore.config import Config

from tests.support.outside import Listener, listener, object_store, payment_provider

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture(scope="session")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server."""
    with object_store(tmp_path_factory.mktemp("s3")) as address:
        yield address


class Bucket:
    """A bucket of one test, looked at from outside the product."""

    def __init__(self, address: str, *, versioned: bool, credentials: tuple[str, str] = ("testing", "testing")) -> None:
        self.name = f"club-{secrets.token_hex(6)}"
        self.client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=credentials[0],
            aws_secret_access_key=credentials[1],
            config=Config(s3={"addressing_style": "path"}),
        )
        self.client.create_bucket(Bucket=self.name)
        if versioned:
            self.client.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": "Enabled"})

    def versions(self) -> list[tuple[str, str]]:
        """The key and the id of every version and delete marker."""
        pages = self.client.get_paginator("list_object_versions").paginate(Bucket=self.name)
        return [
            (one["Key"], one["VersionId"])
            for page in pages
            for kind in ("Versions", "DeleteMarkers")
            for one in page.get(kind, ())
        ]

    def all_bytes(self) -> bytes:
        """The keys and the contents of every version of everything, and the keys of uploads left open."""
        found = []
        for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for version in page.get("Versions", ()):
                chosen = {"Bucket": self.name, "Key": version["Key"], "VersionId": version["VersionId"]}
                found += [version["Key"].encode(), self.client.get_object(**chosen)["Body"].read()]
            found += [marker["Key"].encode() for marker in page.get("DeleteMarkers", ())]
        return b"\n".join(found + [key.encode() for key in self.uploads()])

    def uploads(self) -> list[str]:
        """The keys of uploads in parts that are open."""
        return [upload["Key"] for upload in self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", ())]


@pytest.fixture
def bucket(s3_address: str, settings: SettingsWrapper) -> Bucket:
    """A versioned bucket that is the product's object store during this test."""
    return as_storage(Bucket(s3_address, versioned=True), s3_address, settings)


@pytest.fixture
def plain_bucket(s3_address: str, settings: SettingsWrapper) -> Bucket:
    """A bucket without versions that is the product's object store during this test."""
    return as_storage(Bucket(s3_address, versioned=False), s3_address, settings)


def as_storage(
    bucket: Bucket, address: str, settings: SettingsWrapper, credentials: tuple[str, str] = ("testing", "testing")
) -> Bucket:
    """Let the bucket be the product's object store during this test, set up as the product does it."""
    from clubhouse.environment import media_storage

    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "BUCKET": bucket.name,
            "ENDPOINT": address,
            "REGION": "us-east-1",
            "KEY": credentials[0],
            "SECRET": credentials[1],
        }.items():
            patch.setenv(f"CLUBHOUSE_S3_{name}", value)
        settings.STORAGES = settings.STORAGES | {"default": media_storage()}
    return bucket


@pytest.fixture(scope="session")
def provider_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a payment provider."""
    with payment_provider(tmp_path_factory.mktemp("provider")) as address:
        yield address


@pytest.fixture
def provider(provider_address: str, settings: SettingsWrapper) -> stripe.StripeClient:
    """The payment provider that the product speaks to during this test, looked at from outside the product."""
    settings.STRIPE_KEY = "sk_test_of_the_club"
    settings.STRIPE_API = provider_address
    return stripe.StripeClient("sk_test_of_a_person", base_addresses={"api": provider_address})


@pytest.fixture
def http_listener() -> Iterator[Listener]:
    """A real HTTP server that keeps what it is asked and answers as it is told."""
    with listener() as kept:
        yield kept


def allow_loopback(settings: SettingsWrapper) -> None:
    """Let webhooks go to this machine during this test, as a deployment may."""
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")]
