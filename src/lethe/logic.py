"""What can be said of a condition when only some of a row's values are known: enough to refuse at check time what the
database would refuse at erasure time."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import F, Q


class Verdict(enum.Enum):
    """SQL's three values, and "it depends on values that are not known"."""

    TRUE = "true"
    FALSE = "false"
    NULL = "null"
    OPEN = "open"


def decide(condition: Any, known: Mapping[str, Any]) -> Verdict:
    """Whether ``condition`` holds on a row of which the values in ``known`` are given."""
    if not isinstance(condition, Q):
        return Verdict.OPEN
    parts = [decide(child, known) if isinstance(child, Q) else _lookup(child, known) for child in condition.children]
    if condition.connector == Q.AND:
        verdict = _all(parts)
    elif condition.connector == Q.OR:
        verdict = _not(_all(map(_not, parts)))
    else:
        verdict = Verdict.OPEN
    return _not(verdict) if condition.negated else verdict


def _all(parts: Iterable[Verdict]) -> Verdict:
    found = set(parts)
    for verdict in (Verdict.FALSE, Verdict.OPEN, Verdict.NULL):
        if verdict in found:
            return verdict
    return Verdict.TRUE


def _not(verdict: Verdict) -> Verdict:
    return {Verdict.TRUE: Verdict.FALSE, Verdict.FALSE: Verdict.TRUE}.get(verdict, verdict)


def _lookup(child: Any, known: Mapping[str, Any]) -> Verdict:
    if not isinstance(child, tuple):
        return Verdict.OPEN
    name, _, lookup = child[0].partition("__")
    wanted = child[1]
    if isinstance(wanted, F):
        wanted = known.get(wanted.name, F)  # type: ignore[attr-defined]  # the stubs do not say that F has a name
    if name not in known or wanted is F or hasattr(wanted, "resolve_expression"):
        return Verdict.OPEN
    value = known[name]
    if lookup == "isnull":
        return _verdict((value is None) == wanted)
    if value is None or (wanted is None and lookup not in {"", "exact"}):
        return Verdict.NULL
    try:
        return _verdict(COMPARISONS[lookup or "exact"](value, wanted))
    except (KeyError, TypeError):
        return Verdict.OPEN


def _verdict(holds: bool) -> Verdict:
    return Verdict.TRUE if holds else Verdict.FALSE


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, wanted: value == wanted,
    "in": lambda value, wanted: value in wanted,
    "gt": lambda value, wanted: value > wanted,
    "gte": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "lte": lambda value, wanted: value <= wanted,
    "range": lambda value, wanted: wanted[0] <= value <= wanted[1],
    "startswith": lambda value, wanted: value.startswith(wanted),
    "endswith": lambda value, wanted: value.endswith(wanted),
    "contains": lambda value, wanted: wanted in value,
}
