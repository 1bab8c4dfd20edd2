"""Where a fault run happens: a database that is copied for each run from one that was prepared, and thrown away.

PostgreSQL is a cluster of our own, because it is stopped and started in the middle.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.support.dump import logical_dump

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bin" / "lib"))

import postgres  # noqa: E402 - the launchers' own module

PREPARED, RUN = "prepared", "run"


class Ground(Protocol):
    """A kind of database."""

    vendor: str

    def variables(self) -> dict[str, str]:
        """The environment in which the process under test finds the server."""

    def prepared(self) -> str:
        """The name of the database that is copied."""

    def fresh(self) -> str:
        """A new copy of the prepared database; gives its name."""

    def postmaster(self) -> int:
        """The process to end where the server is to go away; 0 where there is none."""


class Sqlite:
    """A file, copied."""

    vendor = "SQLite"

    def __init__(self, folder: Path, migrated: bytes) -> None:
        self.folder = folder
        (folder / f"{PREPARED}.sqlite3").write_bytes(migrated)

    def variables(self) -> dict[str, str]:
        return {"DATABASE_URL": ""}

    def prepared(self) -> str:
        return str(self.folder / f"{PREPARED}.sqlite3")

    def fresh(self) -> str:
        for old in self.folder.glob(f"{RUN}.sqlite3*"):
            old.unlink()
        shutil.copyfile(self.prepared(), self.folder / f"{RUN}.sqlite3")
        return str(self.folder / f"{RUN}.sqlite3")

    def postmaster(self) -> int:
        return 0


class Postgres:
    """A cluster of our own, started again whenever it has ended."""

    vendor = "PostgreSQL"

    def __init__(self, folder: Path, dump: bytes) -> None:
        programs = postgres.binaries()
        assert programs is not None, "PostgreSQL is not installed"
        # What was said to be committed has to survive the server's end.
        postgres.SETTINGS["synchronous_commit"] = "on"
        self.programs, self.folder = programs, folder
        self.owner = postgres._owner(folder)
        postgres._initialise(programs, folder, self.owner)
        self.port = postgres._free_port()
        self.starts = 0
        self._ended = False
        self._up = threading.Event()
        self._server: subprocess.Popen[bytes] | None = None
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        self.wait()
        self._ask(f"CREATE DATABASE {PREPARED}")
        psql = [str(programs / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port)]
        command = [*psql, "-U", "postgres", PREPARED]
        done = subprocess.run(command, input=dump, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 0, done.stderr.decode()[-300:]

    def _keep(self) -> None:
        while not self._ended:
            if self._server is None or self._server.poll() is not None:
                self._up.clear()
                self._server = postgres._start(self.programs, self.folder, self.port, self.owner)
                postgres._wait_until_ready(self.programs, self._server, self.folder, self.port)
                self.starts += 1
                self._up.set()
            time.sleep(0.05)

    def wait(self) -> None:
        """Wait until the server answers."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._up.wait(1):
                with contextlib.suppress(psycopg.OperationalError):
                    self._ask("SELECT 1")
                    return
            time.sleep(0.05)
        raise AssertionError("PostgreSQL did not come back within a minute")

    def _ask(self, statement: str) -> None:
        with psycopg.connect(self.address("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def address(self, name: str) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{name}"

    def variables(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.programs), os.environ.get("PATH", os.defpath)])
        return {"DATABASE_URL": self.address(RUN), "PATH": path}

    def prepared(self) -> str:
        return PREPARED

    def fresh(self) -> str:
        self.wait()
        self._ask(f"DROP DATABASE IF EXISTS {RUN} WITH (FORCE)")
        self._ask(f"CREATE DATABASE {RUN} TEMPLATE {PREPARED}")
        return RUN

    def postmaster(self) -> int:
        self.wait()
        assert self._server is not None
        # ``setpriv`` becomes the server, so this is the postmaster's own number.
        return self._server.pid

    def close(self) -> None:
        self._ended = True
        self._keeper.join(60)
        if self._server is not None:
            if self._server.poll() is None:
                self._server.send_signal(signal.SIGINT)
            postgres._stop(self._server)


def contents(connection: BaseDatabaseWrapper) -> bytes:
    """A migrated database as bytes: SQLite's file, or a dump."""
    if connection.vendor == "postgresql":
        return logical_dump(connection)
    connection.ensure_connection()
    return bytes(connection.connection.serialize())


@contextlib.contextmanager
def ground(vendor: str, folder: Path, migrated: bytes) -> Iterator[Any]:
    """A :class:`Ground` while the block runs, made of what :func:`contents` gave."""
    if vendor == "sqlite":
        yield Sqlite(folder, migrated)
        return
    made = Postgres(folder, migrated)
    try:
        yield made
    finally:
        made.close()
