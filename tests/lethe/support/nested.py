"""A pytest of its own for a project with settings of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.lethe.support.process import ROOT


def passes(project: str, *options: str) -> None:
    """Run ``tests/lethe/projects/<project>/erasing.py`` on this database; its report is the failure's text."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            # What applications that we did not write warn of is theirs.
            "-o",
            r"filterwarnings=error:::lethe(\..*)?",
            *options,
            f"--ds=tests.lethe.projects.{project}.settings",
            f"tests/lethe/projects/{project}/erasing.py",
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTEST")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
