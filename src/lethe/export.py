"""The person's own copy: what would be erased, as JSON and files, from the same declaration, so the lists cannot drift.

Everything the plan finds is in the copy, whole rows, what is kept included; only fields that a policy names as
``secrets`` are left out, because they would let whoever holds the copy act as the person.
"""

from __future__ import annotations

import datetime
import json
import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from lethe.connection import Runner
from lethe.exceptions import SubjectNotFound
from lethe.plan import Plan
from lethe.policy import Policy
from lethe.preview import marked_statement
from lethe.sql import Dialect
from lethe.steps import Step

#: Keys of rows handed to one query.
PART = 5_000


@dataclass(frozen=True, kw_only=True)
class Section:
    """The rows of one model: field label to value, and the files that they name (name in the copy, storage, key)."""

    model: str
    title: str
    rows: tuple[dict[str, Any], ...]
    files: tuple[tuple[str, Any, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A person's own copy."""

    subject: str
    made_at: datetime.datetime
    sections: tuple[Section, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """The copy as plain data; files by the names they have in the ZIP."""
        return {
            "subject": self.subject,
            "made_at": self.made_at.isoformat(),
            "data": {section.model: {"title": section.title, "rows": list(section.rows)} for section in self.sections},
        }

    def write(self, target: IO[bytes]) -> int:
        """Write the ZIP, ``data.json`` and the files, to ``target``; returns how many files could be read.

        A file that the store no longer has is named in ``data.json`` and is not in the ZIP.
        """
        read = 0
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(
                "data.json", json.dumps(self.as_dict(), cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
            )
            for section in self.sections:
                for name, storage, key in section.files:
                    if storage.exists(key):
                        with storage.open(key) as source, archive.open(name, "w") as place:
                            for chunk in source.chunks():
                                place.write(chunk)
                        read += 1
        return read


def export(plan: Plan, key: Any) -> Copy:
    """Read everything the plan finds for one subject. Two queries a model, whatever the number of rows.

    Raises ``SubjectNotFound`` where there is none, or where it is erased: nothing is left to copy.
    """
    runner = Runner(plan.using)
    dialect = Dialect(runner.connection, key_type=plan.key_type)
    given = {"ids": dialect.ids_value([key], plan.model._meta.pk), "now": dialect.moment_value(timezone.now())}
    existing = plan.model._base_manager.using(plan.using).filter(pk=key).exists()
    if not existing or runner.one(marked_statement(plan, dialect), given)[1]:
        raise SubjectNotFound(f"There is no {plan.model._meta.verbose_name} with this key that has anything to copy.")
    return Copy(
        subject=str(plan.model._meta.verbose_name),
        made_at=timezone.now(),
        sections=tuple(_sections(plan, runner, given)),
    )


def _sections(plan: Plan, runner: Runner, given: dict[str, Any]) -> Iterator[Section]:
    """The person first, then what belongs to them, then the traces of them on rows that are somebody else's."""
    policies = {policy.model._meta.label: policy for policy in plan.policies}
    own: dict[str, set[Any]] = {}
    traces: list[tuple[Step, set[Any]]] = []
    for step in plan.steps:
        if step.find is None or step.fate == "emit":
            continue
        _, rows = runner.one(step.find, given)
        keys = {row[0] if len(row) == 1 else row for row in rows}
        if step.fate == "unlink":
            traces.append((step, keys))
        else:
            own.setdefault(step.model, set()).update(keys)
    for label, keys in reversed(own.items()):
        if keys:
            yield _section(policies[label], _columns(policies[label]), sorted(keys), plan.using)
    for step, keys in traces:
        keys -= own.get(step.model, set())
        policy = policies[step.model]
        name = step.name.removeprefix(f"{step.model}.")
        if keys:
            # Of somebody else's row, only what is cleared on it: the reference, and what came with it.
            shown = [policy.model._meta.get_field(one) for one in (name, *policy.unlink[name])]
            section = _section(policy, shown, sorted(keys), plan.using)
            yield replace(section, model=step.name, title=str(step.title))


def _columns(policy: type[Policy]) -> list[Any]:
    return [one for one in policy.model._meta.concrete_fields if one.name not in policy.secrets]


def _section(policy: type[Policy], shown: list[Any], keys: list[Any], using: str) -> Section:
    meta = policy.model._meta
    rows: list[dict[str, Any]] = []
    files: list[tuple[str, Any, str]] = []
    for start in range(0, len(keys), PART):
        queryset = policy.model._base_manager.using(using).filter(pk__in=keys[start : start + PART]).order_by("pk")
        for values in queryset.values("pk", *(one.attname for one in shown)):
            row: dict[str, Any] = {}
            for one in shown:
                value = values[one.attname]
                if isinstance(one, models.FileField) and value:
                    name = f"files/{meta.model_name}-{values['pk']}-{one.name}{posixpath.splitext(value)[1]}"
                    files.append((name, one.storage, value))
                    value = name
                elif isinstance(value, bytes | memoryview):
                    value = bytes(value).hex()
                row[str(one.verbose_name)] = value
            rows.append(row)
    return Section(model=meta.label, title=str(meta.verbose_name_plural), rows=tuple(rows), files=tuple(files))
