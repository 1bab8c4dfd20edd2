"""One suggestion of ``lethe init``: a policy for a model that has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lethe.emits import emit
from lethe.graph import Model
from lethe.guess import Guess
from lethe.policy import ByValue, Policy, delete_rows, keep_rows, not_personal

DELETE, KEEP, SUBJECT, OTHERS, NOBODYS = "delete", "keep", "subject", "others", "not personal"


@dataclass
class Suggestion:
    """A policy as it is suggested: what becomes of the rows, by which ways they are found, and every field."""

    model: Model
    kind: str
    why: str
    paths: list[str | ByValue] = field(default_factory=list)
    by_key: tuple[str, str] | None = None
    fields: dict[str, Guess] = field(default_factory=dict)
    unlink: list[str] = field(default_factory=list)
    files: list[tuple[str, str]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    @property
    def open(self) -> list[str]:
        """Fields for which no good answer was found."""
        return [name for name, made in self.fields.items() if made.open]

    @property
    def suggested(self) -> tuple[str, ...]:
        """What a person has to confirm."""
        return (*(("rows",) if self.kind != SUBJECT else ()), *self.fields)

    @property
    def reason(self) -> str:
        """Why its rows stay, in words that a person may confirm."""
        return f"{plural(self.model)} are counted, and say nothing of anyone"

    def policy(self) -> type[Policy]:
        """The suggestion as the engine reads it."""
        rows = {DELETE: delete_rows(), KEEP: keep_rows(self.reason), NOBODYS: not_personal(self.why)}.get(self.kind)
        body: dict[str, Any] = {
            "model": self.model,
            "subject": self.kind == SUBJECT,
            "path": tuple(self.paths),
            "by_key": self.by_key,
            "rows": rows,
            "clear": tuple(name for name, made in self.fields.items() if made.action == "clear"),
            "replace": {name: made.strategy for name, made in self.fields.items() if made.action == "replace"},
            "keep": {name: made.source for name, made in self.fields.items() if made.action == "keep"},
            "unlink": dict.fromkeys(self.unlink, ()),
            "emits": tuple(
                emit("file.delete", skip_empty=name, name=name, constants={"storage": alias})
                for name, alias in self.files
            ),
        }
        return type(f"{self.model.__name__}Policy", (Policy,), body)


def plural(model: Model) -> str:
    return str(model._meta.verbose_name_plural).lower()
