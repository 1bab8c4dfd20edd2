"""Which model has which policy. Filled by each app's ``erasure.py``, as Django's admin is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from lethe.policy import Policy


class Registry:
    """A mapping of model classes to policies; iterates in order of registration."""

    def __init__(self) -> None:
        self._policies: dict[type[models.Model], type[Policy]] = {}
        self._waiting: list[Callable[[Registry], None]] | None = []

    def copy(self) -> Registry:
        """Another registry with the same policies, to try something out."""
        made = Registry()
        made._policies = dict(self._policies)
        return made

    def refuse(self, models_: Sequence[type[models.Model]], policy: type[Policy]) -> None:
        """Raise ``ImproperlyConfigured`` where ``policy`` cannot be registered for each of ``models_``."""
        trial = self.copy()
        for model in models_:
            trial._add(model, policy)

    def register(self, model: type[models.Model], policy: type[Policy]) -> None:
        """Register ``policy`` for the table of ``model``; a proxy stands for the model behind it.

        Raises ``ImproperlyConfigured`` where one is registered already, and for abstract models, which have no rows.
        """
        policy.model = self._add(model, policy)

    def _add(self, model: type[models.Model], policy: type[Policy]) -> type[models.Model]:
        if model._meta.abstract:
            raise ImproperlyConfigured(
                f"{model.__module__}.{model.__name__} is abstract and has no rows. Register {policy.__name__} for the "
                "models made of it."
            )
        model = model._meta.concrete_model or model
        if model in self._policies:
            first, second = (f"{one.__module__}.{one.__name__}" for one in (self._policies[model], policy))
            raise ImproperlyConfigured(f"{model._meta.label} has two policies: {first} and {second}. Delete one.")
        self._policies[model] = policy
        return model

    def when_read(self, then: Callable[[Registry], None]) -> None:
        """Call ``then`` with this registry once every ``erasure.py`` is read: ready policies follow the project's own,
        in whatever order the apps are installed. Once they are read it is called at once."""
        if self._waiting is None:
            then(self)
        else:
            self._waiting.append(then)

    def all_read(self) -> None:
        """Every ``erasure.py`` is read."""
        waiting, self._waiting = self._waiting or [], None
        for then in waiting:
            then(self)

    def get(self, model: type[models.Model]) -> type[Policy] | None:
        """The policy of ``model``, or of what it is a proxy of, or ``None``."""
        return self._policies.get(model._meta.concrete_model or model)

    def subjects(self) -> list[type[Policy]]:
        """The policies of subjects."""
        return [policy for policy in self._policies.values() if policy.subject]

    def __iter__(self) -> Iterator[type[Policy]]:
        return iter(self._policies.values())

    def __contains__(self, model: type[models.Model]) -> bool:
        return self.get(model) is not None

    def __len__(self) -> int:
        return len(self._policies)


registry = Registry()


def register(*models_: type[models.Model], to: Registry | None = None) -> Callable[[type[Any]], type[Any]]:
    """Class decorator: register a policy for one or more models.

    For several models the class is subclassed once per model, so each keeps a ``model`` of its own. All or nothing:
    where one of them is refused, none is registered.
    """

    def decorate(policy: type[Any]) -> type[Any]:
        target = registry if to is None else to
        target.refuse(models_, policy)
        for model in models_:
            target.register(model, policy if len(models_) == 1 else type(policy.__name__, (policy,), {}))
        return policy

    return decorate
