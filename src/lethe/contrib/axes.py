"""Ready policies for ``django-axes``: call :func:`install` in an ``erasure.py`` of the project.

Its tables know a person by what was typed as the user name, beside the address on the network and the browser.
Attempts, failures and the log of sign-ins go. What somebody mistyped is nobody's, and expires as axes is set up to.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from axes.models import AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured

from lethe.contrib import add
from lethe.graph import Model
from lethe.policy import by_value, delete_rows
from lethe.registry import Registry, registry


def models() -> list[Model]:
    """What is answered for here."""
    return [AccessAttempt, AccessAttemptExpiration, AccessFailureLog, AccessLog]


def install(to: Registry = registry, *, of: Sequence[str] = ()) -> None:
    """Register the policies once every ``erasure.py`` is read.

    ``of`` names the fields of the subject that people type to sign in. Unless said they are the account model's user
    name and e-mail address, as far as a subject has them; raises ``ImproperlyConfigured`` where none does.
    """
    to.when_read(partial(_install, of=tuple(of)))


def _install(source: Registry, of: tuple[str, ...]) -> None:
    account = get_user_model()
    names = of or tuple(dict.fromkeys((account.USERNAME_FIELD, account.get_email_field_name())))
    subjects = [policy.model for policy in source.subjects()]
    found = [name for name in names if any(_has(subject, name) for subject in subjects)]
    if not found or (of and len(found) < len(of)):
        known = ", ".join(subject._meta.label for subject in subjects) or "none is registered"
        raise ImproperlyConfigured(
            f"axes knows a person by {', '.join(names)}, and no subject has such a field (subjects: {known}). "
            'Say which fields people type to sign in: axes.install(of=["email"]).'
        )
    paths = tuple(by_value("username", of=name) for name in found)
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        add(source, model, path=paths, rows=delete_rows())
    further = tuple(path.after("access_attempt") for path in paths)
    add(source, AccessAttemptExpiration, path=further, rows=delete_rows())


def _has(model: Model, name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).concrete)
    except FieldDoesNotExist:
        return False
