"""Makes the environment from the lock files, once, whoever asks first. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UNREACHABLE = re.compile(
    r"NewConnectionError|Connection(Error|Refused| refused| aborted| broken)|Failed to establish|name resolution|"
    r"Network is unreachable|ProxyError|timed out|SSLError|No matching distribution found"
)


class Refused(Exception):
    """Something outside this repository is in the way; the message is one sentence that says what, and the cure."""


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the folder's lock while the block runs; a second command waits its turn. The lock ends with its holder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def environment(kind: str = "run") -> Path:
    """The interpreter of an environment that holds what ``requirements/KIND.lock`` lists; made or mended if needed.

    The development lock contains the run-time lock, version for version, so an environment for ``dev`` serves both.
    ``swift``, the object store to test against, has one of its own. Raises ``Refused`` where it cannot be made.
    """
    if not _current(kind):
        try:
            with alone(ROOT):
                if not _current(kind):
                    _make(kind)
        except OSError as error:
            raise Refused(f"The environment {_folder(kind)} cannot be written ({error.strerror}).") from None
    return _python(kind)


def variables(**more: str) -> dict[str, str]:
    """The process environment in which Django's commands find this project."""
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    return os.environ | {"PYTHONPATH": path, "DJANGO_SETTINGS_MODULE": "clubhouse.settings"} | more


def take_data(arguments: list[str]) -> list[str]:
    """The arguments without ``--data DIR``, which goes to ``CLUBHOUSE_DATA``. Raises ``Refused`` if DIR is missing."""
    rest: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        name, _, value = argument.partition("=")
        if name != "--data":
            rest.append(argument)
            continue
        folder = value or next(waiting, "")
        if not folder:
            raise Refused("--data needs a folder: --data DIR.")
        os.environ["CLUBHOUSE_DATA"] = folder
    if given := os.environ.get("CLUBHOUSE_DATA"):
        os.environ["CLUBHOUSE_DATA"] = str(Path(given).expanduser().absolute())
    return rest


def data_folder() -> Path:
    """The data folder, made if needed. Raises ``Refused`` where nothing can be written to it."""
    folder = Path(os.environ.get("CLUBHOUSE_DATA") or ROOT / "var")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or "unknown error"
        raise Refused(f"The data folder {folder} cannot be written ({reason}); name another with --data DIR.") from None
    return folder


def _digest(kind: str) -> str:
    return hashlib.sha256((ROOT / "requirements" / f"{kind}.lock").read_bytes()).hexdigest()


def _folder(kind: str) -> Path:
    return ROOT / (".venv-swift" if kind == "swift" else ".venv")


def _python(kind: str) -> Path:
    return _folder(kind) / "bin" / "python"


def _stamp(kind: str) -> Path:
    return _folder(kind) / f"{kind}.sha256"


def _current(kind: str) -> bool:
    try:
        return _python(kind).exists() and _stamp(kind).read_text() == _digest(kind)
    except FileNotFoundError:
        return False


def _make(kind: str) -> None:
    folder, python = _folder(kind), _python(kind)
    said = f"Preparing the environment in {folder.name}; the first time takes a minute or two."
    print(said, file=sys.stderr, flush=True)
    if not _answers(python, "-m", "pip", "--version"):
        made = _run(sys.executable, "-m", "venv", "--clear", str(folder))
        if made.returncode:
            if re.search(r"ensurepip|No module named '?venv", made.stdout):
                raise Refused(
                    f"The Python at {sys.executable} has no venv module; install it "
                    "(on Debian and Ubuntu: apt-get install python3-venv)."
                )
            raise Refused(f"The environment {folder} could not be made: {_last_line(made.stdout)}")
    lock = ROOT / "requirements" / f"{kind}.lock"
    quietly = ("--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2")
    done = _run(str(python), "-m", "pip", "install", *quietly, "--prefer-binary", "--require-hashes", "-r", str(lock))
    if done.returncode:
        name = lock.relative_to(ROOT)
        if "DO NOT MATCH THE HASHES" in done.stdout:
            raise Refused(f"A package from the index is not the one that {name} names, so nothing of it was installed.")
        if UNREACHABLE.search(done.stdout):
            raise Refused(
                f"The packages in {name} could not be fetched; connect this machine to the network, "
                "or set PIP_INDEX_URL to a package index that it reaches, and start again."
            )
        raise Refused(f"The packages in {name} could not be installed: {_last_line(done.stdout)}")
    for each in ("run", "dev") if kind == "dev" else (kind,):
        beside = _stamp(each).with_suffix(".new")
        beside.write_text(_digest(each))
        beside.replace(_stamp(each))


def _answers(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    # Not this terminal's group: Ctrl-C ends this process, which ends that one, and only one of them speaks.
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, start_new_session=True
    )


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return (lines[-1] if lines else "it gave no reason")[:300]
