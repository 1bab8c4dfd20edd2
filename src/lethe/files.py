"""Files of a row: deleted after commit, with every copy that was made of them. The deed is in :mod:`lethe.effects`."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.storage import Storage, default_storage, storages
from django.db.models import FileField

from lethe.emits import Emit, emit
from lethe.strategies import Empty

if TYPE_CHECKING:
    from django.db import models

#: What a pattern may name: the folder, the file's name in it, and the two parts of that name.
PARTS = {"folder", "name", "stem", "ext"}
KIND = "file.delete"


@dataclass(frozen=True)
class DeleteFile(Empty):
    """Empties a ``FileField`` or ``ImageField``, and has its file deleted after commit, with all its versions.

    It works in ``replace`` of rows that stay and of rows that are deleted. ``copies`` are patterns of the names of what
    was made from the file: ``"{folder}/small/{name}"``, ``"{folder}/{stem}-240{ext}"``, and ``"{folder}/{name}.*"`` for
    whatever begins with the file's whole name and a dot. ``storage`` is the alias in ``STORAGES``; found, unless given.
    """

    storage: str = ""
    copies: tuple[str, ...] = ()

    def effect(self, field: models.Field[Any, Any]) -> Emit:
        """What is recorded for each row that has a file."""
        constants = {"storage": self.storage or alias_of(getattr(field, "storage", default_storage)) or "default"}
        if self.copies:
            constants["copies"] = "\n".join(self.copies)
        return emit(KIND, skip_empty=field.name, constants=constants, once=True, name=field.name)

    def problem(self, field: models.Field[Any, Any]) -> str | None:
        if not isinstance(field, FileField):
            return f"a file is named by a FileField, and the column is a {field.get_internal_type()}."
        if self.storage and self.storage not in settings.STORAGES:
            return f"STORAGES has no {self.storage!r}."
        if not self.storage and not alias_of(field.storage):
            return 'its storage is none of STORAGES; add it there, and name it: DeleteFile(storage="…").'
        for pattern in self.copies:
            if problem := _pattern_problem(pattern):
                return problem
        return super().problem(field)

    def describe(self) -> str:
        return "deleted, the file and every copy of it" if self.copies else "deleted, the file too"


def _pattern_problem(pattern: str) -> str | None:
    """Why a pattern could miss the copies, or hit a file of somebody else."""
    try:
        named = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    except ValueError:
        named = {""}
    if not named <= PARTS:
        return f"the pattern {pattern!r} may name {{folder}}, {{name}}, {{stem}} and {{ext}} only."
    if not named & {"name", "stem"}:
        return f"the pattern {pattern!r} does not name the file, so it would be the same for everybody."
    if "*" in pattern and (pattern.count("*") > 1 or not pattern.endswith("{name}.*")):
        return (
            f"in the pattern {pattern!r} a * may only end it, after {{name}}. and nothing else: others' files fit else."
        )
    return None


def alias_of(storage: Storage) -> str:
    """The alias of a storage in ``STORAGES``, or nothing."""
    if storage is default_storage:
        return "default"
    # Nothing of a person's is among the files of the web site itself.
    known = (alias for alias in settings.STORAGES if alias != "staticfiles")
    return next((alias for alias in known if storages[alias] == storage), "")
