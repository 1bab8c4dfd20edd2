"""bin/manage, the launcher under all commands, and the environment it makes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clubhouse import environment
from tests.support.mail import free_port
from tests.support.serving import ROOT, run

DATABASE = "DATABASE_URL must name SQLite or PostgreSQL: sqlite:///PATH or postgres://USER@HOST/NAME."
WHERE = "from django.conf import settings; print(settings.DATA_DIR)"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("joined", [True, False])
def test_data_may_stand_before_or_after_the_command(tmp_path: Path, before: bool, joined: bool) -> None:
    command = ["shell", "-v", "0", "-c", WHERE]
    data = [f"--data={tmp_path}"] if joined else ["--data", str(tmp_path)]
    done = run("manage", *(data + command if before else command + data))
    assert done.stdout == f"{tmp_path}\n", done.stderr


def test_the_environment_names_the_data_folder_too(tmp_path: Path) -> None:
    done = run("manage", "shell", "-v", "0", "-c", WHERE, CLUBHOUSE_DATA=str(tmp_path))
    assert done.stdout == f"{tmp_path}\n", done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["check", "--data"], {}, "bin/manage: --data needs a folder: --data DIR.\n"),
        (
            ["check"],
            {"CLUBHOUSE_DEBUG": "perhaps"},
            "bin/manage: CLUBHOUSE_DEBUG is 'perhaps'; it must be yes or no.\n",
        ),
        (["check"], {"DATABASE_URL": "mysql://u:secret@localhost/x"}, f"bin/manage: {DATABASE}\n"),
        (["check"], {"DATABASE_URL": "u:secret@localhost"}, f"bin/manage: {DATABASE}\n"),
        (
            ["check"],
            {"CLUBHOUSE_SMTP_PORT": "mail"},
            "bin/manage: CLUBHOUSE_SMTP_PORT is 'mail'; it must be a whole number.\n",
        ),
        (
            ["check"],
            {"CLUBHOUSE_SMTP_TLS": "yes", "CLUBHOUSE_SMTP_SSL": "yes"},
            "bin/manage: Switch on CLUBHOUSE_SMTP_TLS or CLUBHOUSE_SMTP_SSL, not both.\n",
        ),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    done = run("manage", *arguments, **({"CLUBHOUSE_DATA": str(tmp_path)} | environment))
    assert (done.returncode, done.stderr) == (1, said)


def test_a_database_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    nowhere = f"postgres://nobody@127.0.0.1:{free_port()}/none"
    done = run("manage", "showmigrations", CLUBHOUSE_DATA=str(tmp_path), DATABASE_URL=nowhere)
    assert done.returncode == 1
    assert re.fullmatch(r"bin/manage: The database did not answer as it should: [^\n]*\n", done.stderr)


def test_processes_that_start_together_draw_one_secret_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from clubhouse.environment import secret_key; "
        "print('ready', flush=True); sys.stdin.read(1); print(secret_key(Path(sys.argv[1])))"
    )
    inherited = {key: value for key, value in os.environ.items() if key != "CLUBHOUSE_SECRET_KEY"}
    inherited["PYTHONPATH"] = str(ROOT / "src")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": inherited}
    started = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], **pipes) for _ in range(6)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("x")
        process.stdin.flush()
    keys = [process.communicate(timeout=60)[0].strip() for process in started]
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 50
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_a_secret_key_is_never_seen_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    put = os.link

    def another_is_quicker(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "link", put)
        assert not target.exists()
        seen.append(environment.secret_key(tmp_path))
        put(source, target)

    monkeypatch.delenv("CLUBHOUSE_SECRET_KEY", raising=False)
    monkeypatch.setattr(os, "link", another_is_quicker)
    assert environment.secret_key(tmp_path) == seen[0]
    assert [path.name for path in tmp_path.iterdir()] == ["secret-key"]


def test_the_tested_versions_are_the_ones_that_run() -> None:
    def pins(name: str) -> dict[str, str]:
        return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))

    run_time, development = pins("run.lock"), pins("dev.lock")
    assert len(run_time) > 10
    assert {name: development.get(name) for name in run_time} == run_time


# --- the launcher where something is missing --------------------------------------------------------------------------
@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """A checkout without an environment, and with a lock file that needs nothing from any index."""
    shutil.copytree(ROOT / "bin", tmp_path / "fresh" / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "fresh" / "requirements").mkdir()
    for name in ("run.lock", "dev.lock"):
        (tmp_path / "fresh" / "requirements" / name).write_text("# nothing\n")
    return tmp_path / "fresh"


def prepare(fresh: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    code = (
        "import prepare\ntry:\n  print(prepare.environment())\nexcept prepare.Refused as e:\n  raise SystemExit(str(e))"
    )
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=fresh / "bin" / "lib",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_two_commands_at_once_make_one_environment_and_a_new_lock_mends_it(fresh: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: prepare(fresh), range(2)))
    assert [done.stdout for done in both] == [f"{fresh / '.venv/bin/python'}\n"] * 2, both
    assert sum("Preparing the environment" in done.stderr for done in both) == 1
    stamp = (fresh / ".venv/run.sha256").read_text()
    assert prepare(fresh).stderr == ""
    (fresh / "requirements/run.lock").write_text("# still nothing\n")
    assert "Preparing the environment" in prepare(fresh).stderr
    assert (fresh / ".venv/run.sha256").read_text() != stamp


def test_an_environment_that_was_cut_off_half_way_is_made_again(fresh: Path) -> None:
    (fresh / ".venv/bin").mkdir(parents=True)
    (fresh / ".venv/bin/python").symlink_to(sys.executable)
    (fresh / ".venv/left-over").write_text("")
    done = prepare(fresh)
    assert done.returncode == 0, done.stderr
    assert (fresh / ".venv/run.sha256").exists()


def test_no_network_at_the_first_start_is_one_sentence(fresh: Path) -> None:
    lock = "asgiref==3.8.1 --hash=sha256:" + "0" * 64 + "\n"
    (fresh / "requirements/run.lock").write_text(lock)
    closed = f"http://127.0.0.1:{free_port()}/simple"
    done = prepare(
        fresh,
        PIP_CONFIG_FILE=os.devnull,
        PIP_INDEX_URL=closed,
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
        PIP_NO_INDEX="0",
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        "The packages in requirements/run.lock could not be fetched; connect this machine to the network, "
        "or set PIP_INDEX_URL to a package index that it reaches, and start again."
    ]
    assert not (fresh / ".venv/run.sha256").exists()


def fake_python(folder: Path, script: str) -> str:
    """A PATH on which ``python3`` is this script, and nothing else but what a shell needs."""
    folder.mkdir()
    (folder / "python3").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "python3").chmod(0o755)
    (folder / "dirname").symlink_to(shutil.which("dirname"))
    return str(folder)


def test_a_python_that_is_too_old_is_one_sentence(fresh: Path, tmp_path: Path) -> None:
    path = fake_python(tmp_path / "path", "exit 1")
    done = subprocess.run(
        [fresh / "bin/serve"], env={"PATH": path}, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr == (
        "bin/serve: Python 3.11 or newer is needed and none of python3 to python3.14 on the PATH is; "
        "install it, or name one in CLUBHOUSE_PYTHON.\n"
    )


def test_a_python_without_venv_is_one_sentence(fresh: Path, tmp_path: Path) -> None:
    without = f'case "$*" in *"-m venv"*) echo "No module named venv"; exit 1;; esac; exec {sys.executable} "$@"'
    path = fake_python(tmp_path / "path", without)
    code = f"import sys; sys.executable = {str(Path(path) / 'python3')!r}; sys.argv = ['serve.py', '--port', '0']; "
    code += "sys.path.insert(0, '.'); import runpy; runpy.run_path('serve.py', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=fresh / "bin/lib",
        env=os.environ | {"CLUBHOUSE_DATA": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        f"bin/serve: The Python at {path}/python3 has no venv module; install it "
        "(on Debian and Ubuntu: apt-get install python3-venv)."
    ]


def test_postgresql_runs_for_a_command_and_is_gone_after_it(tmp_path: Path) -> None:
    code = (
        "import json, os, psycopg\n"
        "url = os.environ['DATABASE_URL']\n"
        "with psycopg.connect(url) as c:\n"
        "    rows = c.execute('SHOW data_directory').fetchone() + c.execute('SHOW fsync').fetchone()\n"
        "print(json.dumps([url, *rows]))\n"
    )
    done = run("with-postgres", sys.executable, "-c", code)
    assert done.returncode == 0, done.stderr
    _, folder, fsync = json.loads(done.stdout)
    assert fsync == "off"
    assert not Path(folder).exists()
    assert run("with-postgres", "sh", "-c", "exit 7").returncode == 7
