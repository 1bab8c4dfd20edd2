"""The quickstart, followed to the letter in an empty folder, with the engine from its own wheel."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.lethe.support import wheel
from tests.lethe.support.process import ROOT

BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What the person in the document is made of.
WORDS = ("Quillfeather", "7946 0018", "Marzipan", "Thistlewood")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return wheel.built(tmp_path_factory.mktemp("wheel"))


def blocks() -> list[tuple[str, str, str]]:
    """Language, what follows it, and text of every block."""
    found = BLOCK.findall((ROOT / "docs" / "quickstart.md").read_text())
    assert len(found) > 8
    return found


def script(folder: Path) -> str:
    """All that the document says to type, as one shell would get it; its files are written as they come."""
    lines = ["set -eu"]
    for number, (language, label, text) in enumerate(blocks()):
        if language == "python":
            (folder / f"block-{number}").write_text(text)
            # Settings are added to; other files are what the document shows.
            lines.append(f"cat block-{number} {'>>' if label.endswith('settings.py') else '>'} {label}")
        elif label.startswith("exit="):
            lines.append(f"set +e\n{text}test $? -eq {label[5:]} || exit 90\nset -e")
        else:
            lines.append(text)
    return "\n".join(lines)


def test_the_quickstart_ends_with_the_person_gone(built: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", script(tmp_path)],
        cwd=tmp_path,
        env=wheel.environment(wheels=built.parent),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    assert done.stdout.rstrip().endswith("19.50 [deleted] '' 0 0")
    assert "Receipt: " in done.stdout
    assert (tmp_path / "env" / "lib").is_dir()
    assert list((tmp_path / "env").glob("lib/*/site-packages/lethe/__init__.py"))

    # They were there: in the copy that was made before. They are nowhere: not in a row, not in the file's bytes.
    with zipfile.ZipFile(tmp_path / "copy.zip") as copy:
        before = b"".join(copy.read(name) for name in copy.namelist()).decode()
    assert [word for word in WORDS if word not in before] == []
    with sqlite3.connect(tmp_path / "db.sqlite3") as database:
        rows = "\n".join(database.iterdump())
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("db.sqlite3*"))
    assert [word for word in WORDS if word.lower() in rows.lower() or word.encode() in raw] == []
    said = done.stdout + done.stderr + (tmp_path / "explanation.html").read_text()
    assert [word for word in WORDS if word in said] == []


def test_what_init_writes_for_it_is_what_the_document_confirms(tmp_path: Path) -> None:
    """The document's policies answer for the same models and ways as the suggestions do."""
    shown = next(text for language, label, text in blocks() if label == "orders/erasure.py")
    models = next(text for language, label, text in blocks() if label == "orders/models.py")
    for path, text in (("orders/__init__.py", ""), ("orders/models.py", models), ("run.py", RUN)):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    environment = wheel.environment(first=ROOT / "src")
    subprocess.run([sys.executable, "run.py"], cwd=tmp_path, env=environment, check=True, timeout=60)
    written = (tmp_path / "orders" / "erasure.py").read_text()
    for said in (r"^@register.*$", r"^    path = .*$", r"^class .*$"):
        found = re.findall(said, written, re.MULTILINE)
        assert len(found) >= 3
        assert [line for line in found if line not in re.findall(said, shown, re.MULTILINE)] == []


RUN = """
from django.conf import settings
from django.core.management import call_command, execute_from_command_line
import django

settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "lethe", "orders"], LETHE_SUBJECTS=["orders.Customer"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x.sqlite3"}}, SECRET_KEY="x",
)
execute_from_command_line(["manage.py", "lethe", "init"])
"""


# --- the distribution -------------------------------------------------------------------------------------------------
def test_the_wheel_holds_the_engine_alone_and_says_what_it_needs(built: Path) -> None:
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
        said = Parser().parsestr(archive.read(next(n for n in names if n.endswith("METADATA"))).decode())
        record = archive.read(next(n for n in names if n.endswith("RECORD"))).decode()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"lethe"}
    assert {line.split(",")[0] for line in record.splitlines()} == set(names)
    here = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "lethe").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in {".po", ".pot"}
    }
    assert "lethe/templates/lethe/explanation.html" in here
    assert {name for name in names if name.startswith("lethe/")} == here
    needed = [line for line in said.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert needed == ["Django>=5.2,<5.3"]
    assert set(said.get_all("Provides-Extra", [])) == {"postgres", "residue", "storages"}


def test_without_its_extras_it_runs_and_names_the_one_that_is_missing(built: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path / "only"), str(built)],
        env=wheel.environment(wheels=built.parent),
        check=True,
        timeout=120,
    )
    for name in ("django", "asgiref", "sqlparse"):
        (tmp_path / "only" / name).symlink_to(Path(sysconfig.get_path("purelib")) / name)
    done = subprocess.run(
        [sys.executable, "-S", "-c", BARE],  # without site-packages: what is not in the folder is not there
        cwd=tmp_path,
        env=wheel.environment() | {"PYTHONPATH": str(tmp_path / "only")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "only") in done.stdout
    assert "needs a package that is not installed: pip install 'lethe[residue]'." in done.stdout


BARE = """
from importlib.util import find_spec

from django.conf import settings

assert not [name for name in ("clubhouse", "ahocorasick", "cryptography", "storages", "psycopg") if find_spec(name)]
settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "lethe"], SECRET_KEY="x",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "x.sqlite3"}},
)
import django
django.setup()
import lethe
from django.core.management import call_command
from lethe.exceptions import ExtraMissing
from lethe.residue import Matcher, Values

print(lethe.__file__)
call_command("migrate", verbosity=0)
call_command("check")
values = Values()
values.add("name", "Quillfeather", 1)
try:
    Matcher(values)
except ExtraMissing as error:
    print(error)
"""
