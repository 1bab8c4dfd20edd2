"""The gate: a model or a field without an answer is an error, and nothing is erased while there is one.

Each finding is a Django system check with a stable id, the object, and a hint that is the line to write.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, models

from lethe.exceptions import LetheError
from lethe.graph import Model, concrete, generic_models, reach, referring
from lethe.plan import compile_plan
from lethe.policy import Policy
from lethe.registry import Registry, registry

#: A reason shorter than this, or one of these words, is none.
SHORTEST_REASON = 10
EMPTY_REASONS = {"tbd", "todo", "none", "n/a", "because", "needed", "required", "legacy", "unknown"}


def check_declaration(app_configs: Sequence[AppConfig] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Django's entry: every finding of the declaration, for every subject."""
    return findings(registry)


def check_seal(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Django's entry for database checks: the triggers that stand against those that must.

    A warning, because ``migrate`` stops at errors and it is ``migrate`` that mends it; the gate does refuse to erase.
    """
    from lethe.install import problems

    return [
        checks.Warning(
            f"The seal is broken on {using!r}: {problem}.",
            hint="Run manage.py lethe seal (a migrate does it too).",
            obj=using,
            id="lethe.W020",
        )
        for using in databases or ()
        if _has_tables(using)
        for problem in problems(using)
    ]


#: Seconds for which a seal that was seen in place is taken to stand: a migration may drop it under a running server.
SEAL_TRUSTED = 60.0


def gaps(using: str) -> list[str]:
    """Everything that keeps an erasure from running, in words. Models do not change while a process runs, so the
    declaration is read once; the seal is looked at again every :data:`SEAL_TRUSTED` seconds."""
    now = time.monotonic()
    if "" not in _passed:
        found = [str(message.msg) for message in findings(registry) if message.level >= checks.ERROR]
        if found:
            return found
        _passed[""] = now
    if now - _passed.get(using, -SEAL_TRUSTED) >= SEAL_TRUSTED:
        from lethe.install import problems

        broken = problems(using)
        if broken:
            return [f"the seal is broken: {broken[0]}"]
        _passed[using] = now
    return []


_passed: dict[str, float] = {}


def findings(source: Registry) -> list[checks.CheckMessage]:
    """Every gap and misdeclaration in a registry."""
    messages: list[checks.CheckMessage] = []
    for label in getattr(settings, "LETHE_SUBJECTS", ()):
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            messages.append(_error("E001", f"LETHE_SUBJECTS names {label!r}, which is no model.", None, "Correct it."))
            continue
        policy = source.get(model)
        if policy is None or not policy.subject:
            messages.append(
                _error(
                    "E002", f"{label} is a data subject and has no policy.", model, _policy_hint(model, subject=True)
                )
            )
    for policy in source.subjects():
        messages += _unanswered_models(policy, source)
    for policy in source:
        messages += _policy_findings(policy)
    if not any(message.level >= checks.ERROR for message in messages):
        messages += _compile_findings(source)
    return messages


def _unanswered_models(subject: type[Policy], source: Registry) -> list[checks.CheckMessage]:
    declared = [p.model for p in source if not p.subject]
    stops = [
        p.model
        for p in source
        if (p.rows is not None and p.rows.fate == "not personal")
        or (p.rows is None and not p.subject)
        or (p.subject and p is not subject)
    ]
    messages = []
    known = {concrete(p.model) for p in source}
    in_reach = reach(subject.model, declared, stops)
    for model in in_reach:
        if model not in known:
            keys = referring(in_reach).get(model, [])
            names = ", ".join(key.name for key in keys)
            messages.append(
                _error(
                    "E003",
                    f"{model._meta.label} refers to {subject.model._meta.label} or its rows ({names}): no policy.",
                    model,
                    _policy_hint(model, path=keys[0].name if keys else ""),
                )
            )
    for model, _ in generic_models():
        if model not in known:
            messages.append(
                _error(
                    "E004",
                    f"{model._meta.label} can point at anything by a generic foreign key and has no policy.",
                    model,
                    _policy_hint(model, generic=True),
                )
            )
    return messages


def _policy_findings(policy: type[Policy]) -> Iterable[checks.CheckMessage]:
    meta, label = policy.model._meta, policy.model._meta.label
    named = {*policy.strategies(), *policy.kept(), *policy.unlink}
    named |= {companion for companions in policy.unlink.values() for companion in companions}
    for name in sorted(named):
        try:
            field = meta.get_field(name)
        except FieldDoesNotExist:
            yield _error(
                "E005", f"The policy of {label} names {name!r}, which is no field.", policy.model, "Correct it."
            )
            continue
        if name in policy.strategies() and (problem := policy.strategies()[name].problem(field)):
            yield _error("E006", f"{label}.{name}: {problem}", policy.model, "Choose another strategy.")
        if name in policy.unlink and not field.null:
            yield _error(
                "E007",
                f"{label}.{name} is unlinked and cannot be NULL.",
                policy.model,
                "Allow NULL, or delete the rows.",
            )
    yield from _fate_findings(policy)
    for names, reason in _reasons(policy):
        if len(reason.strip()) < SHORTEST_REASON or reason.strip().casefold() in EMPTY_REASONS:
            yield _error(
                "E010",
                f"{label} keeps {names} for no reason of substance ({reason!r}).",
                policy.model,
                "Say what needs it, in words a member understands.",
            )


def _fate_findings(policy: type[Policy]) -> Iterable[checks.CheckMessage]:
    meta, label = policy.model._meta, policy.model._meta.label
    if policy.rows is None and not policy.subject and not policy.unlink:
        yield _error(
            "E008",
            f"The policy of {label} does not say what becomes of its rows.",
            policy.model,
            "rows = delete_rows(), or keep_rows(reason).",
        )
    owned = policy.subject or (policy.rows is not None and policy.rows.fate != "not personal")
    if owned and not policy.subject and not policy.paths() and not policy.by_key:
        yield _error("E009", f"The policy of {label} has no path to the subject.", policy.model, 'path = "…"')
    if policy.subject or (policy.rows is not None and policy.rows.fate == "keep"):
        answered = {*policy.strategies(), *policy.kept(), *policy.unlink}
        for field in meta.concrete_fields:
            if field.name not in answered and not field.primary_key and field.name not in _path_fields(policy):
                yield _error(
                    "E011",
                    f"{label}.{field.name} has no answer.",
                    policy.model,
                    f'clear = ("{field.name}",), or keep = {{"{field.name}": "why it is needed"}}',
                )


def _path_fields(policy: type[Policy]) -> set[str]:
    """The foreign keys by which rows are found: kept rows keep them, or nothing would add up."""
    return {path.split("__")[0] for path in policy.paths()}


def _reasons(policy: type[Policy]) -> Iterable[tuple[str, str]]:
    for names, reason in policy.keep.items():
        yield (names if isinstance(names, str) else ", ".join(names)), reason
    if policy.rows is not None and policy.rows.fate != "delete":
        yield "its rows", policy.rows.reason


def _compile_findings(source: Registry) -> list[checks.CheckMessage]:
    """Compiling meets what the checks above cannot see: paths that do not lead there, orders that cannot be."""
    messages = []
    for policy in source.subjects():
        try:
            compile_plan(policy.model, "default", source)
        except LetheError as error:
            messages.append(_error("E012", str(error), policy.model, "Mend the policy that it names."))
    return messages + [
        checks.Warning(
            f"{policy.model._meta.label}.{field.name} leads to the subject and has no index.",
            hint=f"models.Index(fields=[{field.name!r}]), or db_index=True: else every erasure reads the table.",
            obj=policy.model,
            id="lethe.W001",
        )
        for policy in source
        if policy.rows is None or policy.rows.fate != "not personal"
        for field in _unindexed(policy)
    ]


def _unindexed(policy: type[Policy]) -> list[models.Field[Any, Any]]:
    meta = policy.model._meta
    first = {index.fields[0] for index in meta.indexes if index.fields}
    first |= {
        c.fields[0] for c in meta.constraints if isinstance(c, models.UniqueConstraint) and c.fields and not c.condition
    }
    first |= {names[0] for names in meta.unique_together}
    found = []
    for name in {*_path_fields(policy), *policy.unlink}:
        field = meta.get_field(name)
        if field.concrete and not (field.primary_key or field.db_index or field.unique or field.name in first):
            found.append(field)
    return found


def _policy_hint(model: Model, *, subject: bool = False, path: str = "", generic: bool = False) -> str:
    label = model.__name__
    body = "subject = True" if subject else f'path = "{path}"; rows = delete_rows()'
    if generic:
        body = 'by_key = ("content_type", "object_id"); rows = delete_rows()'
    return f"In {model._meta.app_label}/erasure.py: @register({label}) class {label}Policy(Policy): {body}"


def _error(number: str, message: str, model: Any, hint: str) -> checks.Error:
    return checks.Error(message, hint=hint, obj=model, id=f"lethe.{number}")


def _has_tables(using: str) -> bool:
    connection = connections[using]
    with connection.cursor() as cursor:
        return "lethe_erased" in connection.introspection.table_names(cursor)
