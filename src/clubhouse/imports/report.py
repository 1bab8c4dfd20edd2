"""Report: what became of every row, for a person and as JSON. It holds no content of any cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from clubhouse.imports import layout as files
from clubhouse.imports.clean import Refusal
from clubhouse.imports.photos import Taken
from clubhouse.imports.read import Bundle
from clubhouse.imports.resolve import Resolved

PHOTOS_ENTRY = "photos"


@dataclass(frozen=True, kw_only=True)
class Count:
    """The rows of one file; ``there`` of the accepted were in the database before."""

    rows: int
    accepted: int
    refused: int
    there: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """The outcome of one import."""

    business: str
    created: bool
    counts: Mapping[str, Count]
    refusals: tuple[Refusal, ...]
    unread: tuple[str, ...]
    refused_folder: Path

    def as_json(self) -> dict[str, dict[str, int]]:
        """Rows, accepted and refused, by file."""
        return {
            name: {"rows": count.rows, "accepted": count.accepted, "refused": count.refused}
            for name, count in self.counts.items()
        }

    def notes(self) -> Iterator[str]:
        """A line for every reason a row was refused for, and for every column that nothing reads."""
        yield from self.unread
        for refusal in self.refusals:
            where = f"{refusal.file}, line {refusal.line}"
            yield f"{where}, {refusal.column}: {refusal.reason}" if refusal.column else f"{where}: {refusal.reason}"

    def summary(self) -> Iterator[str]:
        """The table of counts, and what to do next."""
        yield f"{'Made' if self.created else 'Added to'} the business {self.business}."
        yield f"{'file':<22}{'rows':>10}{'accepted':>10}{'new':>10}{'refused':>10}"
        for name, count in self.counts.items():
            new = count.accepted - count.there
            yield f"{name:<22}{count.rows:>10,}{count.accepted:>10,}{new:>10,}{count.refused:>10,}"
        if refused := sum(count.refused for count in self.counts.values()):
            what = "1 row was refused and is" if refused == 1 else f"{refused:,} rows were refused and are"
            yield f"{what} in {self.refused_folder}: mend them there and import that folder, then delete it."


def make_report(
    bundle: Bundle,
    resolved: Mapping[str, Resolved],
    taken: Taken,
    *,
    business: str,
    created: bool,
    refused_folder: Path,
) -> Report:
    """Count what ``resolved`` and ``taken`` say."""
    counts = {name: _count(file) for name, file in resolved.items() if name != files.PHOTOS}
    refusals = [refusal for name, file in resolved.items() for refusal in _in_order(file.refusals)]
    unowned = {refusal.line for refusal in resolved[files.PHOTOS].refusals} if files.PHOTOS in resolved else set()
    accepted, refused = len(taken.accepted), len(taken.refused) + len(unowned)
    counts[PHOTOS_ENTRY] = Count(rows=accepted + refused, accepted=accepted, refused=refused, there=taken.there)
    unread = tuple(
        f"{name}: the column {column or '(without a name)'} is not known, and was not read."
        for name, table in bundle.tables.items()
        for column in table.unknown
    )
    return Report(
        business=business,
        created=created,
        counts=counts,
        refusals=(*refusals, *_in_order(taken.refusals)),
        unread=unread,
        refused_folder=refused_folder,
    )


def _count(file: Resolved) -> Count:
    refused = len({refusal.line for refusal in file.refusals})
    accepted = len(file.new) + len(file.there)
    return Count(rows=file.count, accepted=accepted, refused=refused, there=len(file.there))


def _in_order(refusals: tuple[Refusal, ...]) -> list[Refusal]:
    return sorted(refusals, key=lambda refusal: (refusal.file, refusal.line))
