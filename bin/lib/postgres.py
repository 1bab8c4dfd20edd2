"""A private PostgreSQL: a cluster in a temporary folder, while a block or a command runs. Standard library only.

``bin/with-postgres COMMAND…`` runs a command with ``DATABASE_URL`` naming an empty database in such a cluster.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import prepare

# Nothing in it has to survive a power cut. Statistics are taken when a test or a bench asks for them: taken by the
# server in the middle of a test, they say of tables whose rows were rolled back that they are empty, however large.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "100",
}
DATABASE = "clubhouse"


def binaries() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, the newest where there are several; ``None`` where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: -float(folder.parent.name))
    if found := shutil.which("initdb"):
        folders.append(Path(found).resolve().parent)
    return next((folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()), None)


@contextlib.contextmanager
def cluster() -> Iterator[tuple[str, Path]]:
    """Run a cluster; gives ``DATABASE_URL`` and the folder of its programs. It is gone when the block ends.

    Raises ``prepare.Refused`` where PostgreSQL is not installed or does not start.
    """
    programs = binaries()
    if programs is None:
        raise prepare.Refused("PostgreSQL is not installed (on Debian and Ubuntu: apt-get install postgresql).")
    # Root's own temporary folder may be closed to the account that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="clubhouse-postgres-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    owner = _owner(folder)
    server: subprocess.Popen[bytes] | None = None
    try:
        _initialise(programs, folder, owner)
        port = _free_port()
        server = _start(programs, folder, port, owner)
        _wait_until_ready(programs, server, folder, port)
        _checked([programs / "createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", DATABASE], None)
        yield f"postgres://postgres@127.0.0.1:{port}/{DATABASE}", programs
    finally:
        if server is not None:
            _stop(server)
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root; whom it runs as instead."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            account = pwd.getpwnam(name)
            os.chown(folder, account.pw_uid, account.pw_gid)
            return name
    raise prepare.Refused("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as.")


def _as(owner: str | None) -> list[str]:
    if owner is None:
        return []
    group = str(pwd.getpwnam(owner).pw_gid)
    return ["setpriv", f"--reuid={owner}", f"--regid={group}", "--clear-groups", "--"]


def _initialise(programs: Path, folder: Path, owner: str | None) -> None:
    command = [programs / "initdb", "-D", folder / "data", "-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8"]
    try:
        _checked([*command, "--locale=C.UTF-8"], owner)
    except prepare.Refused:
        # A system without that locale; initdb has cleaned up after itself.
        _checked([*command, "--locale=C"], owner)


def _start(programs: Path, folder: Path, port: int, owner: str | None) -> subprocess.Popen[bytes]:
    settings = SETTINGS | {"port": str(port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder)}
    command = [*_as(owner), programs / "postgres", "-D", folder / "data"]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with (folder / "log").open("wb") as log:
        # A session of its own, so that Ctrl-C reaches it through this process only, after the tests have ended.
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)


def _wait_until_ready(programs: Path, server: subprocess.Popen[bytes], folder: Path, port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        if subprocess.run(ready, check=False).returncode == 0:
            return
        time.sleep(0.1)
    lines = (folder / "log").read_text(errors="replace").strip().splitlines()
    raise prepare.Refused(f"PostgreSQL did not start: {lines[-1] if lines else 'it said nothing within a minute'}.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; connections that are still open are ended."""
    for how, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 10), (signal.SIGKILL, 10)):
        if server.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            server.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(seconds)


def _checked(command: Sequence[str | Path], owner: str | None) -> None:
    done = subprocess.run(
        [*_as(owner), *command], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        lines = done.stdout.strip().splitlines()
        raise prepare.Refused(f"{Path(command[0]).name} failed: {lines[-1] if lines else 'it gave no reason'}.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: list[str]) -> int:
    """Run a command beside a cluster; gives its exit code."""
    if not command:
        raise prepare.Refused("name the command to run: bin/with-postgres COMMAND…")
    with cluster() as (address, programs):
        path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
        return subprocess.run(command, env=os.environ | {"DATABASE_URL": address, "PATH": path}, check=False).returncode


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main(sys.argv[1:]))
    except prepare.Refused as error:
        sys.exit(f"bin/with-postgres: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
