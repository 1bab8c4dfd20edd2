"""bin/serve for real: a process, a port, a database, a browser's requests."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mail import free_port
from tests.support.serving import Serving, is_running, run, serving, sign_in_over_http

ROLES = [
    "administrator",
    "administrator-without-delete",
    "employee",
    "member",
    "employee-without-administrator",
    "operator",
]
COUNT = "from clubhouse.accounts.models import Business; print('businesses:', Business.objects.count())"


@pytest.fixture(scope="module")
def both(served_data: Path, database_url: str) -> Iterator[tuple[Serving, Serving]]:
    """Two starts at once on a folder that is not there yet."""
    environment = {"DATABASE_URL": database_url}
    with (
        serving(served_data, environment=environment) as one,
        serving(served_data, environment=environment) as other,
    ):
        _ = one.address, other.address
        yield one, other


@pytest.fixture
def loaded(both: tuple[Serving, Serving], served_data: Path, database_url: str) -> Iterator[Serving]:
    """A later start on the folder that those two have filled."""
    with serving(served_data, environment={"DATABASE_URL": database_url}) as again:
        _ = again.address
        yield again


def test_two_starts_at_once_make_one_demo_business(both: tuple[Serving, Serving], database_url: str) -> None:
    for each in both:
        with urllib.request.urlopen(f"{each.address}sign-in/", timeout=30) as page:
            assert page.status == 200
    counted = run("manage", "shell", "-c", COUNT, "--data", str(both[0].data), DATABASE_URL=database_url)
    assert "businesses: 2\n" in counted.stdout, counted.stderr


def test_it_prints_and_writes_one_sign_in_per_role(both: tuple[Serving, Serving]) -> None:
    path = both[0].data / "sign-ins.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    entries = both[0].sign_ins
    assert [entry["role"] for entry in entries] == ROLES
    assert [set(entry) for entry in entries] == [{"role", "url", "email", "password"}] * 6
    assert len({entry["password"] for entry in entries}) == 6
    for entry in entries:
        assert len(entry["password"]) >= 12
        assert entry["url"].endswith("/member/sign-in/" if entry["role"] == "member" else "/sign-in/")
        for each in both:
            assert any(entry["email"] in line and entry["password"] in line for line in each.said.splitlines())


@pytest.mark.parametrize("role", ROLES)
def test_every_sign_in_signs_in(both: tuple[Serving, Serving], role: str) -> None:
    [entry] = [entry for entry in both[0].sign_ins if entry["role"] == role]
    status, address = sign_in_over_http(entry)
    assert status == 200
    assert "sign-in" not in address


def test_it_serves_its_static_files(both: tuple[Serving, Serving]) -> None:
    with urllib.request.urlopen(f"{both[0].address}sign-in/", timeout=30) as page:
        sheet = next(part for part in page.read().decode().split('"') if part.startswith("/static/") and ".css" in part)
    with urllib.request.urlopen(both[0].address.rstrip("/") + sheet, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/css")


def test_it_listens_on_this_machine_alone(both: tuple[Serving, Serving]) -> None:
    port = int(both[0].address.rstrip("/").rpartition(":")[2])
    listening = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout
    assert [line.split()[3] for line in listening.splitlines()] == [f"127.0.0.1:{port}"]


def test_a_later_start_keeps_the_data_and_moves_the_addresses(loaded: Serving, both: tuple[Serving, Serving]) -> None:
    assert loaded.address != both[0].address
    assert all(entry["url"].startswith(loaded.address) for entry in loaded.sign_ins)
    printed = both[0].said
    assert all(entry["password"] in printed for entry in loaded.sign_ins)
    assert sign_in_over_http(loaded.sign_ins[0])[0] == 200
    assert_ends_cleanly(loaded, signal.SIGTERM)


def test_ctrl_c_ends_it_with_both_children(loaded: Serving) -> None:
    assert_ends_cleanly(loaded, signal.SIGINT)


def assert_ends_cleanly(served: Serving, how: signal.Signals) -> None:
    children = served.children()
    assert sorted("gunicorn" in command for command in children.values()) == [False, True]
    assert served.end(how) == 0
    assert [pid for pid in children if is_running(pid)] == []
    assert "Traceback" not in served.said
    assert served.said.rstrip().endswith("Ctrl-C ends it.")


def test_what_it_started_ends_even_where_it_is_killed(loaded: Serving) -> None:
    children = list(loaded.children())
    loaded.process.kill()
    loaded.process.wait(60)
    deadline = time.monotonic() + 60
    while any(map(is_running, children)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [pid for pid in children if is_running(pid)] == []


# The last two that use those first two starts, because they end them.
@pytest.mark.parametrize(("which", "name"), [(0, "web server"), (1, "worker")])
def test_where_one_child_dies_the_other_is_ended(both: tuple[Serving, Serving], which: int, name: str) -> None:
    served = both[which]
    children = served.children()
    [victim] = [pid for pid, command in children.items() if ("gunicorn" in command) == (name == "web server")]
    os.kill(victim, signal.SIGKILL)
    assert served.process.wait(60) == 1
    assert f"bin/serve: The {name} was killed by signal 9; the rest is ended too.\n" in served.said
    assert [pid for pid in children if is_running(pid)] == []


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = run("serve", "--port", str(port), "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"bin/serve: Port {port} of 127.0.0.1 cannot be used (Address already in use); choose another with --port.\n"
    )
    assert not (tmp_path / "data").exists()


def test_an_impossible_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    done = run("serve", "--port", "70000", "--data", str(tmp_path))
    assert (done.returncode, done.stderr) == (
        1,
        "bin/serve: --port 70000 is no port; it must lie between 0 and 65535.\n",
    )


def test_an_unwritable_folder_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "data"
    done = run("serve", "--port", "0", "--data", str(folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"bin/serve: The data folder {folder} cannot be written (Not a directory); name another with --data DIR.\n"
    )


def test_a_database_that_does_not_answer_is_said_without_a_traceback(tmp_path: Path) -> None:
    nowhere = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    done = run("serve", "--port", "0", "--data", str(tmp_path), DATABASE_URL=nowhere)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    first, last = done.stderr.splitlines()
    assert first.startswith("bin/manage: The database did not answer as it should: ")
    assert last == "bin/serve: The database could not be made ready; what was in the way is said above."
