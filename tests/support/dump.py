"""Everything that is stored, as bytes: to search for what must not be there, and to compare what must not change."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper


def logical_dump(connection: BaseDatabaseWrapper) -> bytes:
    """Every row of every table as text: SQLite's own dump, or ``pg_dump``.

    ``pg_dump`` is another connection and sees only what is committed: on PostgreSQL use it under ``transactional_db``.
    """
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        return "\n".join(connection.connection.iterdump()).encode("utf-8", "surrogatepass")
    return _pg_dump(connection)


def file_bytes(connection: BaseDatabaseWrapper) -> bytes:
    """The raw bytes of SQLite's file and its write-ahead log, free pages and page gaps included; empty elsewhere."""
    if connection.vendor != "sqlite":
        return b""
    name = str(connection.settings_dict["NAME"])
    parts = [Path(name), Path(f"{name}-wal"), Path(f"{name}-journal")]
    return b"".join(part.read_bytes() for part in parts if part.exists())


def raw_dump(connection: BaseDatabaseWrapper, *, with_file: bool = True) -> bytes:
    """All the database holds: its rows and, on SQLite unless ``with_file`` is false, the bytes of its files."""
    return logical_dump(connection) + (file_bytes(connection) if with_file else b"")


def folder_bytes(path: str | Path) -> bytes:
    """The names and the contents of every file below a folder, in order of name; empty where there is none."""
    root = Path(path)
    files = sorted(file for file in root.rglob("*") if file.is_file())
    return b"\n".join(str(file.relative_to(root)).encode() + b"\n" + file.read_bytes() for file in files)


def _pg_dump(connection: BaseDatabaseWrapper) -> bytes:
    wanted = connection.settings_dict
    arguments = ["pg_dump", "--no-owner", "--no-privileges", f"--dbname={wanted['NAME']}"]
    for option, key in (("--host", "HOST"), ("--port", "PORT"), ("--username", "USER")):
        if wanted[key]:
            arguments.append(f"{option}={wanted[key]}")
    environment = os.environ | ({"PGPASSWORD": wanted["PASSWORD"]} if wanted["PASSWORD"] else {})
    done = subprocess.run(arguments, env=environment, capture_output=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(f"pg_dump failed: {done.stderr.decode().strip()}")
    return done.stdout
