"""Fields as the engine takes them: columns of a table, and references that lead from one table to another.

A name in Django's ``_meta`` may also be a relation seen from its other end, and a field need not have a column; whoever
renders SQL from one says here which of these it takes.
"""

from __future__ import annotations

from typing import Any

from django.db import models

from lethe.exceptions import PolicyError


def field_of(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    """A field of ``model``. Raises ``FieldDoesNotExist`` where there is none, and ``PolicyError`` where the name is a
    relation that another model declares."""
    found = model._meta.get_field(name)
    if not isinstance(found, models.Field):
        raise PolicyError(f"{model._meta.label}.{name} is a relation from its other end, and no column.")
    return found


def reference_of(model: type[models.Model], name: str) -> models.ForeignObject[Any, Any]:
    """A foreign key of ``model``. Raises as :func:`field_of` does, and ``PolicyError`` for another kind of field."""
    found = field_of(model, name)
    if not isinstance(found, models.ForeignObject):
        raise PolicyError(f"{model._meta.label}.{name} is no foreign key.")
    return found


def column_of(field: models.Field[Any, Any]) -> str:
    """The name of a field's column. Raises ``PolicyError`` where it has none, as a key of several has not."""
    if field.column is None:
        raise PolicyError(f"{field.model._meta.label}.{field.name} is no column.")
    return field.column
