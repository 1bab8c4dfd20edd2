"""The guide names every file and every column that the import reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from clubhouse.imports.layout import FILES, Layout

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "import-a-club.md"


@pytest.mark.parametrize("layout", FILES, ids=lambda layout: layout.name)
def test_the_guide_names_the_columns(layout: Layout) -> None:
    (line,) = [line for line in GUIDE.read_text().splitlines() if line.startswith(f"| `{layout.name}` |")]
    measurements = {f"measurement{number}" for number in range(1, 7)} if "`measurement1` …" in line else set()
    assert set(re.findall(r"`([a-z_0-9]+)`", line)) | measurements == set(layout.columns)
