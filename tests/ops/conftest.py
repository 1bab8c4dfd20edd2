"""A database and a data folder for commands that run as processes of their own."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """An empty database of the kind this run tests: a new one in PostgreSQL, or the data folder's SQLite."""
    wanted = settings.DATABASES["default"]
    if not wanted["ENGINE"].endswith("postgresql"):
        yield ""
        return
    import psycopg

    name = f"serve_{secrets.token_hex(6)}"
    place = {"host": wanted["HOST"], "port": wanted["PORT"], "user": wanted["USER"], "password": wanted["PASSWORD"]}
    with psycopg.connect(dbname="postgres", autocommit=True, **place) as server:
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield f"postgres://{wanted['USER']}:{wanted['PASSWORD']}@{wanted['HOST']}:{wanted['PORT']}/{name}"
        finally:
            server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def served_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder that does not exist yet when the first command names it."""
    return tmp_path_factory.mktemp("served") / "data"
