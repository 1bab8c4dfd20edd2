"""Resolve: cleaned files + what is there already → what to write, what is there, and what is refused, and why.

Nothing is read or written here: the answer depends on the two arguments alone.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from clubhouse.imports import layout as files
from clubhouse.imports.clean import Cleaned, Refusal, Row
from clubhouse.imports.existing import Facts, Known
from clubhouse.imports.layout import FILES, mentions
from clubhouse.imports.rules import Rule, rules_for

# By file: the columns whose values say that a row is the one that is there. For people and places one of them is
# enough, because the others are edited in the ordinary course; for the rest all of them, because none is.
_ANY: Mapping[str, Callable[[Row], Facts]] = {
    files.CLUBS: lambda row: (row["name"], row["town"]),
    files.TEAM: lambda row: (row["name"], row["email"].lower()),
    files.CLIENTS: lambda row: ((row["first_name"], row["last_name"]), row["email"].lower()),
}
_ALL: Mapping[str, Callable[[Row], Facts]] = {
    files.SESSIONS: lambda row: (row["club_id"], row["kind"]),
    files.BOOKINGS: lambda row: (row["client_id"], row["session_id"], row["booked_at"]),
    files.WAITING: lambda row: (row["client_id"],),
    files.MEMBERSHIPS: lambda row: (row["client_id"], row["plan"], row["starts_on"]),
    files.PACKAGES: lambda row: (row["client_id"], row["name"], row["credits_total"]),
    files.CREDITS: lambda row: (row["client_id"],),
    files.CARDS: lambda row: (row["client_id"],),
    files.IDENTITIES: lambda row: (row["client_id"],),
    files.PAYMENTS: lambda row: (row["client_id"], row["number"], row["amount"], row["due_on"]),
}
_WHAT = {files.CLUBS: "club", files.TEAM: "colleague", files.CLIENTS: "client", files.SESSIONS: "session"}


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """One file: the rows to write, those that are there already, and every refusal, those of cleaning included."""

    name: str
    count: int
    new: tuple[Row, ...]
    there: tuple[Row, ...]
    refusals: tuple[Refusal, ...]


def resolve(cleaned: Mapping[str, Cleaned], known: Known) -> dict[str, Resolved]:
    """Decide about every row of every file; for every file new + there + refused rows = its rows."""
    available = {name: set(known.ids.get(name, ())) for name in _WHAT}
    rules = rules_for(known, cleaned)
    resolved: dict[str, Resolved] = {}
    for layout in FILES:
        if layout.name in cleaned:
            file = cleaned[layout.name]
            resolved[layout.name] = _File(file, cleaned, known, available).decide(rules.get(layout.name))
    return resolved


class _File:
    """Decides about the rows of one file, given the ids that the files before it left available."""

    def __init__(
        self, file: Cleaned, cleaned: Mapping[str, Cleaned], known: Known, available: Mapping[str, set[str]]
    ) -> None:
        self.file, self.cleaned, self.available = file, cleaned, available
        self.name = file.layout.name
        self.facts = known.facts.get(self.name, {})
        self.new: dict[int, Row] = {}
        self.there: list[Row] = []
        self.refusals = list(file.refusals)

    def decide(self, rule: Rule | None) -> Resolved:
        for row in self.file.rows:
            facts = self.facts.get(row.key)
            if facts is not None:
                self._compare(row, facts)
            elif not self._refuse(row, self._dangling(row)) and not self._refuse(row, rule(row) if rule else None):
                self.new[row.line] = row
        if self.name in self.available:
            self.available[self.name].update(row.key[0] for row in self.new.values())
            self._drop_those_who_name_the_refused()
        new = tuple(self.new.values())
        return Resolved(
            name=self.name, count=self.file.count, new=new, there=tuple(self.there), refusals=tuple(self.refusals)
        )

    def _refuse(self, row: Row, problem: tuple[str, str] | None) -> bool:
        if problem is None:
            return False
        column, reason = problem
        self.refusals.append(Refusal(file=self.name, line=row.line, column=column, reason=reason))
        return True

    def _compare(self, row: Row, facts: Facts) -> None:
        """Take the row as there already, unless its id is that of something else."""
        if self.name in _ANY:
            same = any(mine == theirs for mine, theirs in zip(_ANY[self.name](row), facts, strict=True) if mine)
        else:
            same = _ALL[self.name](row) == facts
        if same:
            self.there.append(row)
            return
        layout = self.file.layout
        what = "belongs to another record of the club already"
        self._refuse(row, (layout.identity[-1], f"{what}; give the row an id of its own, or leave it out"))

    def _dangling(self, row: Row) -> tuple[str, str] | None:
        """The first reference to another file that leads nowhere."""
        for column, target in self.file.layout.references.items():
            for key in mentions(row[column]):
                if target == self.name:
                    if key == row.key[0]:
                        return column, "names the client of this very row; name another, or leave it empty"
                elif key not in self.available[target]:
                    return column, self._why_missing(target, key)
        return None

    def _why_missing(self, target: str, key: str) -> str:
        what = _WHAT[target]
        if target in self.cleaned and (line := self.cleaned[target].first_lines.get((key,))):
            return f"names a {what} who was refused ({target}, line {line}); mend that row, and import both"
        return f"names a {what} that is neither in the bundle nor in the business; correct it, or add the {what}"

    def _drop_those_who_name_the_refused(self) -> None:
        """Refuse new rows that name a refused row of the same file, then those that name these, and so on."""
        available = self.available[self.name]
        naming: dict[str, list[tuple[Row, str]]] = defaultdict(list)
        for row in self.new.values():
            for column, key in self._own_references(row):
                naming[key].append((row, column))
        refused = deque(key for key in naming if key not in available)
        while refused:
            key = refused.popleft()
            for row, column in naming[key]:
                if self.new.pop(row.line, None) is not None:
                    self._refuse(row, (column, self._why_missing(self.name, key)))
                    available.discard(row.key[0])
                    refused.append(row.key[0])

    def _own_references(self, row: Row) -> Iterator[tuple[str, str]]:
        for column, target in self.file.layout.references.items():
            if target == self.name:
                for key in mentions(row[column]):
                    yield column, key
