"""The gate's findings about the declaration: every model in reach, every field and every reference has an answer.

Each finding is a Django system check with a stable id, the object, and a hint that is the line to write. What only a
database can tell is in :mod:`lethe.catalogue`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.apps.registry import Apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import FieldDoesNotExist
from django.db import models, router

from lethe import conf
from lethe.exceptions import LetheError, PolicyError
from lethe.graph import (
    Model,
    all_models,
    concrete,
    declarer,
    end_of,
    generic_models,
    parents,
    reach,
    references,
    to_child,
)
from lethe.limits import moved_targets, refused_columns, refused_constraints
from lethe.lookalikes import lookalikes
from lethe.plan import compile_plan
from lethe.policy import Policy, reason_of
from lethe.registry import Registry

#: A reason shorter than this, or one of these words, is none.
SHORTEST_REASON = 10
EMPTY_REASONS = {"tbd", "todo", "none", "n/a", "because", "needed", "required", "legacy", "unknown"}
#: What the engine's own tables hold of a subject's key.
LONGEST_KEY = 64
#: How a column that names a row of any table is called.
GENERIC_KEY = re.compile(r"^(object|obj|target|instance|record|content|item|resource)_?(id|pk|key|uuid)$")


def findings(source: Registry) -> list[checks.CheckMessage]:
    """Every gap and misdeclaration in a registry."""
    messages = list(_named_subjects(source))
    cure = "Correct it in the settings, or take it out."
    messages += [error("E025", problem, None, cure) for problem in conf.problems()]
    for policy in source.subjects():
        messages += _key_findings(policy)
        messages += _unanswered_models(policy, source)
    for policy in source:
        messages += _policy_findings(policy, source)
    messages += _database_findings(source)
    messages += lookalikes(source)
    if not any(message.level >= checks.ERROR for message in messages):
        messages += _compile_findings(source)
    return messages


def _named_subjects(source: Registry) -> Iterator[checks.CheckMessage]:
    for label in getattr(settings, "LETHE_SUBJECTS", ()):
        try:
            model = apps.get_model(label)
        except (LookupError, ValueError):
            yield error("E001", f"LETHE_SUBJECTS names {label!r}, which is no model.", None, "Write it as app.Model.")
            continue
        if model._meta.swapped:
            hint = f'LETHE_SUBJECTS = ["{model._meta.swapped}"]'
            yield error("E001", f"LETHE_SUBJECTS names {label}, which is swapped out.", model, hint)
            continue
        policy = source.get(model)
        if policy is None or not policy.subject:
            hint = _policy_hint(model, "subject = True")
            yield error("E002", f"{label} is a data subject and has no policy.", model, hint)


def _key_findings(policy: type[Policy]) -> Iterator[checks.CheckMessage]:
    """The engine's own tables hold a subject's key as one short text."""
    key, label = policy.model._meta.pk, policy.model._meta.label
    if len(policy.model._meta.pk_fields) > 1:
        hint = "Give it a key of one column; the columns of the old one keep a UniqueConstraint."
        yield error("E016", f"{label} is a subject and has a composite primary key.", policy.model, hint)
    elif (key.max_length or 0) > LONGEST_KEY:
        hint = f"max_length={LONGEST_KEY}, or a key that is a number or a UUID."
        yield error("E016", f"{label} is a subject, and its key can be longer than {LONGEST_KEY}.", policy.model, hint)


# --- models without an answer -----------------------------------------------------------------------------------------
def owners(source: Registry) -> dict[Model, type[Policy]]:
    """The models whose rows are somebody's, with the policy that says what becomes of them."""
    return {
        concrete(policy.model): policy
        for policy in source
        if policy.subject or (policy.rows is not None and policy.rows.fate != "not personal")
    }


def _unanswered_models(subject: type[Policy], source: Registry) -> Iterator[checks.CheckMessage]:
    known = {concrete(policy.model) for policy in source}
    owned = owners(source)
    declared = [model for model, policy in owned.items() if not policy.subject]
    stops = (known - set(owned)) | {
        model for model, policy in owned.items() if policy.subject and policy is not subject
    }
    completed = {parent for model, policy in owned.items() if _completes(policy) for parent in parents(model)}
    for model in reach(subject.model, declared, stops):
        if model in known or model in completed:
            continue
        keys = [(key.name, _path_on(key, subject, owned)) for key in references(model)]
        ways = [(name, path) for name, path in keys if path]
        names = ", ".join(name for name, _ in ways)
        written = ", ".join(path for _, path in ways)
        said = f"refers to {subject.model._meta.label} or its rows ({names})" if ways else "holds a part of its rows"
        hint = _policy_hint(model, f"path = {f'({written})' if len(ways) > 1 else written}; rows = delete_rows()")
        yield error("E003", f"{model._meta.label} {said}, without a policy.", model, hint)
    for model, key in pointing_anywhere(source, subject.model._meta.apps):
        hint = _policy_hint(model, f"by_key = {key!r}; rows = delete_rows()")
        said = "can point at anything by a generic key and has no policy."
        yield error("E004", f"{model._meta.label} {said}", model, hint)


