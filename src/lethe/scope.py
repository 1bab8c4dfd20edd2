"""What each policy means to one kind of subject: only the paths that lead to it, and every table of its rows.

A project may have several kinds of subject (a client, a colleague), and a row of one may name another. Models with a
parent that has a table of its own (multi-table inheritance) answer for the parent's fields too; they are split here, so
that every later stage sees one policy a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import FieldDoesNotExist

from lethe.exceptions import PolicyError
from lethe.graph import Model, concrete, end_of, parents, references, to_child
from lethe.policy import ByValue, Policy, Rows

#: What a policy says of its own rows; dropped where the rows are somebody else's.
OWN_ROWS: dict[str, Any] = {
    "subject": False,
    "path": (),
    "by_key": None,
    "rows": None,
    "clear": (),
    "replace": {},
    "keep": {},
    "emits": (),
    "secrets": (),
    "blockers": (),
    "first": (),
}


def scoped(subject: type[Policy], source: Iterable[type[Policy]]) -> tuple[type[Policy], ...]:
    """The policies as ``subject`` sees them, in order of registration.

    Raises ``PolicyError`` where a path leads to no subject.
    """
    known = list(source)
    subjects = {concrete(policy.model) for policy in known if policy.subject}
    answered = {concrete(policy.model) for policy in known}
    mine = {policy: _leading(policy, subject, subjects) for policy in known}
    owned = {concrete(policy.model) for policy, paths in mine.items() if owns(policy, paths, subject)}
    owned |= {parent for model in owned for parent in parents(model)}
    strangers = {policy for policy in known if policy.by_key_models and not _points_at(policy, owned)}
    found: list[type[Policy]] = []
    for policy in known:
        unlink = {
            name: companions
            for name, companions in policy.unlink.items()
            if (target := _target(policy.model, name)) is None or target in owned
        }
        if policy is subject or (owns(policy, mine[policy], subject) and policy not in strangers):
            paths = policy.path if policy is subject else mine[policy]
            found += _by_table(_narrowed(policy, path=paths, unlink=unlink), answered)
        elif policy.rows is not None and policy.rows.fate == "not personal":
            named = {concrete(key.related_model) for key in references(policy.model)}
            if not named or named & owned:
                found.append(policy)
        elif unlink:
            found.append(_narrowed(policy, **OWN_ROWS, unlink=unlink))
    return tuple(found)


def owns(policy: type[Policy], paths: tuple[str | ByValue, ...], subject: type[Policy]) -> bool:
    """Whether rows of the policy's model are this subject's."""
    if policy is subject:
        return True
    personal = policy.rows is not None and policy.rows.fate != "not personal"
    return personal and not policy.subject and bool(paths or policy.by_key)


def _points_at(policy: type[Policy], owned: set[Model]) -> bool:
    """Whether a generic key names only models that are this subject's, or some of them."""
    assert policy.by_key_models is not None
    return any(concrete(model) in owned for model in policy.by_key_models())


def _leading(policy: type[Policy], subject: type[Policy], subjects: set[Model]) -> tuple[str | ByValue, ...]:
    """The paths of a policy that lead to this subject."""
    wanted = concrete(subject.model)
    found: list[str | ByValue] = []
    for path in policy.paths():
        end = end_of(policy.model, path)
        if end not in subjects:
            beyond = [child for child in subjects if end in parents(child)]
            hint = f" Go on to {path}__{to_child(end, beyond[0])}." if beyond else ""
            raise PolicyError(
                f"The path {path!r} of {policy.model._meta.label} ends at {end._meta.label}, which is no subject.{hint}"
            )
        if end is wanted:
            found.append(path)
    for value in policy.values():
        if value.subject and value.subject.lower() != wanted._meta.label_lower:
            continue
        if value.of == "pk" or _has(wanted, value.of):
            found.append(value)
        elif value.subject or not any(_has(other, value.of) for other in subjects):
            raise PolicyError(
                f"{policy.model._meta.label} is found by the value of {value.of!r}, a field that no subject has."
            )
    return tuple(found)


def _has(model: Model, name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).concrete)
    except FieldDoesNotExist:
        return False


def _target(model: Model, name: str) -> Model | None:
    """What a foreign key points at; ``None`` where there is no such key, which is for the checks to say."""
    try:
        related = model._meta.get_field(name).related_model
    except FieldDoesNotExist:
        return None
    return concrete(related) if related is not None else None


def _narrowed(policy: type[Policy], **changes: Any) -> type[Policy]:
    """The policy itself where nothing changes, else a subclass of it that differs."""
    changed = {name: value for name, value in changes.items() if getattr(policy, name) != value}
    if not changed or (set(changed) == {"path"} and tuple(changed["path"]) == policy.all_paths()):
        return policy
    return type(policy.__name__, (policy,), {"__module__": policy.__module__, **changed})


def _by_table(policy: type[Policy], answered: set[Model]) -> list[type[Policy]]:
    """One policy for each table that holds a part of the row and has no policy of its own."""
    above = [parent for parent in parents(policy.model) if parent not in answered]
    if not above or (policy.rows is not None and policy.rows.fate == "delete"):
        return [policy]
    tables = {model: _part(policy, model) for model in (concrete(policy.model), *above)}
    found = [_narrowed(policy, **tables[concrete(policy.model)])]
    for parent in above:
        link = to_child(parent, policy.model)
        paths = [link] if policy.subject else [f"{link}__{path}" for path in policy.paths()]
        body = OWN_ROWS | tables[parent] | {"path": tuple(paths), "model": parent, "history": policy.history}
        body["rows"] = Rows("keep", policy.rows.reason if policy.rows else "", policy.rows.until if policy.rows else "")
        found.append(type(policy.__name__, (Policy,), {"__module__": policy.__module__, **body}))
    return found


def _part(policy: type[Policy], table: Model) -> dict[str, Any]:
    """What a policy says of the fields in one table."""

    def here(name: str) -> bool:
        try:
            return concrete(policy.model._meta.get_field(name).model) is table
        except FieldDoesNotExist:
            return table is concrete(policy.model)

    return {
        "clear": tuple(name for name in policy.clear if here(name)),
        "replace": {name: value for name, value in policy.replace.items() if here(name)},
        "keep": {name: said for name, said in policy.keeping().items() if here(name)},
        "secrets": tuple(name for name in policy.secrets if here(name)),
        "unlink": {name: companions for name, companions in policy.unlink.items() if here(name)},
        "emits": tuple(
            item for item in policy.emits if all(here(name) for _, name in item.columns) and (item.columns or here(""))
        ),
    }
