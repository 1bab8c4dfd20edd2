"""Ready policies for ``django-allauth``: call :func:`install` in an ``erasure.py`` of the project.

Addresses, confirmations, social accounts with their tokens, second factors and sign-ins go with the account.
"""

from __future__ import annotations

from django.apps import apps

from lethe.contrib import add, ways
from lethe.graph import Model
from lethe.policy import ByValue, delete_rows
from lethe.registry import Registry, registry

#: Model, the reference that leads to the account, what holds that reference, and what the person's own copy leaves out.
MODELS = (
    ("account.EmailAddress", "user", "", ()),
    ("account.EmailConfirmation", "email_address", "account.EmailAddress", ("key",)),
    ("socialaccount.SocialAccount", "user", "", ()),
    ("socialaccount.SocialToken", "account", "socialaccount.SocialAccount", ("token", "token_secret")),
    ("mfa.Authenticator", "user", "", ("data",)),
    ("usersessions.UserSession", "user", "", ("session_key", "data")),
)


def models() -> list[Model]:
    """What is answered for here: the models of the parts that are installed."""
    return [model for label, *_ in MODELS if (model := _model(label)) is not None]


def install(to: Registry = registry) -> None:
    """Register the policies once every ``erasure.py`` is read."""
    to.when_read(_install)


def _install(source: Registry) -> None:
    for label, name, beyond, secrets in MODELS:
        model = _model(label)
        if model is None:
            continue
        holder = _model(beyond) if beyond else None
        found = ways(holder, "user", source) if holder else ways(model, "user", source)
        paths = tuple(_onward(name, path) for path in found) if holder else found
        if paths:
            add(source, model, path=paths, rows=delete_rows(), secrets=secrets)


def _onward(name: str, path: str | ByValue) -> str | ByValue:
    return f"{name}__{path}" if isinstance(path, str) else path.after(name)


def _model(label: str) -> Model | None:
    app, _, name = label.partition(".")
    found = apps.app_configs.get(app)
    return found.get_model(name) if found is not None and found.name == f"allauth.{app}" else None
