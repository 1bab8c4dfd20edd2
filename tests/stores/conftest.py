"""A Swift for the whole suite, and buckets in it that are the product's object store during a test."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.clubhouse.outside.conftest import Bucket, as_storage
from tests.support.swift import CREDENTIALS, Swift, swift

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swift]:
    """Swift; ``bin/stores`` says which interpreter has it."""
    with swift(os.environ["SWIFT_PYTHON"], tmp_path_factory.mktemp("swift")) as running:
        yield running


@pytest.fixture
def use(store: Swift, settings: SettingsWrapper) -> Callable[..., Bucket]:
    """Lets a bucket be the product's object store, also with other credentials than the right ones."""

    def used(bucket: Bucket, credentials: tuple[str, str] = CREDENTIALS) -> Bucket:
        return as_storage(bucket, store.address, settings, credentials)

    return used


@pytest.fixture
def bucket(store: Swift, use: Callable[..., Bucket]) -> Bucket:
    """A versioned bucket."""
    return use(Bucket(store.address, versioned=True, credentials=CREDENTIALS))


@pytest.fixture
def plain_bucket(store: Swift, use: Callable[..., Bucket]) -> Bucket:
    """A bucket that never had versions."""
    return use(Bucket(store.address, versioned=False, credentials=CREDENTIALS))
