"""Ready policies for apps that many projects have, and adapters. In an ``erasure.py`` of the project::

    from lethe.contrib import axes, sessions

    axes.install()
    sessions.install()

Each follows the project's own policies, wherever they stand: what leads to the person's account is the person's.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any

from django.apps import apps

from lethe.fields import reference_of
from lethe.graph import Model, concrete
from lethe.policy import ByValue, Policy
from lethe.registry import Registry

#: The app, and the module here that answers for it.
READY = {
    "allauth.account": "allauth",
    "auditlog": "auditlog",
    "axes": "axes",
    "django.contrib.admin": "admin",
    "django.contrib.sessions": "sessions",
    "simple_history": "simple_history",
}


def ready() -> list[str]:
    """The modules that answer for apps of this project, in order."""
    return sorted(module for app, module in READY.items() if apps.is_installed(app))


def module(name: str) -> Any:
    """A ready module: ``install(to)`` registers its policies, ``models()`` are those it answers for."""
    return importlib.import_module(f"lethe.contrib.{name}")


def ways(model: Model, name: str, source: Registry) -> tuple[str | ByValue, ...]:
    """The ways to a subject that begin with the foreign key ``name``; none where what it names is nobody's."""
    found = source.get(concrete(reference_of(model, name).related_model))
    if found is None:
        return ()
    return (name,) if found.subject else tuple(found.ways_from(name))


def add(source: Registry, model: Model, **body: Any) -> None:
    """Register a policy made of ``body``, unless the project has one of its own."""
    if model not in source:
        source.register(model, type(f"{model.__name__}Policy", (Policy,), {"__module__": __name__, **body}))


def answered(models_: Iterable[Model], source: Registry) -> bool:
    """Whether there is a policy for each."""
    return all(model in source for model in models_)
