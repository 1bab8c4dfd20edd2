"""bin/serve: the whole product on this machine, in the foreground.

usage: bin/serve [--port N] [--host ADDRESS] [--data DIR]
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import prepare

READY_WITHIN = 120
GRACE = 20
PR_SET_PDEATHSIG = 1


class Stop(BaseException):
    """A person or the system asked this process to end."""


class Service:
    """A child process with the name people know it by."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], keep: tuple[int, ...] = ()) -> None:
        self.name = name
        # A session of its own: Ctrl-C reaches it through this process only, once.
        self.process = subprocess.Popen(
            command,
            env=environment,
            cwd=prepare.ROOT,
            pass_fds=keep,
            start_new_session=True,
            preexec_fn=_end_with_parent(),
        )

    def ended(self) -> bool:
        """Whether it is over."""
        return self.process.poll() is not None


def main(arguments: list[str]) -> int:
    """Start everything, stay until asked to stop or until a part ends; gives the exit code."""
    options = _options(prepare.take_data(arguments))
    listener = _listen(options.host, options.port)
    folder = prepare.data_folder()
    python = str(prepare.environment())
    port = listener.getsockname()[1]
    address = f"http://{_in_address(options.host)}:{port}/"
    environment = _environment(options.host, address, folder)
    with prepare.alone(folder):
        _prepare_data(python, environment, address)
    web = [python, "-m", "gunicorn", "clubhouse.wsgi:application", "--bind", f"fd://{listener.fileno()}"]
    web += ["--worker-class", "gthread", "--workers", "1", "--threads", "8", "--graceful-timeout", "10"]
    web += ["--log-level", "error", "--no-control-socket"]
    services: list[Service] = []
    try:
        services.append(Service("web server", web, environment, keep=(listener.fileno(),)))
        services.append(Service("worker", [python, "-m", "clubhouse", "lethe", "worker"], environment))
        listener.close()
        if _ready(services, options.host, port):
            _announce(address, folder)
        return _watch(services)
    except Stop:
        return 0
    finally:
        _end(services)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/serve", description="Run Clubhouse on this machine, in the foreground.")
    parser.add_argument("--port", type=int, default=8000, help="port of the web server (8000); 0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine alone)")
    parser.add_argument("--data", metavar="DIR", help="folder of database, media and secrets (var/, or CLUBHOUSE_DATA)")
    return parser.parse_args(arguments)


def _listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else is done, and keep it: the web server inherits it."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OverflowError:
        raise prepare.Refused(f"--port {port} is no port; it must lie between 0 and 65535.") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise prepare.Refused(f"Port {port} of {host} cannot be used ({reason}); choose another with --port.") from None
    return listener


def _in_address(host: str) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104
    return f"[{shown}]" if ":" in shown and not shown.startswith("[") else shown


def _environment(host: str, address: str, folder: Path) -> dict[str, str]:
    changes = {"CLUBHOUSE_DATA": str(folder), "PYTHONUNBUFFERED": "1"}
    if not os.environ.get("CLUBHOUSE_URL"):
        changes["CLUBHOUSE_URL"] = address.rstrip("/")
    if not os.environ.get("CLUBHOUSE_HOSTS"):
        changes["CLUBHOUSE_HOSTS"] = ",".join(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", _in_address(host)]))
    return prepare.variables(**changes)


def _prepare_data(python: str, environment: dict[str, str], address: str) -> None:
    """Bring the database up to date and, where it is empty, fill it with the demo business."""
    done = subprocess.run(
        [python, "-m", "clubhouse", "make_ready", "--url", address],
        env=environment,
        cwd=prepare.ROOT,
        stdout=subprocess.DEVNULL,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        raise prepare.Refused("The database could not be made ready; what was in the way is said above.")


def _ready(services: list[Service], host: str, port: int) -> bool:
    """Wait for the first answer; gives whether it came while every part was still there."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and not any(service.ended() for service in services):
        connection = http.client.HTTPConnection(_in_address(host).strip("[]"), port, timeout=5)
        try:
            connection.request("GET", "/sign-in/", headers={"Host": f"localhost:{port}"})
            connection.getresponse()
            return True
        except (OSError, http.client.HTTPException):
            time.sleep(0.1)
        finally:
            connection.close()
    return False


def _announce(address: str, folder: Path) -> None:
    print(f"\nClubhouse is at {address}\n")
    try:
        sign_ins = json.loads((folder / "sign-ins.json").read_text())
    except FileNotFoundError:
        sign_ins = []
    if sign_ins:
        columns = ("role", "email", "password", "url")
        widths = [max(len(str(entry[column])) for entry in sign_ins) for column in columns]
        for entry in sign_ins:
            cells = (str(entry[column]).ljust(width) for column, width in zip(columns, widths, strict=True))
            print("  " + "  ".join(cells).rstrip())
        print(f"\nThese are the demo's sign-ins; they are also in {folder / 'sign-ins.json'}.")
    print("Ctrl-C ends it.", flush=True)


def _watch(services: list[Service]) -> int:
    while True:
        for service in services:
            if service.ended():
                code = service.process.returncode
                how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
                print(f"bin/serve: The {service.name} {how}; the rest is ended too.", file=sys.stderr, flush=True)
                return 1
        time.sleep(0.2)


def _end(services: list[Service]) -> None:
    """Ask every part to end, and wait; a second request to stop, or a part that does not listen, ends it at once."""
    with contextlib.suppress(Stop):
        for service in services:
            _signal(service, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline and not all(service.ended() for service in services):
            time.sleep(0.05)
    for service in services:
        if not service.ended():
            _signal(service, signal.SIGKILL, whole_group=True)
        service.process.wait()


def _signal(service: Service, number: signal.Signals, *, whole_group: bool = False) -> None:
    with contextlib.suppress(ProcessLookupError):
        if whole_group:
            os.killpg(service.process.pid, number)
        elif not service.ended():
            service.process.send_signal(number)


def _end_with_parent() -> Callable[[], None] | None:
    """On Linux, a child is told to end when this process is killed too hard to tell it."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stop


if __name__ == "__main__":
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)
    try:
        sys.exit(main(sys.argv[1:]))
    except prepare.Refused as error:
        sys.exit(f"bin/serve: {error}")
    except Stop:
        sys.exit(0)
