"""bin/test: the checks of the code, then the whole suite on SQLite and on a PostgreSQL of its own.

usage: bin/test [--sqlite | --postgres] [pytest arguments…]
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import FrameType

import postgres
import prepare

CLOSING = re.compile(r"\b\d+ (passed|failed|errors?|deselected)\b|no tests ran")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
LINES = 40
GRACE = 60
ENGINE = "tests/lethe"
#: Tests of the launchers, which choose databases of their own: the same on either, so a whole run has them once.
ONCE = ("tests/ops/test_suite.py", "tests/ops/test_commands.py")
CODE = ("src", "tests", "bin/lib", "bench")


class Terminated(KeyboardInterrupt):
    """The system asked this process, and this process only, to end."""


def main(arguments: list[str]) -> int:
    """Run what was asked for; gives 0 where all of it passed."""
    if "-h" in arguments or "--help" in arguments:
        print(__doc__.strip())
        return 0
    only = [name for name in ("sqlite", "postgres") if f"--{name}" in arguments]
    rest = [argument for argument in arguments if argument not in ("--sqlite", "--postgres")]
    databases = only or ["sqlite", "postgres"]
    os.chdir(prepare.ROOT)
    install_what_is_missing(databases)
    python = str(prepare.environment("dev"))
    summary = [("code", *checks(python))]
    if "sqlite" in databases:
        summary += suites(python, "SQLite", rest, {"DATABASE_URL": ""})
    if "postgres" in databases:
        with postgres.cluster() as (address, programs):
            path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
            whole = "sqlite" in databases and not any(Path(name.split("::")[0]).exists() for name in rest)
            again = [f"--ignore={path}" for path in ONCE] if whole else []
            summary += suites(python, "PostgreSQL", [*rest, *again], {"DATABASE_URL": address, "PATH": path})
    print()
    for name, _, said in summary:
        print(f"{name:<18} {said}")
    return verdict(summary)


def verdict(summary: list[tuple[str, bool, str]]) -> int:
    """The exit code for what came of the code's checks, which stand first, and of each suite."""
    if not any(re.search(r"\d+ (passed|failed|error)", said) for _, _, said in summary[1:]):
        print("No test was chosen by what was asked for, so nothing is known.")
        return 1
    return 0 if all(passed for _, passed, _ in summary) else 1


def install_what_is_missing(databases: list[str]) -> None:
    """Chromium and PostgreSQL, by apt-get where this is root's machine; elsewhere raises ``Refused`` and names them."""
    missing = []
    if not any(map(shutil.which, CHROMIUM)):
        missing.append("chromium")
    if "postgres" in databases and postgres.binaries() is None:
        missing.append("postgresql")
    if not missing:
        return
    command = f"apt-get install {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise prepare.Refused(f"The tests need {' and '.join(missing)}; install what is missing first ({command}).")
    print(f"Installing {' and '.join(missing)}.", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", *missing]):
        done = subprocess.run(step, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode and step[1] == "install":
            last = (done.stdout.strip().splitlines() or ["it gave no reason"])[-1]
            raise prepare.Refused(f"The tests need {' and '.join(missing)}, and `{command}` failed: {last}")


def checks(python: str) -> tuple[bool, str]:
    """Lint, format, import contract, migrations and types. Gives whether all are in order, and the words for it."""
    tools = Path(python).parent
    code = [name for name in CODE if Path(name).exists()]
    commands = {
        "ruff check": [tools / "ruff", "check", "--output-format=concise", *code],
        "ruff format": [tools / "ruff", "format", "--check", "--output-format=concise", *code],
        "import contract": [tools / "lint-imports"],
        "migrations": [python, "-m", "clubhouse", "makemigrations", "--check", "--dry-run"],
        # What it found is kept in .mypy_cache: the next run looks at what has changed.
        "types": [tools / "mypy"],
    }
    failed = []
    with tempfile.TemporaryDirectory(prefix="clubhouse-checks-") as folder:
        environment = prepare.variables(CLUBHOUSE_DATA=folder, DATABASE_URL="")
        for name, command in commands.items():
            done = subprocess.run(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            print(f"{name}: {'passed' if done.returncode == 0 else 'FAILED'}", flush=True)
            if done.returncode:
                print(*done.stdout.strip().splitlines()[-LINES:], sep="\n", flush=True)
                failed.append(name)
    return not failed, f"failed: {', '.join(failed)}" if failed else f"{len(commands)} checks passed"


def suites(python: str, database: str, arguments: list[str], changes: dict[str, str]) -> list[tuple[str, bool, str]]:
    """The engine's own tests, where the application cannot be imported, and the application's: each where it is asked
    for. Gives (name, whether it passed, closing line) of each."""
    paths = [argument for argument in arguments if Path(argument.split("::")[0]).exists()]
    options = [argument for argument in arguments if argument not in paths]
    engine = [path for path in paths if Path(path.split("::")[0]).absolute().is_relative_to(prepare.ROOT / ENGINE)]
    others = [path for path in paths if path not in engine]
    runs = []
    if engine or not paths:
        runs.append((f"{database}, engine", [*options, "--ds=tests.lethe.settings", *(engine or [ENGINE])]))
    if others or not paths:
        runs.append((database, [*options, *others]))
    return [(name, *suite(python, name, given, changes)) for name, given in runs]


def suite(python: str, name: str, arguments: list[str], changes: dict[str, str]) -> tuple[bool, str]:
    """One run of pytest, shown as it goes. Gives whether it passed, and its closing line."""
    print(f"\npytest on {name}", flush=True)
    command = [python, "-m", "pytest"]
    if not any(re.match(r"-n|--numprocesses|--pdb|--dist|-s$", argument) for argument in arguments):
        # By file: a server or a browser that a file's tests share is started once.
        command += ["-n", "2", "--dist", "loadfile"]
    if sys.stdout.isatty():
        command.append("--color=yes")
    started = time.monotonic()
    with subprocess.Popen(
        [*command, *arguments], env=prepare.variables(**changes), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as running:
        try:
            closing = _relay(running)
        except KeyboardInterrupt as why:
            if isinstance(why, Terminated):
                # Ctrl-C reaches pytest by itself; this does not.
                running.send_signal(signal.SIGINT)
            late = threading.Timer(GRACE, running.kill)
            late.start()
            with contextlib.suppress(KeyboardInterrupt):
                # What it says of the tests it did run.
                _relay(running)
            late.cancel()
            running.kill()
            raise
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line).strip("= \r") for line in closing.splitlines()]
    last = next(
        (line for line in reversed(lines) if CLOSING.search(line)), f"ended after {time.monotonic() - started:.0f} s"
    )
    # A filter of the caller's may leave nothing in one of the two suites.
    filtered = any(argument.startswith(("-k", "-m")) for argument in arguments)
    passed = running.returncode == 0 or (running.returncode == 5 and filtered)
    return passed, last if running.returncode in (0, 1) else f"{last} (exit code {running.returncode})"


def _relay(running: subprocess.Popen[bytes]) -> str:
    """Show what the process prints until it ends, as it comes; gives the last of it.

    A server that a test left behind may hold the pipe open for longer than that, and is not waited for.
    """
    assert running.stdout is not None
    pipe = running.stdout.fileno()
    last = b""
    while True:
        over = running.poll() is not None
        readable, _, _ = select.select([pipe], [], [], 0 if over else 0.5)
        piece = os.read(pipe, 65536) if readable else b""
        if not piece and (over or readable):
            return last.decode(errors="replace")
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        last = (last + piece)[-2000:]


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(main(sys.argv[1:]))
    except prepare.Refused as error:
        sys.exit(f"bin/test: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
