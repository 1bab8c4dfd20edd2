"""Columns that look as if they knew a subject by a value, on models that nobody has answered for.

A login attempt that holds an address, or a number that is no foreign key, cannot be told from other columns with
certainty; so these findings are warnings, and any policy for the model ends them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.core import checks
from django.db import models

from lethe.graph import Model, all_models, concrete, parents
from lethe.registry import Registry

#: Names of columns that hold what somebody signs in with, writes from or is called by.
TELLING = re.compile(
    r"^(e_?mail(_?address)?|user_?name|login|(phone|mobile)(_?(no|number))?)$",
    re.IGNORECASE,
)
#: Apps whose tables are the frameworks' own.
THEIRS = {"lethe", "contenttypes", "migrations", "sites"}


def lookalikes(source: Registry) -> Iterator[checks.CheckMessage]:
    """A warning for each model without a policy that seems to know a subject by value."""
    subjects = [concrete(policy.model) for policy in source.subjects()]
    if not subjects:
        return
    answered = {concrete(policy.model) for policy in source}
    answered |= {parent for model in answered for parent in parents(model)}
    for model in all_models(subjects[0]._meta.apps):
        if model in answered or model._meta.app_label in THEIRS:
            continue
        for field in model._meta.local_concrete_fields:
            of = looks_like(field, subjects)
            if of is None:
                continue
            label = model._meta.object_name
            yield checks.Warning(
                f"{model._meta.label}.{field.name} looks as if it knew a {of[0]._meta.label} by value: no policy.",
                hint=(
                    f"In {model._meta.app_label}/erasure.py: @register({label}) class {label}Policy(Policy): "
                    f'path = by_value("{field.name}", of="{of[1]}"); rows = delete_rows(); '
                    'or rows = not_personal("why it is nobody\'s").'
                ),
                obj=model,
                id="lethe.W002",
            )
            break


def looks_like(field: models.Field[object, object], subjects: list[Model]) -> tuple[Model, str] | None:
    """Which subject a column seems to know, and by which of its fields."""
    if field.remote_field is not None or field.primary_key:
        return None
    plain = field.name.replace("_", "").lower()
    for subject in subjects:
        name = subject._meta.model_name
        if plain in {f"{name}{end}" for end in ("id", "pk", "key", "uuid", "ref", "number", "no")}:
            return subject, "pk"
    if isinstance(field, models.EmailField) or TELLING.match(field.name):
        for subject in subjects:
            for other in subject._meta.concrete_fields:
                same = isinstance(other, models.EmailField) == isinstance(field, models.EmailField)
                if other.name == field.name or (same and isinstance(field, models.EmailField)):
                    return subject, other.name
        email = next((f for f in subjects[0]._meta.concrete_fields if isinstance(f, models.EmailField)), None)
        if email is not None:
            return subjects[0], email.name
    return None
