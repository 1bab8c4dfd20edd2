"""What a project's own action sees of the transaction that erases."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Batch:
    """What an action sees: the subjects, the moment, and a way to record effects in this transaction.

    ``reason`` is why it was ordered. ``receipts`` maps each subject to the number of its receipt. An action may tell
    others the numbers; where it keeps one beside the subject, the receipt can be followed back to the record.
    """

    ids: tuple[Any, ...]
    now: datetime.datetime
    using: str
    run: uuid.UUID
    receipts: dict[Any, str]
    reason: str = ""
    emitted: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Record an effect, to be done after commit."""
        self.emitted.append((kind, payload))
