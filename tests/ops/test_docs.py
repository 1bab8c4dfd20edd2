"""What the documentation names exists, and what exists is in the documentation."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

import lethe
from tests.support.serving import ROOT

PAGES = sorted(
    path
    for folder in (ROOT, ROOT / "docs")
    for path in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)
REFERENCE = ROOT / "docs" / "reference"


def code() -> str:
    files = [*(ROOT / "src").rglob("*.py"), *(path for path in (ROOT / "bin").rglob("*") if path.is_file())]
    return "\n".join(path.read_text() for path in files if path.suffix != ".pyc")


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    read = set(re.findall(r"[\"'{(]((?:CLUBHOUSE_[A-Z0-9_]*[A-Z0-9])|DATABASE_URL)[\"':}]", code()))
    listed = re.findall(r"^\| (`[^|]*`) \|", (REFERENCE / "settings.md").read_text(), re.MULTILINE)
    documented = set(re.findall(r"`([A-Z0-9_]+)`", " ".join(listed)))
    assert {"CLUBHOUSE_DATA", "CLUBHOUSE_SMTP_HOST", "DATABASE_URL"} <= read
    assert documented == read


def test_every_setting_of_the_engine_is_documented_and_every_documented_one_is_read() -> None:
    engine = "\n".join(path.read_text() for path in (ROOT / "src" / "lethe").rglob("*.py"))
    read = set(re.findall(r"settings(?:, \"|\.)(LETHE_[A-Z_]+)", engine))
    page = (REFERENCE / "engine-settings.md").read_text()
    assert {"LETHE_SUBJECTS", "LETHE_CLEAN_AT"} <= read
    assert set(re.findall(r"^\| `(LETHE_[A-Z_]+)` \|", page, re.MULTILINE)) == read


def test_every_command_is_documented() -> None:
    words = (REFERENCE / "commands.md").read_text()
    ours = {name for name, app in get_commands().items() if str(app).partition(".")[0] in {"clubhouse", "lethe"}}
    assert "load_demo" in ours
    assert {name for name in ours if f"`{name}" not in words} == set()
    launchers = {path.name for path in (ROOT / "bin").iterdir() if path.is_file()}
    assert "serve" in launchers
    assert {name for name in launchers if f"bin/{name}" not in words} == set()


def test_every_check_is_documented_and_every_documented_one_exists() -> None:
    engine = "\n".join(path.read_text() for path in (ROOT / "src" / "lethe").rglob("*.py"))
    raised = set(re.findall(r"\"(?:lethe\.)?([EW]0\d\d)\"", engine))
    documented = set(re.findall(r"^\| `lethe\.([EW]\d+)`", (REFERENCE / "checks.md").read_text(), re.MULTILINE))
    assert "E003" in raised
    assert documented == raised


def test_every_public_name_and_attribute_of_a_policy_is_documented() -> None:
    words = set(re.findall(r"^\| `(\w+)` \|", (REFERENCE / "policies.md").read_text(), re.MULTILINE))
    attributes = {name for name in lethe.Policy.__annotations__ if name != "model"}
    assert "history" in attributes
    assert words == attributes | set(lethe.__all__)


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    pages = {str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*.md")} - {"index.md"}
    assert "reference/settings.md" in pages
    assert {page for page in pages if f"({page})" not in index} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    words = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)", words) + re.findall(r"<img[^>]*src=\"([^\"]+)\"", words)
    near = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in near if not (page.parent / target).exists()] == []


def test_the_commands_of_the_readme_can_be_run() -> None:
    named = set(re.findall(r"\bbin/[a-z-]+", (ROOT / "README.md").read_text())) | {".ci/run"}
    assert {"bin/serve", "bin/test", "bin/manage"} <= named
    listed = subprocess.run(
        ["git", "ls-files", "--stage", "bin", ".ci"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    runnable = {line.split("\t")[1] for line in listed.splitlines() if line.startswith("100755")}
    assert named - runnable == set()
