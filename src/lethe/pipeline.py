"""The order of the stages: declare, check, compile, explain, preview, execute, deliver. Only this knows all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db import models

from lethe import checks
from lethe import preview as preview_stage
from lethe.exceptions import GateClosed, ReasonNamesSubject
from lethe.execute import Outcome, execute
from lethe.explain import Explanation
from lethe.explain import explain as explain_plan
from lethe.export import Copy
from lethe.export import export as export_plan
from lethe.folding import names_someone
from lethe.plan import plan_for
from lethe.preview import Preview
from lethe.residue import Place, search

__all__ = ["Copy", "Explanation", "Outcome", "Place", "Preview", "erase", "explain", "export", "preview", "residue"]

Model = type[models.Model]

#: So many subjects are chosen one by one, and the reason may be about one of them. For a list of thousands any common
#: word is somebody's name or town.
NAMED = 20


def explain(subject: Model, *, using: str = "default") -> Explanation:
    """What an erasure of such a subject removes, what it keeps and why: from the declaration alone."""
    return explain_plan(plan_for(subject, using))


def preview(subject: Model, ids: Sequence[Any], *, using: str = "default") -> Preview:
    """Count what an erasure of these subjects would do; writes nothing."""
    return preview_stage.preview(plan_for(subject, using), ids)


def export(subject: Model, key: Any, *, using: str = "default") -> Copy:
    """The person's own copy of everything the plan finds. Raises ``SubjectNotFound`` where nothing is left to copy."""
    return export_plan(plan_for(subject, using), key)


def residue(subject: Model, ids: Sequence[Any], *, using: str = "default") -> list[Place]:
    """Every place outside the plan that holds a value of these subjects, in the database and the file store."""
    return search(plan_for(subject, using), ids)


def erase(
    subject: Model,
    ids: Iterable[Any],
    *,
    by: str,
    reason: str,
    fingerprint: str | None = None,
    using: str = "default",
    progress: Callable[[int], None] | None = None,
) -> Outcome:
    """Erase subjects, for good.

    ``fingerprint`` is that of the preview a person approved. Raises ``GateClosed`` where the declaration has gaps or
    the seal is not in place, ``ReasonNamesSubject`` where the reason holds a name, an address or a number of theirs,
    and, for a single subject, ``Blocked``, ``Changed`` or ``SubjectNotFound``. Erasing who is erased changes nothing.
    """
    keys = [subject._meta.pk.to_python(key) for key in ids]
    gaps = checks.gaps(using)
    if gaps:
        raise GateClosed(f"Nothing was erased: {gaps[0]} ({len(gaps)} in all; manage.py check lists them).")
    plan = plan_for(subject, using)
    if len(keys) <= NAMED and names_someone(plan, keys, reason):
        raise ReasonNamesSubject
    return execute(plan, keys, by=by, reason=reason, approved=fingerprint, progress=progress)