def _completes(policy: type[Policy]) -> bool:
    """Whether a policy answers for the tables of its model's parents too: where the row stays."""
    return policy.subject or (policy.rows is not None and policy.rows.fate == "keep")


def _path_on(key: models.ForeignObject[Any, Any], subject: type[Policy], owned: dict[Model, type[Policy]]) -> str:
    """The path to the subject that begins with a foreign key, as it is written, or nothing."""
    target, root = concrete(key.related_model), concrete(subject.model)
    if target is root:
        return f'"{key.name}"'
    if target in parents(root):
        return f'"{key.name}__{to_child(target, root)}"'
    policy = owned.get(target)
    if policy is None or policy.subject:
        return ""
    if not policy.paths() and policy.values():
        return f'by_value("{key.name}__{policy.values()[0].column}", of="{policy.values()[0].of}")'
    return f'"{key.name}__{policy.paths()[0]}"' if policy.paths() else f'"{key.name}"'


def pointing_anywhere(source: Iterable[type[Policy]], known: Apps) -> Iterator[tuple[Model, tuple[str, str]]]:
    """Models with a generic foreign key, declared or by the look of it, that have no policy."""
    answered = {concrete(policy.model) for policy in source}
    found: dict[Model, tuple[str, str]] = {}
    for model, key in generic_models(known):
        found.setdefault(model, (key.ct_field, key.fk_field))
    for model in all_models(known):
        types = [key for key in references(model) if key.related_model._meta.label == "contenttypes.ContentType"]
        keys = [field for field in model._meta.local_concrete_fields if GENERIC_KEY.match(field.name)]
        if types and keys:
            found.setdefault(model, (types[0].name, keys[0].name))
    return ((model, names) for model, names in found.items() if model not in answered)


# --- what a policy says -----------------------------------------------------------------------------------------------
def _policy_findings(policy: type[Policy], source: Registry) -> Iterator[checks.CheckMessage]:
    model, label = policy.model, policy.model._meta.label
    yield from _name_findings(policy, source)
    for name, problem in refused_columns(policy):
        yield error("E006", f"{label}.{name}: {problem}", model, f'keep = {{"{name}": "why"}}, or another strategy.')
    for name, kind, problem in refused_constraints(policy):
        number = "E014" if kind == "unique" else "E015"
        hint = "Clear the field to NULL, use a random strategy, or leave erased rows out by the constraint's condition."
        yield error(number, f"{label}: {problem}, which the constraint {name} refuses.", model, hint)
    for other, name, column in moved_targets(policy, source):
        said = f"{other.model._meta.label}.{name} refers to {label}.{column}, which the erasure changes"
        hint = f'rows = delete_rows(), or unlink = {{"{name}": ()}}'
        yield error("E022", f"{said}: the kept rows would point at nothing.", other.model, hint)
    yield from _fate_findings(policy, source)
    yield from _reference_findings(policy, source)
    if policy.suggested:
        said = f"{label}: nobody has confirmed what was suggested for {', '.join(policy.suggested)}"
        hint = "Delete from suggested what you have decided, and the line when nothing is left in it."
        yield error("E024", f"{said}.", model, hint)
    for names, reason in _reasons(policy):
        if len(reason.strip()) < SHORTEST_REASON or reason.strip().casefold() in EMPTY_REASONS:
            hint = "Say what needs it, in words a member understands."
            yield error("E010", f"{label} keeps {names} for no reason of substance ({reason!r}).", model, hint)


