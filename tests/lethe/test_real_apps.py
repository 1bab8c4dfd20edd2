"""Two applications that we did not write, with policies written by ``lethe init``, each in a project of its own."""

from __future__ import annotations

import pytest

from tests.lethe.support import nested


@pytest.mark.parametrize("project", ["help_desk", "oscar_shop"])
def test_somebody_is_erased_with_nothing_left(project: str) -> None:
    # Their own migrations take most of a minute; the tables that their models say are the same.
    nested.passes(project, "--nomigrations")
