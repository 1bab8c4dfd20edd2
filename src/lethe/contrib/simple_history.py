"""Ready policies for ``django-simple-history``: call :func:`install` in an ``erasure.py`` of the project.

Every version of the person's rows goes, since it holds the values that were: of rows that go and of rows that stay.
Versions of other rows stay; where the person made one, or is mentioned in one, the reference is emptied.

What it cannot find: versions of a row that was deleted before the erasure, where only other rows led from it to the
person. Versions that hold the reference to the person themselves are found.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps

from lethe.contrib import add
from lethe.graph import Model, concrete, references
from lethe.policy import ByValue, Policy, by_value, delete_rows
from lethe.registry import Registry, registry


def models() -> list[Model]:
    """What is answered for here: the table of versions of each tracked model, and of its many-to-many fields."""
    return [model for history in _histories() for model in (history, *_of_many(history))]


def install(to: Registry = registry) -> None:
    """Register the policies once every ``erasure.py`` is read."""
    to.when_read(_install)


def _histories() -> list[Model]:
    from simple_history.models import HistoricalChanges

    found = [model for model in apps.get_models() if issubclass(model, HistoricalChanges)]
    return [model for model in found if hasattr(model, "instance_type")]


def _of_many(history: Model) -> list[Model]:
    """The tables that hold the versions of many-to-many fields."""
    return [
        model
        for model in apps.get_models()
        if hasattr(model, "m2m_history_id")
        and any(key.name == "history" and key.related_model is history for key in references(model))
    ]


def _install(source: Registry) -> None:
    for history in _histories():
        tracked = concrete(history.instance_type)  # type: ignore[attr-defined]
        policy = source.get(tracked)
        owned = policy is not None and (
            policy.subject or (policy.rows is not None and policy.rows.fate != "not personal")
        )
        paths = _ways(tracked, policy) if policy is not None and owned else ()
        _add(source, history, paths)
        for model in _of_many(history):
            onward = tuple(f"history__{path}" if isinstance(path, str) else path.after("history") for path in paths)
            _add(source, model, onward)


def _ways(tracked: Model, policy: type[Policy]) -> tuple[str | ByValue, ...]:
    """A version has its row's columns, and its row's key as a plain column."""
    if policy.subject:
        return (by_value(tracked._meta.pk.attname, of="pk", subject=tracked._meta.label),)
    columns = {field.name for field in tracked._meta.local_concrete_fields}
    return tuple(
        path for path in policy.all_paths() if (path.split("__")[0] if isinstance(path, str) else path.field) in columns
    )


def _add(source: Registry, model: Model, paths: tuple[str | ByValue, ...]) -> None:
    first = {path.split("__")[0] if isinstance(path, str) else path.field for path in paths}
    untied = {}
    for key in references(model):
        policy = source.get(key.related_model)
        if policy is None or key.name in first or not key.null:
            continue
        if policy.subject or (policy.rows is not None and policy.rows.fate in {"delete", "keep"}):
            untied[key.name] = ()
    body: dict[str, Any] = {"unlink": untied}
    if paths:
        body |= {"path": paths, "rows": delete_rows()}
    if paths or untied:
        add(source, model, **body)
