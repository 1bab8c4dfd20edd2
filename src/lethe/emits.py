"""Effects that a policy asks for: one for each row, recorded in the erasing transaction (row N4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Emit:
    """An effect for each row, recorded in the erasing transaction and done after commit."""

    kind: str
    columns: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    skip_empty: str = ""
    once: bool = False


def emit(
    kind: str,
    /,
    *,
    skip_empty: str = "",
    constants: Mapping[str, str] | None = None,
    once: bool = False,
    **columns: str,
) -> Emit:
    """Record an effect of ``kind`` per row, with a payload of ``key=field name``; rows whose ``skip_empty`` field is
    empty get none. With ``once``, rows whose payloads would be the same get one between them."""
    return Emit(kind, tuple(sorted(columns.items())), tuple(sorted((constants or {}).items())), skip_empty, once)