def _name_findings(policy: type[Policy], source: Registry) -> Iterator[checks.CheckMessage]:
    model, label = policy.model, policy.model._meta.label
    named = {*policy.strategies(), *policy.kept(), *policy.unlink, *(policy.by_key or ())}
    named |= {companion for companions in policy.unlink.values() for companion in companions}
    beside = {value.field for value in policy.values() if value.keys}
    named |= {value.field for value in policy.values()}
    for name in sorted(named):
        try:
            field = model._meta.get_field(name)
            if name in beside and field.is_relation and not field.many_to_many:
                continue  # a way along a relation, in either direction
        except FieldDoesNotExist:
            hint = f"The fields are {', '.join(f.name for f in model._meta.concrete_fields)}."
            yield error("E005", f"The policy of {label} names {name!r}, which is no field.", model, hint)
            continue
        if field.many_to_many:
            relation: Any = field if field.auto_created else field.remote_field
            hint = f"Register a policy for its table: @register({relation.through._meta.label})."
            yield error("E005", f"{label}.{name} is many-to-many and no column.", model, hint)
        elif not field.concrete and not hasattr(field, "related_fields"):
            yield error("E005", f"{label}.{name} is no column.", model, "Name columns of this table only.")
        elif concrete(field.model) is not concrete(model) and field.model in source:
            hint = f"Answer in the policy of {field.model._meta.label}."
            yield error(
                "E019", f"{label}.{name} is a column of {field.model._meta.label}, which has a policy.", model, hint
            )
        elif name in policy.unlink and not any(pair[0].null for pair in getattr(field, "related_fields", ())):
            said = "is unlinked and cannot be NULL." if field.is_relation else "is unlinked and no foreign key."
            yield error("E007", f"{label}.{name} {said}", model, "null=True on the field, or rows = delete_rows().")


def _fate_findings(policy: type[Policy], source: Registry) -> Iterator[checks.CheckMessage]:
    model, label = policy.model, policy.model._meta.label
    if policy.rows is None and not policy.subject and not policy.unlink:
        hint = 'rows = delete_rows(), or rows = keep_rows("why they are needed").'
        yield error("E008", f"The policy of {label} does not say what becomes of its rows.", model, hint)
    personal = policy.rows is not None and policy.rows.fate != "not personal"
    if personal and not policy.subject and not (policy.paths() or policy.values() or policy.by_key):
        yield error("E009", f"The policy of {label} has no path to the subject.", model, 'path = "…"')
    if policy.subject or (personal and policy.rows is not None and policy.rows.fate == "keep"):
        # Unlinking answers for the rows of others that name the subject, not for the subject's that name others.
        answered = {*policy.strategies(), *policy.kept(), *path_fields(policy)}
        for field in model._meta.concrete_fields:
            if field.name in answered or field.primary_key or getattr(field, "generated", False):
                continue
            above = concrete(field.model) is not concrete(model) and field.model in source
            if getattr(field.remote_field, "parent_link", False) or above:
                continue
            hint = f'clear = ("{field.name}",), or keep = {{"{field.name}": "why it is needed"}}'
            yield error("E011", f"{label}.{field.name} has no answer.", model, hint)


def _reference_findings(policy: type[Policy], source: Registry) -> Iterator[checks.CheckMessage]:
    """A reference into rows that go must go along, be untied, or be a way to the subject of its own."""
    owned = owners(source)
    model, label = policy.model, policy.model._meta.label
    if policy.rows is not None and policy.rows.fate == "not personal":
        return  # its reason says why none of its rows names a subject
    deletes = policy.rows is not None and policy.rows.fate == "delete"
    for name in policy.unlink:
        target = _target_of(model, name)
        if target is not None and not _is_owned(target, owned):
            hint = f"unlink is for references to a subject or its rows; take {name!r} out."
            yield error("E018", f"{label}.{name} is unlinked and leads to no subject.", model, hint)
    for key in references(model):
        target = concrete(key.related_model)
        other = owned.get(target)
        if other is None or key.name in policy.unlink or getattr(key.remote_field, "parent_link", False):
            continue
        if other.subject:
            if deletes and key.name not in path_fields(policy) and key.name not in policy.kept():
                hint = f'path = {_listed([*policy.paths(), key.name])}, or unlink = {{"{key.name}": ()}}'
                said = (
                    f"{label}.{key.name} names {target._meta.label}, and rows that are somebody else's have no answer."
                )
                yield error("E013", said, model, hint)
            continue
        if other.rows is None or other.rows.fate != "delete" or key.name in policy.strategies():
            continue
        missing = [f"{key.name}__{path}" for path in other.paths() if f"{key.name}__{path}" not in policy.paths()]
        if not deletes or missing or _by_value_only(other, key, policy) or other.by_key or target is concrete(model):
            along = (
                f"path = {_listed([*policy.paths(), *missing])}, or "
                if deletes and missing and target is not concrete(model)
                else ""
            )
            hint = f'{along}unlink = {{"{key.name}": ()}}'
            said = f"{label}.{key.name} can name rows of {target._meta.label} that are deleted"
            yield error("E013", f"{said}, and would point at nothing.", model, hint)


def _by_value_only(other: type[Policy], key: models.ForeignObject[Any, Any], policy: type[Policy]) -> bool:
    """Whether rows that ``key`` refers to go by a value, and the policy's own rows do not go the same way."""
    ways = {value.after(key.name) for value in other.values()}
    return not ways <= set(policy.values())


