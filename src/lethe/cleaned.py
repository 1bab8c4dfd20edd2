"""What rewriting a database's files takes and gives, the same for every kind of database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from lethe.exceptions import LetheError

#: Told what is being rewritten, which it is and how many there are.
Progress = Callable[[str, int, int], None]


class NotClean(LetheError):
    """The files could not be rewritten now. The cause says who is in the way; it is tried again."""


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """What was rewritten: how many tables (all of them are one for SQLite), how large the files were and are, in bytes,
    and what this database account may not do."""

    rewritten: int
    before: int
    after: int
    not_allowed: tuple[str, ...] = ()

    def as_receipt(self) -> dict[str, Any]:
        """The receipt of the effect."""
        return {name: value for name, value in asdict(self).items() if value != ()}
