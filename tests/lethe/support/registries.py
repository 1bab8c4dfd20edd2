"""Registries for one test, and what the gate says of them."""

from __future__ import annotations

from typing import Any

from django.core import checks
from django.db import models

from lethe.answers import findings
from lethe.policy import Policy
from lethe.registry import Registry, register


def declared(*policies: tuple[type[models.Model], dict[str, Any]]) -> Registry:
    """A registry with a policy for each model, made of its attributes."""
    source = Registry()
    for model, attributes in policies:
        name = f"{model.__name__}Policy"
        register(model, to=source)(type(name, (Policy,), {"__module__": __name__, **attributes}))
    return source


def said(source: Registry) -> dict[str, list[checks.CheckMessage]]:
    """What the gate finds, by id."""
    found: dict[str, list[checks.CheckMessage]] = {}
    for message in findings(source):
        assert message.hint, f"{message.id} says nothing to do"
        found.setdefault(str(message.id).removeprefix("lethe."), []).append(message)
    return found


def only(source: Registry, number: str) -> checks.CheckMessage:
    """The one finding there is, which has this id."""
    found = said(source)
    assert list(found) == [number], {key: [str(one.msg) for one in value] for key, value in found.items()}
    assert len(found[number]) == 1, [str(one.msg) for one in found[number]]
    return found[number][0]
