"""What ``lethe init`` suggests: a policy for every model in reach that has none, with an answer for every field.

The first guess follows the foreign keys as Django reads them: what goes with the person by CASCADE goes, what holds
money or says what happened stays, what only mentions somebody is untied. Then the guesses are made to agree with each
other, so that the gate finds nothing in them but that no person has confirmed them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.apps import apps
from django.conf import settings
from django.core import checks

from lethe import contrib
from lethe.answers import findings
from lethe.drafts import Draft
from lethe.exceptions import LetheError
from lethe.graph import Model, concrete
from lethe.registry import Registry
from lethe.suggestion import Suggestion


def subjects(source: Registry) -> list[Model]:
    """The kinds of person that the project names, and those it has declared.

    Raises ``LetheError`` where there is none: nobody can guess whose data it is.
    """
    named = [concrete(apps.get_model(label)) for label in getattr(settings, "LETHE_SUBJECTS", ())]
    found = list(dict.fromkeys([*named, *(concrete(policy.model) for policy in source.subjects())]))
    if not found:
        raise LetheError(
            f'Say first who can be erased. In the settings: LETHE_SUBJECTS = ["{settings.AUTH_USER_MODEL}"].'
        )
    return found


def suggest(source: Registry, *, sample: bool = False, left_out: Iterable[Model] = ()) -> list[Suggestion]:
    """Suggestions for every model in reach without a policy, in order of their labels.

    ``source`` holds the policies that stand; ``left_out`` are models that somebody else answers for. With ``sample``,
    text columns are looked at: one query a model.
    """
    draft = Draft(source, subjects(source), sample, set(left_out))
    draft.follow()
    draft.agree()
    return sorted(draft.made.values(), key=lambda made: made.model._meta.label)


def remaining(source: Registry, made: Sequence[Suggestion], ready: Sequence[str] = ()) -> list[checks.CheckMessage]:
    """What the gate would still find, were every suggestion confirmed and every ``ready`` policy taken in."""
    trial = source.copy()
    for one in made:
        trial.register(one.model, one.policy())
    for name in ready:
        contrib.module(name).install(trial)
    trial.all_read()
    return [found for found in findings(trial) if found.id != "lethe.E024"]
