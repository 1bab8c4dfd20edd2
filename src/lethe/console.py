"""What the command line prints: the same facts as the screens, as text or as plain data."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Any, Protocol

from lethe.cleaned import Cleaned
from lethe.execute import Outcome
from lethe.explain import Explanation
from lethe.preview import Finding, Preview


class Writer(Protocol):
    """Something with ``write``, as Django's commands have."""

    def write(self, msg: str) -> Any:
        """Write a line."""

    def flush(self) -> None:
        """Let it be seen."""


def as_data(value: Any) -> dict[str, Any]:
    """A preview, a finding or an outcome as plain data, ready for JSON."""
    if isinstance(value, Outcome):
        receipts = list(value.receipts.values())
        return {
            "erased": value.erased,
            "already_erased": value.already,
            "receipt": receipts[0] if len(receipts) == 1 else None,
            "receipts": receipts,
            "counts": value.counts,
            "refused": {str(key): str(error) for key, error in value.refused.items()},
            "statements": value.statements,
        }
    if isinstance(value, Preview):
        return asdict(value) | {"blocked": value.blocked}
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no plain form.")


def show_explanation(found: Explanation, out: Writer) -> None:
    """Print an explanation."""
    out.write(found.as_markdown())


def show_preview(found: Preview, out: Writer) -> None:
    """Print a preview: what stands in the way, what is done first, and how many rows of each kind."""
    if found.already:
        out.write(f"Erased already: {len(found.already)}.")
    if not found.subjects:
        return
    out.write(f"{found.subjects} {found.subject} to erase.")
    for title, findings in (
        ("To be settled first", [f for f in found.findings if f.blocks]),
        ("Done by the erasure", found.actions),
    ):
        if findings:
            out.write(f"\n{title}:")
            for finding in findings:
                out.write(f"  {_amount(finding)}")
    for title, fates in (
        ("Deleted", {"delete"}),
        ("Untied from others", {"unlink"}),
        ("Kept without the person", {"keep", "subject"}),
    ):
        rows = [step for step in found.steps if step.fate in fates and step.count]
        if rows:
            out.write(f"\n{title}:")
            for step in rows:
                out.write(f"  {step.count:>8,}  {step.title}")
    out.write("")


def show_outcome(outcome: Outcome, out: Writer) -> None:
    """Print what happened, and the receipts."""
    if not outcome.erased and not outcome.refused:
        out.write("Erased already; nothing was changed.")
        return
    out.write(f"Erased: {outcome.erased}." + (f" Erased already: {outcome.already}." if outcome.already else ""))
    for name, count in outcome.counts.items():
        out.write(f"  {count:>8,}  {name}")
    for number in outcome.receipts.values():
        out.write(f"Receipt: {number}")
    for key, error in outcome.refused.items():
        out.write(f"Refused {key}: {error}")


def show_cleaned(done: Cleaned, out: Writer) -> None:
    """Print what was rewritten, and what the database account may not do."""
    what = "The database's file was" if done.rewritten == 1 else f"{done.rewritten} tables were"
    out.write(f"{what} rewritten: {done.before:,} bytes before, {done.after:,} after.")
    for name in done.not_allowed:
        out.write(f"Not allowed to this database account: {name}. Run it as the database's owner or as a superuser.")


def _amount(finding: Finding) -> str:
    said = f"{finding.count:>8,}  {finding.label}"
    return said + (f", {finding.amount} {finding.unit}".rstrip() if finding.amount is not None else "")