def _target_of(model: Model, name: str) -> Model | None:
    try:
        related = model._meta.get_field(name).related_model
    except FieldDoesNotExist:
        return None
    return concrete(related) if related is not None else None


def _is_owned(target: Model, owned: dict[Model, type[Policy]]) -> bool:
    return target in owned or any(target in parents(model) for model in owned)


def path_fields(policy: type[Policy]) -> set[str]:
    """The columns by which rows are found: kept rows keep them, or nothing would add up."""
    named = {path.split("__")[0] for path in policy.paths()} | set(policy.by_key or ())
    return named | {
        value.field
        for value in policy.values()
        if (not value.keys and value.of == "pk") or (value.keys and _target_of(policy.model, value.field) is not None)
    }


def _reasons(policy: type[Policy]) -> Iterable[tuple[str, str]]:
    for names, said in policy.keep.items():
        yield (names if isinstance(names, str) else ", ".join(names)), reason_of(said)
    if policy.rows is not None and policy.rows.fate != "delete":
        yield "its rows", policy.rows.reason


# --- what only the whole can tell -------------------------------------------------------------------------------------
def _database_findings(source: Registry) -> Iterator[checks.CheckMessage]:
    """An erasure is one transaction, and a transaction has one database."""
    homes = {concrete(policy.model): router.db_for_write(policy.model) for policy in source.subjects()}
    for policy in source:
        if policy.subject or (policy.rows is not None and policy.rows.fate == "not personal"):
            continue
        home = router.db_for_write(policy.model)
        try:
            ends = {end_of(policy.model, path) for path in policy.paths()} or set(homes)
        except PolicyError:
            continue  # compiling says it
        for end in ends & set(homes):
            if homes[end] != home:
                said = f"{policy.model._meta.label} is on {home!r} and {end._meta.label} on {homes[end]!r}"
                hint = f"Keep both on one database, or erase {policy.model._meta.label} by an effect (emits)."
                yield error("E017", f"{said}; an erasure is one transaction on one database.", policy.model, hint)


def _compile_findings(source: Registry) -> Iterator[checks.CheckMessage]:
    """Compiling meets what the checks above cannot see: paths that do not lead there, orders that cannot be."""
    for policy in source.subjects():
        try:
            compile_plan(policy.model, router.db_for_write(policy.model), source)
        except LetheError as problem:
            yield error("E012", str(problem), policy.model, "Mend the policy that it names.")
    for policy in source:
        if policy.rows is None or policy.rows.fate != "not personal":
            for name, index in _unindexed(policy):
                yield checks.Warning(
                    f"{policy.model._meta.label}.{name} leads to the subject and has no index.",
                    hint=f"{index} in the model's Meta.indexes: else every erasure reads the table.",
                    obj=policy.model,
                    id="lethe.W001",
                )


def _unindexed(policy: type[Policy]) -> Iterator[tuple[str, str]]:
    meta = policy.model._meta
    first = {index.fields[0] for index in meta.indexes if index.fields}
    first |= {
        c.fields[0] for c in meta.constraints if isinstance(c, models.UniqueConstraint) and c.fields and not c.condition
    }
    first |= {names[0] for names in meta.unique_together}
    for name in sorted({path.split("__")[0] for path in policy.paths()} | set(policy.unlink)):
        field = meta.get_field(name)
        if not isinstance(field, models.Field) or not field.concrete or field.many_to_many:
            continue
        here = concrete(field.model) is concrete(meta.model)
        indexed = field.db_index  # type: ignore[attr-defined]  # the stubs know it as an argument alone
        if here and not (field.primary_key or indexed or field.unique or field.name in first):
            yield name, f'models.Index("{name}", name="…")'


# --- the words --------------------------------------------------------------------------------------------------------
def _policy_hint(model: Model, body: str) -> str:
    label = table = str(model._meta.object_name)
    owner = declarer(model)
    if owner is not None:
        name = next(field.name for field in owner._meta.local_many_to_many if field.remote_field.through is model)
        table = f"{owner._meta.object_name}.{name}.through"
    named = f"{label.replace('_', '')}Policy"
    return f"In {model._meta.app_label}/erasure.py: @register({table}) class {named}(Policy): {body}"


def _listed(paths: list[str]) -> str:
    if len(paths) == 1:
        return f'"{paths[0]}"'
    return "(" + ", ".join(f'"{path}"' for path in paths) + ")"


def error(number: str, message: str, model: Any, hint: str) -> checks.Error:
    """A finding of the gate."""
    return checks.Error(message, hint=hint, obj=model, id=f"lethe.{number}")
