"""bin/test: what it says of a suite that passes, fails, chooses nothing or is cut off."""

from __future__ import annotations

import importlib.util
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import psycopg
import pytest

from tests.support.serving import PATIENCE, ROOT, is_running, run

SUITE = """
import os, pathlib, time

def test_this_database_was_asked_for():
    place = os.environ["DATABASE_URL"]
    assert place == "" or place.startswith("postgres://")
    with pathlib.Path({seen!r}).open("a") as file:
        file.write((place or "sqlite") + chr(10))

def test_it_takes_its_time():
    time.sleep({seconds})

def test_two_is_two():
    assert {two} == 2
"""


def suite(folder: Path, *, two: int = 2, seconds: int = 0) -> Path:
    path = folder / "test_sample.py"
    path.write_text(SUITE.format(seen=str(folder / "seen"), two=two, seconds=seconds))
    return path


def test_the_last_lines_say_what_passed_on_each_database(tmp_path: Path) -> None:
    done = run("test", str(suite(tmp_path)), "-p", "no:cacheprovider")
    lines = done.stdout.rstrip().splitlines()
    assert [line.split()[0] for line in lines[-3:]] == ["code", "SQLite", "PostgreSQL"], done.stdout
    assert all(re.search(r" 3 passed in ", line) for line in lines[-2:])
    first, second = (tmp_path / "seen").read_text().splitlines()
    assert first == "sqlite"
    assert second.startswith("postgres://postgres@127.0.0.1:")
    assert (done.returncode == 0) == ("checks passed" in lines[-3])
    checked = re.findall(r"^([a-z ]+): (?:passed|FAILED)$", done.stdout, re.MULTILINE)
    assert checked == ["ruff check", "ruff format", "import contract", "migrations", "types"]


@pytest.fixture(scope="module")
def launcher() -> ModuleType:
    """bin/lib/test.py, as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "bin" / "lib")
        spec = importlib.util.spec_from_file_location("launcher_of_tests", ROOT / "bin" / "lib" / "test.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def test_a_failing_test_fails_the_suite(launcher: ModuleType, tmp_path: Path) -> None:
    arguments = [str(suite(tmp_path, two=3)), "-n", "0", "-p", "no:cacheprovider"]
    passed, said = launcher.suite(sys.executable, "SQLite", arguments, {"DATABASE_URL": ""})
    assert not passed
    assert said.startswith("1 failed, 2 passed in ")


@pytest.mark.parametrize(
    ("code", "engine", "application", "expected"),
    [
        (True, (True, "39 passed in 3.10s"), (True, "9 passed in 2.00s"), 0),
        (True, (True, "39 deselected in 0.10s"), (True, "1 passed, 8 deselected in 2.00s"), 0),
        (False, (True, "39 passed in 3.10s"), (True, "9 passed in 2.00s"), 1),
        (True, (True, "39 passed in 3.10s"), (False, "1 failed, 8 passed in 2.00s"), 1),
        (True, (True, "39 deselected in 0.10s"), (True, "9 deselected in 0.20s"), 1),
        (True, (True, "39 passed in 3.10s"), (False, "1 error in 1.00s"), 1),
    ],
)
def test_all_has_to_pass_and_something_to_run(
    launcher: ModuleType, code: bool, engine: tuple[bool, str], application: tuple[bool, str], expected: int
) -> None:
    summary = [("code", code, "checked"), ("SQLite, engine", *engine), ("SQLite", *application)]
    assert launcher.verdict(summary) == expected


def test_a_run_that_is_cut_off_leaves_no_server_behind(tmp_path: Path) -> None:
    sample = str(suite(tmp_path, seconds=600))
    command = [ROOT / "bin" / "test", "--postgres", "-n", "0", sample, "-p", "no:cacheprovider"]
    seen = tmp_path / "seen"
    with (tmp_path / "output").open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as running:
        deadline = time.monotonic() + PATIENCE
        while not (seen.exists() and seen.read_text()) and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        try:
            with psycopg.connect(seen.read_text().strip()) as connection:
                [folder] = connection.execute("SHOW data_directory").fetchone()
            server = int((Path(folder) / "postmaster.pid").read_text().split()[0])
        finally:
            running.send_signal(signal.SIGTERM)
        assert running.wait(90) == 130
    assert not Path(folder).parent.exists()
    assert not is_running(server)
    assert "Traceback" not in (tmp_path / "output").read_text()
