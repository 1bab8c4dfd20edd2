"""Ready policies, each against the real package, in a project of its own."""

from __future__ import annotations

from tests.lethe.support import nested


def test_every_ready_policy_forgets_and_spares() -> None:
    nested.passes("contrib")
