"""A policy says, once, what becomes of one model's rows and fields when a subject is erased.

It reads like a ``ModelAdmin``: a class with declarative attributes, registered for a model in the app's ``erasure.py``.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from lethe.emits import Emit
from lethe.fields import field_of
from lethe.strategies import EMPTY, Replace, Strategy

if TYPE_CHECKING:
    from django.db import models
    from django_stubs_ext import StrOrPromise

    from lethe.batch import Batch


@dataclass(frozen=True)
class Rows:
    """What becomes of a model's rows: they go, they stay, or they are nobody's."""

    fate: str
    reason: str = ""
    until: str = ""


def delete_rows() -> Rows:
    """The rows are deleted."""
    return Rows("delete")


def keep_rows(reason: str, *, until: str = "") -> Rows:
    """The rows stay, for a stated reason and, where it ends, until a stated time (in words)."""
    return Rows("keep", reason, until)


def not_personal(reason: str) -> Rows:
    """The model can be reached from a subject and still holds nothing personal; the reason says how that can be."""
    return Rows("not personal", reason)


@dataclass(frozen=True)
class Keep:
    """Why a field stays, and until when."""

    reason: str
    until: str = ""


def keep(reason: str, *, until: str = "") -> Keep:
    """A field stays, for a stated reason and, where it ends before its row does, until a stated time (in words)::

    keep = {"iban": keep("money may have to be paid back", until="thirteen months after the last payment")}
    """
    return Keep(reason, until)


def reason_of(said: str | Keep) -> str:
    """The reason in an answer of ``keep``."""
    return said.reason if isinstance(said, Keep) else said


Rowset = Callable[[datetime.datetime], "models.QuerySet[Any] | tuple[models.QuerySet[Any], ...]"]


@dataclass(frozen=True)
class Blocker:
    """Something a person settles before a subject is erased (rows H3-H8).

    ``rows`` takes the moment "now" and returns an unsliced queryset of what blocks; ``path`` leads from its model to
    the subject. Where there are several ways there, ``path`` is a tuple, and ``rows`` may return one queryset a path.
    ``amount`` names a column or annotation to add up, ``unit`` the column of its unit (a currency); both may be empty.
    ``settle`` is a hint for people.
    """

    name: str
    label: StrOrPromise
    rows: Rowset
    path: str | tuple[str, ...] = "client"
    amount: str = ""
    unit: str = ""
    settle: StrOrPromise = ""


@dataclass(frozen=True)
class Action:
    """A step of the project's own, run first: cancellations, freed places, forfeits. Set-based, any number of subjects.

    ``rows`` is as for :class:`Blocker` and says what it will touch, so that the preview can count it; ``run`` does it,
    and is not called where there is nothing to touch. Both see the same "now".
    """

    name: str
    label: StrOrPromise
    rows: Rowset
    run: Callable[[Batch], Mapping[str, int] | None]
    path: str | tuple[str, ...] = "client"
    amount: str = ""
    unit: str = ""


@dataclass(frozen=True)
class ByValue:
    """A path that is no foreign key: rows whose column holds what a column of the subject holds."""

    column: str
    of: str
    subject: str = ""
    fold: bool = True

    @property
    def field(self) -> str:
        """The model's own field, without what follows it."""
        return self.column.split("__")[0]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys inside a JSON column, or the rest of the way where the field is a relation."""
        return tuple(self.column.split("__")[1:])

    def after(self, name: str) -> ByValue:
        """The same way for rows that refer by ``name`` to the rows found so."""
        return replace(self, column=f"{name}__{self.column}")

    def __str__(self) -> str:
        return self.column


def by_value(column: str, *, of: str, subject: str = "", fold: bool = True) -> ByValue:
    """A path for tables that know the subject by a value: ``by_value("username", of="email")``.

    ``column`` is a field of the policy's model; ``"data__user_id"`` looks up a key inside a JSON column, and
    ``"ticket__sender"`` a column of a row that this one refers to. ``of`` is a
    field of the subject, ``"pk"`` its key. Text is compared without regard to case unless ``fold`` is false (SQLite
    folds ASCII letters only). Where there are several kinds of subject, ``subject`` is the label of the one that is
    meant; else it is every one that has such a field. An empty value belongs to no one. The value is the one before
    the erasure.
    """
    return ByValue(column, of, subject, fold)


class Policy:
    """Subclass this, register it for a model, and answer for every field.

    Every table answers, those that Django makes for a many-to-many field too (``@register(Client.groups.through)``):
    who is tied to whom may be all that a report counts. A model whose parent has a table of its own answers for the
    parent's fields too, unless the parent has a policy. Where there are several kinds of subject, each erasure takes
    the paths that lead to its own.

    ``subject``
        ``True`` for the person's own row. Exactly one step away from nothing: it has no path.
    ``path``
        Lookup path, or several, from this model to the subject: ``"client"``, ``"invoice__client"``, ``"user__client"``
        (through a reverse one-to-one too). A row belongs to the subject where any of them leads there. A table that
        holds a value of the subject instead of a key says so with :func:`by_value`.
    ``by_key``
        For tables that point by value, as audits do: ``(content type field, key field)``. Rows about the subject, and
        about any row of the models in ``by_key_models`` that belongs to the subject, are the subject's.
    ``rows``
        :func:`delete_rows`, :func:`keep_rows` or :func:`not_personal`.
    ``clear``, ``replace``
        Fields that are emptied; fields that get a value or a :class:`~lethe.strategies.Strategy`.
    ``keep``
        Fields that stay: a tuple of names, or one name, to the reason, or to :func:`keep` with an end.
    ``unlink``
        References to the subject on rows that are somebody else's: set to NULL where they name the subject, with the
        listed companions emptied. ``{"booked_by": ()}``.
    ``history``
        Whether new rows may point at an erased subject (a refund). Their cleared fields must be empty.
    ``emits``
        Effects recorded per row before it goes (:func:`emit`).
    ``secrets``
        Fields that are left out of the person's own copy, because who holds them could act as the person.
    ``not_sought``
        Fields whose values are nobody's own (a device's model, a brand): no search for residue looks for them.
    ``blockers``, ``first``
        Of the subject: :class:`Blocker` and :class:`Action`.
    ``suggested``
        Answers that ``lethe init`` suggested and nobody has confirmed yet: names of fields, or ``"rows"``. Nothing is
        erased while there is one. Delete each name once you have decided, and the line when none is left.
    """

    model: ClassVar[type[models.Model]]
    subject: ClassVar[bool] = False
    path: ClassVar[str | ByValue | Sequence[str | ByValue]] = ()
    by_key: ClassVar[tuple[str, str] | None] = None
    by_key_models: ClassVar[Callable[[], Sequence[type[models.Model]]] | None] = None
    rows: ClassVar[Rows | None] = None
    clear: ClassVar[Sequence[str]] = ()
    replace: ClassVar[Mapping[str, Any]] = {}
    keep: ClassVar[Mapping[str | tuple[str, ...], str | Keep]] = {}
    unlink: ClassVar[Mapping[str, Sequence[str]]] = {}
    history: ClassVar[bool] = False
    emits: ClassVar[Sequence[Emit]] = ()
    secrets: ClassVar[Sequence[str]] = ()
    not_sought: ClassVar[Sequence[str]] = ()
    blockers: ClassVar[Sequence[Blocker]] = ()
    first: ClassVar[Sequence[Action]] = ()
    suggested: ClassVar[Sequence[str]] = ()

    @classmethod
    def paths(cls) -> tuple[str, ...]:
        """The paths to the subject along relations, always as a tuple."""
        return tuple(path for path in cls.all_paths() if isinstance(path, str))

    @classmethod
    def values(cls) -> tuple[ByValue, ...]:
        """The paths to the subject by value."""
        return tuple(path for path in cls.all_paths() if isinstance(path, ByValue))

    @classmethod
    def all_paths(cls) -> tuple[str | ByValue, ...]:
        """The paths to the subject, of either kind, always as a tuple."""
        return (cls.path,) if isinstance(cls.path, str | ByValue) else tuple(cls.path)

    @classmethod
    def ways_from(cls, name: str) -> tuple[str | ByValue, ...]:
        """The paths to the subject for rows that refer by ``name`` to rows of this model."""
        return tuple(f"{name}__{path}" if isinstance(path, str) else path.after(name) for path in cls.all_paths())

    @classmethod
    def receipted(cls, batch: Batch) -> None:
        """Of the subject: called once in each erasing transaction, after the actions, when the numbers of the receipts
        are drawn. A project that hands them out by itself records them here, so that no deed is without one. As an
        action it may raise :class:`lethe.exceptions.TryAgain`."""

    @classmethod
    def strategies(cls) -> dict[str, Strategy]:
        """Field name to strategy, for every field that changes."""
        changes: dict[str, Strategy] = dict.fromkeys(cls.clear, EMPTY)
        for name, value in cls.replace.items():
            changes[name] = value if isinstance(value, Strategy) else Replace(value)
        return changes

    @classmethod
    def kept(cls) -> dict[str, str]:
        """Field name to the reason it is kept."""
        return {name: reason_of(said) for name, said in cls.keeping().items()}

    @classmethod
    def kept_until(cls) -> dict[str, str]:
        """Field name to the end of its keeping, for the fields that have one of their own."""
        return {name: said.until for name, said in cls.keeping().items() if isinstance(said, Keep) and said.until}

    @classmethod
    def keeping(cls) -> dict[str, str | Keep]:
        """Field name to what is said of its keeping."""
        return {
            name: said for names, said in cls.keep.items() for name in ((names,) if isinstance(names, str) else names)
        }

    @classmethod
    def effects(cls) -> tuple[Emit, ...]:
        """What is recorded for each row: what the policy says, and the files that its strategies delete."""
        of_fields = (strategy.effect(field_of(cls.model, name)) for name, strategy in cls.strategies().items())
        return (*cls.emits, *filter(None, of_fields))

    @classmethod
    def enforced(cls, ids: Sequence[Any], using: str) -> frozenset[str]:
        """Names of the blockers that block these subjects; override to let each business choose. All, unless said."""
        return frozenset(blocker.name for blocker in cls.blockers)
