"""The engine's own distribution, built once, and what a process sees that has it and not this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from functools import lru_cache
from pathlib import Path

from tests.lethe.support.process import ROOT


@lru_cache(maxsize=1)
def built(folder: Path) -> Path:
    """Build source distribution and wheel, the wheel from the other, as ``python -m build`` does; the wheel's path."""
    done = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT / "packages" / "lethe")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("lethe-*.whl"))


def environment(*, wheels: Path | None = None, first: Path | None = None) -> dict[str, str]:
    """Variables for a stranger's shell: Django from where it is installed, nothing of this repository, no network."""
    packages = [str(path) for path in (first, sysconfig.get_path("purelib")) if path is not None]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONWARNINGS": "ignore",
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(wheels or ""),
    }
