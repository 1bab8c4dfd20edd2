"""Which model has which policy. Filled by each app's ``erasure.py``, as Django's admin is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from lethe.policy import Policy


class Registry:
    """A mapping of model classes to policies; iterates in order of registration."""

    def __init__(self) -> None:
        self._policies: dict[type[models.Model], type[Policy]] = {}

    def register(self, model: type[models.Model], policy: type[Policy]) -> None:
        """Register ``policy`` for ``model``. Raises ``ImproperlyConfigured`` where one is registered already."""
        if model in self._policies:
            first, second = (f"{one.__module__}.{one.__name__}" for one in (self._policies[model], policy))
            raise ImproperlyConfigured(f"{model._meta.label} has two policies: {first} and {second}. Delete one.")
        policy.model = model
        self._policies[model] = policy

    def get(self, model: type[models.Model]) -> type[Policy] | None:
        """The policy of ``model``, or ``None``."""
        return self._policies.get(model)

    def subjects(self) -> list[type[Policy]]:
        """The policies of subjects."""
        return [policy for policy in self._policies.values() if policy.subject]

    def __iter__(self) -> Iterator[type[Policy]]:
        return iter(self._policies.values())

    def __contains__(self, model: object) -> bool:
        return model in self._policies

    def __len__(self) -> int:
        return len(self._policies)


registry = Registry()


def register(*models_: type[models.Model], to: Registry | None = None) -> Callable[[type[Any]], type[Any]]:
    """Class decorator: register a policy for one or more models.

    For several models the class is subclassed once per model, so each keeps a ``model`` of its own.
    """

    def decorate(policy: type[Any]) -> type[Any]:
        target = registry if to is None else to
        for model in models_:
            target.register(model, policy if len(models_) == 1 else type(policy.__name__, (policy,), {}))
        return policy

    return decorate
