"""Named points between the first statement of an erasure and its last receipt, at which tests let the process die.

In production nothing is ever armed, and a point costs one comparison. There is no setting and no environment variable
that arms one: only code that runs in the process can.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

#: Every point, in the order in which an erasure and its effects reach them.
POINTS = (
    "transaction begun",
    "subjects locked",
    "blockers compared",
    "action done",
    "steps run",
    "marked and recorded",
    "transaction committed",
    "effects leased",
    "try counted",
    "deed done",
    "receipt written",
)

Hook = Callable[[str], None]
_hook: Hook | None = None


def reached(name: str) -> None:
    """Say that the process is at a point."""
    if _hook is not None:
        _hook(name)


@contextlib.contextmanager
def armed(hook: Hook) -> Iterator[None]:
    """Call ``hook`` with the name of each point that is reached while the block runs. For tests."""
    global _hook
    before, _hook = _hook, hook
    try:
        yield
    finally:
        _hook = before
