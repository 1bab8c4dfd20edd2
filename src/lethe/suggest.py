"""What ``lethe init`` suggests: a policy for every model in reach that has none, with an answer for every field.

The first guess follows the foreign keys as Django reads them: what goes with the person by CASCADE goes, what holds
money or says what happened stays, what only mentions somebody is untied. Then the guesses are made to agree with each
other, so that the gate finds nothing in them but that no person has confirmed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks

from lethe import contrib
from lethe.answers import findings
from lethe.exceptions import LetheError
from lethe.graph import Model, concrete
from lethe.guess import Guess
from lethe.policy import ByValue, Policy, delete_rows, emit, keep_rows, not_personal
from lethe.registry import Registry

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


def subjects(source: Registry) -> list[Model]:
    """The kinds of person that the project names, and those it has declared.

    Raises ``LetheError`` where there is none: nobody can guess whose data it is.
    """
    named = [concrete(apps.get_model(label)) for label in getattr(settings, "LETHE_SUBJECTS", ())]
    found = list(dict.fromkeys([*named, *(concrete(policy.model) for policy in source.subjects())]))
    if not found:
        raise LetheError(
            f'Say first who can be erased. In the settings: LETHE_SUBJECTS = ["{settings.AUTH_USER_MODEL}"].'
        )
    return found


def suggest(source: Registry, *, sample: bool = False, left_out: Iterable[Model] = ()) -> list[Suggestion]:
    """Suggestions for every model in reach without a policy, in order of their labels.

    ``source`` holds the policies that stand; ``left_out`` are models that somebody else answers for. With ``sample``,
    text columns are looked at: one query a model.
    """
    from lethe.drafts import Draft

    draft = Draft(source, subjects(source), sample, set(left_out))
    draft.follow()
    draft.agree()
    return sorted(draft.made.values(), key=lambda made: made.model._meta.label)


def remaining(source: Registry, made: Sequence[Suggestion], ready: Sequence[str] = ()) -> list[checks.CheckMessage]:
    """What the gate would still find, were every suggestion confirmed and every ``ready`` policy taken in."""
    trial = source.copy()
    for one in made:
        trial.register(one.model, one.policy())
    for name in ready:
        contrib.module(name).install(trial)
    trial.all_read()
    return [found for found in findings(trial) if found.id != "lethe.E024"]


def plural(model: Model) -> str:
    return str(model._meta.verbose_name_plural).lower()
