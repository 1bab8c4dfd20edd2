"""``lethe init`` in a stranger's project: what it writes, what it leaves alone, and that nothing is erased before it is
confirmed."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lethe.exceptions import LetheError
from lethe.first_hour import initialise
from lethe.registry import Registry
from tests.lethe.support.project import ORDERS, Project

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A library that has declared nothing yet."""
    return Project(tmp_path)


def ids(project: Project) -> set[str]:
    """The ids of what the gate finds."""
    done = project.manage("lethe", "check", "--json")
    return {found["id"] for found in json.loads(done.stdout)["findings"]}


def confirm(path: Path) -> None:
    """What a person does at the end: delete every ``suggested``."""
    text = re.sub(r"\n    suggested = (\([^)]*\))", "", path.read_text())
    assert "suggested = " not in text
    path.write_text(text)


def assert_well_written(folder: Path, *files: str) -> None:
    """Formatted as ruff formats, imports sorted and none unused."""
    for command in (["format", "--check"], ["check", "--select", "E9,F,I", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", *files],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_from_nothing_to_a_whole_declaration(project: Project) -> None:
    before = project.manage("lethe", "check")
    assert before.returncode == 1
    assert "lethe.E002  library.Reader is a data subject and has no policy." in before.stdout

    first = project.manage("lethe", "init")
    assert (first.returncode, first.stderr) == (0, "")
    assert "library/erasure.py: 3 policies, 11 answers to confirm" in first.stdout
    assert "reading/erasure.py: 3 policies" in first.stdout
    assert "auth: User, User_groups, User_user_permissions" in first.stdout
    assert "--into" in first.stdout
    done = project.manage("lethe", "init", "--into", "library.erasure")
    assert (done.returncode, done.stderr) == (0, "")
    assert "library/erasure.py: 3 policies, 3 answers to confirm" in done.stdout
    assert done.stdout.rstrip().endswith("manage.py lethe check")

    written = (project.folder / "library" / "erasure.py").read_text()
    for line in (
        "axes.install()",
        "admin.install()",
        "sessions.install()",
        '    path = "reader"',
        '        # free text can name anyone\n        "remark",',
        '        "email": RandomEmail(),',
        '        "name": "[deleted]",',
        '    rows = keep_rows("fines are counted, and say nothing of anyone")',
        '            skip_empty="portrait",',
        "@register(User.groups.through)",
    ):
        assert line in written
    assert 'path = by_value("email", of="email")' in (project.folder / "reading" / "erasure.py").read_text()

    assert_well_written(project.folder, "library/erasure.py", "reading/erasure.py")

    # Whole, and red: every finding is that nobody has confirmed it, and nothing is erased.
    assert ids(project) == {"lethe.E024"}
    refused = project.manage("lethe", "erase", "library.Reader:1", "--by", "a@b.example", "--reason", "asked", "--yes")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr

    confirm(project.folder / "library" / "erasure.py")
    confirm(project.folder / "reading" / "erasure.py")
    assert not {one for one in ids(project) if one.startswith("lethe.E")}


def test_a_look_at_values_and_a_second_run_that_keeps_every_edit(project: Project) -> None:
    assert project.manage("migrate", "--skip-checks", "--run-syncdb").returncode == 0
    with sqlite3.connect(project.folder / "db.sqlite3") as database:
        database.executemany(
            "INSERT INTO library_reader (name, email, shelfmark, phone, joined, portrait) VALUES (?, ?, ?, '', '', '')",
            [(f"Quillon {n}", f"q{n}@zanzibar.example", f"Alcove {n % 3}") for n in range(60)],
        )
    done = project.manage("lethe", "init", "--into", "library.erasure", "--sample")
    written = (project.folder / "library" / "erasure.py").read_text()
    assert '        # 3 different values in 60 rows\n        "shelfmark": "readers are counted by it",' in written
    for word in ("Quillon", "zanzibar", "Alcove"):
        assert word not in written + done.stdout + done.stderr

    edited = "# Agreed with the librarian: titles stay.\n"
    project.edit("reading/erasure.py", "@register(Shelf)\n", f"{edited}@register(Shelf)\n")
    project.edit(
        "library/erasure.py",
        '        # 3 different values in 60 rows\n        "shelfmark": "readers are counted by it",\n',
        "",
    )
    project.edit("library/erasure.py", '"shelfmark", ', "")
    before = {name: (project.folder / name).read_text() for name in ("library/erasure.py", "reading/erasure.py")}

    again = project.manage("lethe", "init", "--into", "library.erasure")
    assert "library.Reader: clear shelfmark  # text that somebody typed" in again.stdout
    assert "Nothing is missing." in again.stdout
    assert {name: (project.folder / name).read_text() for name in before} == before

    with (project.folder / "reading" / "models.py").open("a") as file:
        file.write(ORDERS)
    more = project.manage("lethe", "init", "reading", "--json")
    assert json.loads(more.stdout)["written"] == [{"file": "reading/erasure.py", "policies": 1, "answers": 1}]
    after = (project.folder / "reading" / "erasure.py").read_text()
    assert edited in after
    body = before["reading/erasure.py"].partition("@register")[2]
    assert body in after
    assert "class WishPolicy(Policy):" in after.partition(body)[2]
    assert "from reading.models import Search, Shelf, Wish\n" in after


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"labels": ["nowhere"]}, "There is no app 'nowhere'. Apps: "),
        ({"into": "desk.erasure"}, "add 'desk' to INSTALLED_APPS; else nothing would ever read the file."),
        ({"into": "desk.policies"}, "name a module called erasure in an app of yours, such as myproject.erasure."),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_written(options: dict[str, Any], said: str) -> None:
    with pytest.raises(LetheError, match=re.escape(said)):
        initialise(Registry(), **options)


def test_a_project_that_names_nobody_is_told_how(settings: SettingsWrapper) -> None:
    settings.LETHE_SUBJECTS = []
    with pytest.raises(LetheError, match=re.escape('In the settings: LETHE_SUBJECTS = ["people.Account"].')):
        initialise(Registry())
